//! What a GWM remembers of one balancer: its groups, members and wishes.
//!
//! Nothing is checked here: the message files have done that before they change anything.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Instant;

use super::ConnectionId;
use super::member::Registered;
use super::weights::Assessment;
use crate::sasp::code::lb_flags;
use crate::sasp::msg::{MemberKey, Name, WeightEntry};
use crate::sasp::saturate::Tally as _;

/// A Get Weights reply without groups: header and message component, in bytes.
pub(super) const REPLY_BASE: usize = 13 + 9;
/// 0x4011 and 0x3011 of one group without its names, in bytes.
const GROUP_BASE: usize = 6 + 6;
/// 0x3010 and 0x3012 of one member without its label, in bytes.
const MEMBER_BASE: usize = 24 + 8;

/// Whether the balancer is there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Link {
    /// It speaks on this connection.
    Up(ConnectionId),
    /// Its connection ended; the grace time runs.
    Lost {
        /// When it ended.
        since: Instant,
        /// Its other end.
        peer: SocketAddr,
    },
}

/// What the balancer wants (Set LB State); as bits of [`lb_flags`], reserved ones cleared.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(super) struct Wishes(u8);

impl Wishes {
    pub(super) fn new(flags: u8) -> Self {
        Self(flags & (lb_flags::PUSH | lb_flags::TRUST | lb_flags::NO_CHANGE))
    }

    pub(super) fn push(self) -> bool {
        self.0 & lb_flags::PUSH != 0
    }

    pub(super) fn trust(self) -> bool {
        self.0 & lb_flags::TRUST != 0
    }

    pub(super) fn no_change(self) -> bool {
        self.0 & lb_flags::NO_CHANGE != 0
    }
}

/// The members of one group. A group without members does not exist.
pub(super) type Members = BTreeMap<MemberKey, Registered>;

/// Everything about one LB UID.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Balancer {
    pub(super) link: Link,
    pub(super) wishes: Wishes,
    /// As told by Set LB State; kept for display, nothing follows from it.
    pub(super) health: u8,
    /// Something that a push would show has changed since the last one.
    pub(super) unpushed: bool,
    /// The connection was told of some group, so "none" is news to it.
    pub(super) told_of_groups: bool,
    groups: BTreeMap<Name, Members>,
    members: usize,
    reply_bytes: usize,
}

impl Balancer {
    pub(super) fn new(link: Link) -> Self {
        Self {
            link,
            wishes: Wishes::default(),
            health: 0,
            unpushed: false,
            told_of_groups: false,
            groups: BTreeMap::new(),
            members: 0,
            reply_bytes: REPLY_BASE,
        }
    }

    /// Members may speak for themselves.
    pub(super) fn trusts(&self) -> bool {
        self.wishes.trust()
    }

    pub(super) fn groups(&self) -> &BTreeMap<Name, Members> {
        &self.groups
    }

    /// Members of all groups.
    pub(super) fn members(&self) -> usize {
        self.members
    }

    /// Size of a Get Weights reply for all groups, in bytes.
    pub(super) fn reply_bytes(&self) -> usize {
        self.reply_bytes
    }

    /// What a new member with this label adds to [`Balancer::reply_bytes`].
    pub(super) fn member_bytes(label: &Name) -> usize {
        MEMBER_BASE.saturating_add(label.len())
    }

    /// What a new group adds to [`Balancer::reply_bytes`].
    pub(super) fn group_bytes(uid: &Name, group: &Name) -> usize {
        GROUP_BASE
            .saturating_add(uid.len())
            .saturating_add(group.len())
    }

    /// Adds a member that is not there yet, and its group if it is the first.
    pub(super) fn add(&mut self, uid: &Name, group: &Name, key: MemberKey, member: Registered) {
        let label_bytes = Self::member_bytes(&member.label);
        let members = self.groups.entry(group.clone()).or_insert_with(|| {
            self.reply_bytes.grow(Self::group_bytes(uid, group));
            Members::new()
        });
        if members.insert(key, member).is_none() {
            self.members.grow(1);
            self.reply_bytes.grow(label_bytes);
        }
        self.unpushed = true;
    }

    /// Removes a member, and its group if it was the last.
    pub(super) fn remove(&mut self, uid: &Name, group: &Name, key: &MemberKey) {
        let Some(members) = self.groups.get_mut(group) else {
            return;
        };
        if let Some(member) = members.remove(key) {
            self.members.shrink(1);
            self.reply_bytes.shrink(Self::member_bytes(&member.label));
            self.unpushed = true;
        }
        if members.is_empty() {
            self.groups.remove(group);
            self.reply_bytes.shrink(Self::group_bytes(uid, group));
        }
    }

    /// Removes a group with all its members.
    pub(super) fn remove_group(&mut self, uid: &Name, group: &Name) {
        if let Some(members) = self.groups.remove(group) {
            self.members.shrink(members.len());
            let labels: usize = members.values().map(|m| Self::member_bytes(&m.label)).sum();
            self.reply_bytes.shrink(labels);
            self.reply_bytes.shrink(Self::group_bytes(uid, group));
            self.unpushed = true;
        }
    }

    /// Changes a member; true if that shows in its weight entry.
    pub(super) fn change(
        &mut self,
        group: &Name,
        key: &MemberKey,
        change: impl FnOnce(&mut Registered),
    ) -> bool {
        let Some(member) = self
            .groups
            .get_mut(group)
            .and_then(|members| members.get_mut(key))
        else {
            return false;
        };
        let before = member.shown();
        change(member);
        let changed = member.shown() != before;
        self.unpushed |= changed;
        changed
    }

    /// Assesses every member anew; how many entries show a difference.
    pub(super) fn reassess(&mut self, assess: impl Fn(&Name, &MemberKey) -> Assessment) -> usize {
        let mut changed = 0_usize;
        for (group, members) in &mut self.groups {
            for (key, member) in members {
                let before = member.shown();
                member.assessment = assess(group, key);
                changed.grow(usize::from(member.shown() != before));
            }
        }
        self.unpushed |= changed > 0;
        changed
    }

    /// The weights of one group, `None` if there is no such group. What it lists counts as sent.
    pub(super) fn report(&mut self, group: &Name, changed_only: bool) -> Option<Vec<WeightEntry>> {
        let members = self.groups.get_mut(group)?;
        self.told_of_groups = true;
        let entries = members.iter_mut();
        Some(
            entries
                .filter_map(|(key, member)| member.report(*key, changed_only))
                .collect(),
        )
    }

    /// A new connection knows nothing of what an older one was told.
    pub(super) fn forget_sent(&mut self) {
        for member in self.groups.values_mut().flat_map(Members::values_mut) {
            member.sent = None;
        }
        self.told_of_groups = false;
        self.unpushed = true;
    }
}
