//! Registration (RFC 4678 section 7.1). Groups that stand twice in a request are merged.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Instant;

use super::balancer::{Balancer, REPLY_BASE};
use super::check::{groups_are_named, names_are_text};
use super::connection::ConnectionId;
use super::member::{Registered, Speaker};
use super::refusal::Refusal;
use super::weights::Assessment;
use super::{Event, Gwm};
use crate::sasp::msg::{GroupOf, Member, MemberKey, Name, RegistrationRequest};
use crate::sasp::saturate::Tally as _;

/// Members of one group that a 16-bit count can announce.
const GROUP_MEMBERS_MAX: usize = u16::MAX as usize;

/// The members of each group of one balancer, merged.
type Groups<'a> = BTreeMap<&'a Name, BTreeMap<MemberKey, &'a Member>>;
/// What a request adds, by LB UID.
type Additions<'a> = BTreeMap<&'a Name, Groups<'a>>;

impl Gwm {
    pub(super) fn register(
        &mut self,
        id: ConnectionId,
        request: &RegistrationRequest,
        now: Instant,
    ) -> Result<(), Refusal> {
        let speaker = Speaker::of(request.flags);
        let additions = self.check_registration(id, speaker, &request.groups)?;

        if speaker == Speaker::Balancer
            && let Some(uid) = additions.keys().next()
        {
            self.bind(id, uid, now);
        }
        for (uid, groups) in additions {
            self.add(id, uid, groups, speaker);
            self.wake_for_push(uid);
        }
        Ok(())
    }

    fn check_registration<'a>(
        &self,
        id: ConnectionId,
        speaker: Speaker,
        blocks: &'a [GroupOf<Member>],
    ) -> Result<Additions<'a>, Refusal> {
        let groups = blocks.iter().map(|block| &block.group);
        let uids = groups.clone().map(|group| &group.lb_uid);
        let names = groups
            .clone()
            .flat_map(|group| [&group.lb_uid, &group.name]);
        names_are_text(names)?;
        self.uids_fit(uids.clone())?;
        groups_are_named(groups)?;
        self.may_speak(id, speaker, uids.clone())?;
        self.speaks_for_itself(id, speaker, blocks.iter().flat_map(|block| &block.items))?;
        if speaker == Speaker::Member {
            self.is_known(speaker, uids)?;
        }
        let additions = merge(blocks)?;
        self.has_room_for_all(&additions)?;
        for (uid, groups) in &additions {
            let existing = self.balancers.get(uid);
            groups_are_valid(existing, groups)?;
            self.groups_fit(uid, existing, groups)?;
        }
        for (uid, groups) in &additions {
            members_are_new(self.balancers.get(uid), groups)?;
        }
        Ok(additions)
    }

    fn has_room_for_all(&self, additions: &Additions<'_>) -> Result<(), Refusal> {
        let all_fit = additions.keys().all(|uid| self.has_room_for(uid));
        Refusal::TooManyBalancers.unless(all_fit)?;
        let present: usize = self.balancers.values().map(Balancer::members).sum();
        let added: usize = additions
            .values()
            .flat_map(Groups::values)
            .map(BTreeMap::len)
            .sum();
        let fits = added == 0 || present.saturating_add(added) <= self.policy.limits.members_total;
        Refusal::TooManyMembers.unless(fits)
    }

    /// Code 0x45 for the limits of one balancer.
    fn groups_fit(
        &self,
        uid: &Name,
        existing: Option<&Balancer>,
        groups: &Groups<'_>,
    ) -> Result<(), Refusal> {
        let limits = &self.policy.limits;
        let (mut group_count, mut member_count, mut bytes) = match existing {
            Some(b) => (b.groups().len(), b.members(), b.reply_bytes()),
            None => (0_usize, 0_usize, REPLY_BASE),
        };
        for (name, members) in groups.iter().filter(|(_, members)| !members.is_empty()) {
            let present = existing.and_then(|balancer| balancer.groups().get(name));
            if present.is_none() {
                group_count.grow(1);
                bytes.grow(Balancer::group_bytes(uid, name));
            }
            let in_group = present
                .map_or(0, BTreeMap::len)
                .saturating_add(members.len());
            Refusal::TooManyMembers.unless(in_group <= GROUP_MEMBERS_MAX)?;
            member_count.grow(members.len());
            let sizes = members.values().map(|m| Balancer::member_bytes(&m.label));
            bytes.grow(sizes.sum());
        }
        Refusal::TooManyGroups.unless(group_count <= limits.groups)?;
        Refusal::TooManyMembers.unless(member_count <= limits.members)?;
        Refusal::ReplyTooLong.unless(bytes <= limits.reply_bytes)
    }

    fn add(&mut self, id: ConnectionId, uid: &Name, groups: Groups<'_>, speaker: Speaker) {
        let (Some(balancer), Some(connection)) =
            (self.balancers.get_mut(uid), self.connections.get(&id))
        else {
            return;
        };
        let (mut added, mut unmatched) = (0_usize, 0_usize);
        for (group, members) in groups {
            for (key, member) in members {
                let assessment = self.policy.weights.assess(uid, group, &key);
                unmatched.grow(usize::from(assessment == Assessment::UNKNOWN));
                added.grow(1);
                let member = Registered::new(member.label.clone(), speaker, assessment);
                balancer.add(uid, group, key, member);
            }
        }
        if added > 0 {
            self.events.push_back(Event::Registered {
                uid: uid.clone(),
                peer: connection.peer,
                members: added,
                unmatched,
                by: speaker,
            });
        }
    }
}

