//! DeRegistration (RFC 4678 section 7.2): members, whole groups, or all groups of a balancer.

use std::collections::BTreeMap;
use std::time::Instant;

use super::check::{groups_are_distinct, members_are_distinct};
use super::connection::ConnectionId;
use super::member::Speaker;
use super::refusal::Refusal;
use super::{Event, Gwm};
use crate::sasp::msg::{DeregistrationRequest, GroupOf, Member, Name};
use crate::sasp::saturate::Tally as _;

impl Gwm {
    pub(super) fn deregister(
        &mut self,
        id: ConnectionId,
        request: &DeregistrationRequest,
        now: Instant,
    ) -> Result<(), Refusal> {
        let speaker = Speaker::of(request.flags);
        self.check_deregistration(id, speaker, &request.groups)?;

        if speaker == Speaker::Balancer
            && let Some(block) = request.groups.first()
        {
            self.bind(id, &block.group.lb_uid, now);
        }
        let mut removed: BTreeMap<&Name, usize> = BTreeMap::new();
        for block in &request.groups {
            removed
                .entry(&block.group.lb_uid)
                .or_default()
                .grow(self.remove_block(block));
        }
        for (uid, members) in removed {
            if members > 0
                && let Some(connection) = self.connections.get(&id)
            {
                self.events.push_back(Event::Deregistered {
                    uid: uid.clone(),
                    peer: connection.peer,
                    members,
                    reason: request.reason,
                    by: speaker,
                });
                self.wake_for_push(uid);
            }
        }
        Ok(())
    }

    fn check_deregistration(
        &self,
        id: ConnectionId,
        speaker: Speaker,
        blocks: &[GroupOf<Member>],
    ) -> Result<(), Refusal> {
        let uids = blocks.iter().map(|block| &block.group.lb_uid);
        // Read literally, it would wipe every group while it names a few members.
        if blocks
            .iter()
            .any(|block| block.group.name.is_empty() && !block.items.is_empty())
        {
            return Err(Refusal::AllGroupsWithMembers);
        }
        self.uids_fit(uids.clone())?;
        self.may_speak(id, speaker, uids.clone())?;
        if speaker == Speaker::Member && blocks.iter().any(|block| block.items.is_empty()) {
            return Err(Refusal::MemberNamesWholeGroup);
        }
        self.speaks_for_itself(id, speaker, blocks.iter().flat_map(|block| &block.items))?;
        self.is_known(speaker, uids)?;
        groups_are_distinct(blocks.iter().map(|block| &block.group))?;
        for block in blocks {
            members_are_distinct(block.items.iter())?;
        }
        self.groups_are_known(blocks.iter().map(|block| &block.group))?;
        self.members_are_known(blocks, |member| member)
    }

    /// How many members went.
    fn remove_block(&mut self, block: &GroupOf<Member>) -> usize {
        let uid = &block.group.lb_uid;
        let Some(balancer) = self.balancers.get_mut(uid) else {
            return 0;
        };
        let before = balancer.members();
        if block.group.name.is_empty() {
            let names: Vec<Name> = balancer.groups().keys().cloned().collect();
            for name in names {
                balancer.remove_group(uid, &name);
            }
        } else if block.items.is_empty() {
            balancer.remove_group(uid, &block.group.name);
        }
        for member in &block.items {
            balancer.remove(uid, &block.group.name, &member.key);
        }
        before.saturating_sub(balancer.members())
    }
}
