//! Set Member State (RFC 4678 section 7.5): quiesce, resume, and an opaque byte for the balancer.

use std::collections::BTreeMap;
use std::time::Instant;

use super::check::{groups_are_distinct, groups_are_named, members_are_distinct};
use super::connection::ConnectionId;
use super::member::{Registered, Speaker};
use super::refusal::Refusal;
use super::{Event, Gwm};
use crate::sasp::code::member_flags;
use crate::sasp::msg::{Group, GroupOf, MemberState, Name, SetMemberStateRequest};
use crate::sasp::saturate::Tally as _;

impl Gwm {
    pub(super) fn set_member_state(
        &mut self,
        id: ConnectionId,
        request: &SetMemberStateRequest,
        now: Instant,
    ) -> Result<(), Refusal> {
        let speaker = Speaker::of(request.flags);
        self.check_member_state(id, speaker, &request.groups)?;

        if speaker == Speaker::Balancer
            && let Some(block) = request.groups.first()
        {
            self.bind(id, &block.group.lb_uid, now);
        }
        let mut changed: BTreeMap<&Name, usize> = BTreeMap::new();
        for block in &request.groups {
            let Group { lb_uid, name } = &block.group;
            let Some(balancer) = self.balancers.get_mut(lb_uid) else {
                continue;
            };
            for item in &block.items {
                let differs =
                    balancer.change(name, &item.member.key, |member| set(member, item, speaker));
                changed
                    .entry(lb_uid)
                    .or_default()
                    .grow(usize::from(differs));
            }
        }
        for (uid, members) in changed {
            if members > 0
                && let Some(connection) = self.connections.get(&id)
            {
                self.events.push_back(Event::MemberStates {
                    uid: uid.clone(),
                    peer: connection.peer,
                    members,
                    by: speaker,
                });
                self.wake_for_push(uid);
            }
        }
        Ok(())
    }

    fn check_member_state(
        &self,
        id: ConnectionId,
        speaker: Speaker,
        blocks: &[GroupOf<MemberState>],
    ) -> Result<(), Refusal> {
        let uids = blocks.iter().map(|block| &block.group.lb_uid);
        let groups = blocks.iter().map(|block| &block.group);
        let members = blocks
            .iter()
            .flat_map(|block| &block.items)
            .map(|item| &item.member);
        self.uids_fit(uids.clone())?;
        groups_are_named(groups.clone())?;
        self.may_speak(id, speaker, uids.clone())?;
        self.speaks_for_itself(id, speaker, members)?;
        self.is_known(speaker, uids)?;
        groups_are_distinct(groups.clone())?;
        for block in blocks {
            members_are_distinct(block.items.iter().map(|item| &item.member))?;
        }
        self.groups_are_known(groups)?;
        self.members_are_known(blocks, |item| &item.member)
    }
}

fn set(member: &mut Registered, to: &MemberState, speaker: Speaker) {
    let quiesced = to.flags & member_flags::QUIESCE != 0;
    member.state = to.state;
    match speaker {
        Speaker::Balancer => member.quiesced_by_balancer = quiesced,
        Speaker::Member => member.quiesced_by_member = quiesced,
    }
}