/// Code 0x44: a member twice in one group, in whichever of its blocks.
fn merge(blocks: &[GroupOf<Member>]) -> Result<Additions<'_>, Refusal> {
    let mut additions = Additions::new();
    for block in blocks {
        let groups = additions.entry(&block.group.lb_uid).or_default();
        let members = groups.entry(&block.group.name).or_default();
        for member in &block.items {
            match members.entry(member.key) {
                Entry::Vacant(entry) => entry.insert(member),
                Entry::Occupied(_) => return Err(Refusal::DuplicateMember),
            };
        }
    }
    Ok(additions)
}

/// Code 0x45: addresses of nobody, and system beside application members in one group.
fn groups_are_valid(existing: Option<&Balancer>, groups: &Groups<'_>) -> Result<(), Refusal> {
    for (name, members) in groups {
        if members.keys().any(|key| is_nobody(key.address)) {
            return Err(Refusal::ImpossibleAddress);
        }
        let present = existing.and_then(|balancer| balancer.groups().get(name));
        let present_keys = present
            .into_iter()
            .flat_map(|members| members.keys().next());
        let mut kinds = present_keys.chain(members.keys()).map(is_system);
        if let Some(first) = kinds.next()
            && kinds.any(|kind| kind != first)
        {
            return Err(Refusal::MixedGroup);
        }
    }
    Ok(())
}

/// Code 0x40: already there, whoever registered it.
fn members_are_new(existing: Option<&Balancer>, groups: &Groups<'_>) -> Result<(), Refusal> {
    for (name, members) in groups {
        let present = existing.and_then(|balancer| balancer.groups().get(name));
        if present.is_some_and(|present| members.keys().any(|key| present.contains_key(key))) {
            return Err(Refusal::AlreadyRegistered);
        }
    }
    Ok(())
}

/// A system-level member; exactly one of protocol and port 0 is an ordinary, if odd, key.
fn is_system(key: &MemberKey) -> bool {
    key.protocol == 0 && key.port == 0
}

/// The unspecified addresses, and `::1`, whose twelve leading zero bytes make it 0.0.0.1 on the wire.
fn is_nobody(address: IpAddr) -> bool {
    address.is_unspecified()
        || address == IpAddr::V4(Ipv4Addr::new(0, 0, 0, 1))
        || address == IpAddr::V6(Ipv6Addr::LOCALHOST)
}
