//! The checks of a request's content that several requests share, by code.
//!
//! They change nothing; in which order they are asked is each request's matter.

use std::collections::BTreeSet;

use super::Gwm;
use super::refusal::Refusal;
use crate::sasp::msg::{Group, GroupOf, Member, Name};

/// Code 0x10: names of something new must be text (RFC 4678 section 4).
pub(super) fn names_are_text<'a>(mut names: impl Iterator<Item = &'a Name>) -> Result<(), Refusal> {
    Refusal::NotText.unless(names.all(Name::is_text))
}

/// Code 0x50, where an empty name does not mean "all groups".
pub(super) fn groups_are_named<'a>(
    mut groups: impl Iterator<Item = &'a Group>,
) -> Result<(), Refusal> {
    Refusal::EmptyGroupName.unless(groups.all(|group| !group.name.is_empty()))
}

/// Code 0x46: a group twice, or "all groups" beside another group of the same balancer.
pub(super) fn groups_are_distinct<'a>(
    groups: impl Iterator<Item = &'a Group>,
) -> Result<(), Refusal> {
    let mut seen = BTreeSet::new();
    let mut all_of = BTreeSet::new();
    let mut some_of = BTreeSet::new();
    for group in groups {
        Refusal::DuplicateGroup.unless(seen.insert(group))?;
        if group.name.is_empty() {
            all_of.insert(&group.lb_uid);
        } else {
            some_of.insert(&group.lb_uid);
        }
    }
    Refusal::DuplicateGroup.unless(all_of.is_disjoint(&some_of))
}

/// Code 0x44: a member twice inside one block. The label is no part of its identity.
pub(super) fn members_are_distinct<'a>(
    mut members: impl Iterator<Item = &'a Member>,
) -> Result<(), Refusal> {
    let mut seen = BTreeSet::new();
    Refusal::DuplicateMember.unless(members.all(|member| seen.insert(member.key)))
}

impl Gwm {
    /// Code 0x51.
    pub(super) fn uids_fit<'a>(
        &self,
        mut uids: impl Iterator<Item = &'a Name>,
    ) -> Result<(), Refusal> {
        let allowed = 1..=self.policy.limits.uid_bytes;
        Refusal::LbUidLength.unless(uids.all(|uid| allowed.contains(&uid.len())))
    }

    /// Code 0x42.
    pub(super) fn groups_are_known<'a>(
        &self,
        mut groups: impl Iterator<Item = &'a Group>,
    ) -> Result<(), Refusal> {
        let known = |group: &Group| {
            let balancer = self.balancers.get(&group.lb_uid);
            group.name.is_empty() || balancer.is_some_and(|b| b.groups().contains_key(&group.name))
        };
        Refusal::UnknownGroup.unless(groups.all(known))
    }

    /// Code 0x41.
    pub(super) fn members_are_known<T>(
        &self,
        blocks: &[GroupOf<T>],
        member: impl Fn(&T) -> &Member,
    ) -> Result<(), Refusal> {
        let known = |block: &GroupOf<T>| {
            let balancer = self.balancers.get(&block.group.lb_uid);
            let members = balancer.and_then(|balancer| balancer.groups().get(&block.group.name));
            let is_in = |item: &T| members.is_some_and(|m| m.contains_key(&member(item).key));
            block.items.iter().all(is_in)
        };
        Refusal::UnknownMember.unless(blocks.iter().all(known))
    }
}
