//! What the GWM has said about weights, merged over its messages, and which groups it cannot know yet.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use super::{
    config::Desired,
    event::{Event, GroupWeights, MemberWeight},
};
use crate::sasp::{
    code::weight_flags,
    msg::{GroupOf, MemberKey, Name, WeightEntry},
};

/// A GWM needs so many of its intervals after a registration until its weights mean something.
const CONVERGENCE_INTERVALS: u32 = 2;

/// A group with more members that nobody registered here is nonsense; they are not even reported.
const UNKNOWN_MAX: usize = 10_000;

/// One message's weights, by group and member.
pub(super) type Said = BTreeMap<Name, BTreeMap<MemberKey, MemberWeight>>;

/// What absence from a message means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Scope {
    /// The GWM does not have it: a complete answer to Get Weights.
    Everything,
    /// Weights sent unasked. They should have all members of a group (RFC 4678 section 7.6.1), so one that
    /// registered itself and is absent has gone. But an absent member of ours takes no harm before the next
    /// complete answer: some GWMs send at once what has changed, and the rest later.
    WholeGroups,
    /// Nothing has changed.
    Changes,
}

/// What `groups` say about us, and how many of them are about another balancer.
pub(super) fn said(groups: Vec<GroupOf<WeightEntry>>, lb_uid: &Name) -> (Said, u64) {
    let (mut said, mut foreign) = (Said::new(), 0);
    for GroupOf { group, items } in groups {
        if group.lb_uid != *lb_uid {
            foreign += 1;
            continue;
        }
        said.entry(group.name)
            .or_default()
            .extend(items.iter().map(|entry| {
                let is = |flag| entry.flags & flag != 0;
                let weight = MemberWeight {
                    contact: is(weight_flags::CONTACT),
                    quiesce: is(weight_flags::QUIESCE),
                    confident: is(weight_flags::CONFIDENT),
                    by_lb: is(weight_flags::REGISTERED_BY_LB),
                    weight: entry.weight,
                    state: entry.state,
                };
                (entry.member.key, weight)
            }));
    }
    (said, foreign)
}

/// The weights of the wanted groups as the GWM last gave them, of wanted members and others.
#[derive(Debug, Default)]
pub(super) struct View {
    groups: Said,
    /// Groups that were registered lately, and when.
    converging: BTreeMap<Name, Instant>,
}

impl View {
    /// Starts a connection: what is merged must come from it.
    pub(super) fn clear(&mut self) {
        self.groups.clear();
        self.converging.clear();
    }

    /// Merges a message and returns the wanted groups that it is about.
    pub(super) fn hear(&mut self, said: Said, scope: Scope, desired: &Desired) -> Vec<Name> {
        let is_about = |name: &&Name| scope == Scope::Everything || said.contains_key(*name);
        let names: Vec<_> = desired.groups.keys().filter(is_about).cloned().collect();
        if scope == Scope::Everything {
            let silence = desired
                .groups
                .keys()
                .map(|name| (name.clone(), BTreeMap::new()));
            self.groups = silence.collect();
        }
        for (name, members) in said {
            let Some(wanted) = desired.groups.get(&name) else {
                continue;
            };
            let known = self.groups.entry(name).or_default();
            if scope == Scope::WholeGroups {
                known.retain(|key, _| wanted.contains_key(key));
            }
            known.extend(members);
            if known.len() > wanted.len() + UNKNOWN_MAX {
                known.retain(|key, _| wanted.contains_key(key));
            }
        }
        // Where the GWM is sure of everything, it needs no more time.
        self.converging.retain(|name, _| {
            let said = self.groups.get(name);
            let is_sure = |key| {
                said.and_then(|said| said.get(key))
                    .is_some_and(|w| w.contact && w.confident)
            };
            !desired
                .groups
                .get(name)
                .is_some_and(|wanted| wanted.keys().all(is_sure))
        });
        names
    }

    /// True if the GWM has this member in this group, as far as it has said so on this connection.
    pub(super) fn lists(&self, group: &Name, key: &MemberKey) -> bool {
        let said = self.groups.get(group);
        said.is_some_and(|said| said.contains_key(key))
    }

    /// The opaque state that a member has set, 0 if the GWM has not told.
    pub(super) fn opaque_state(&self, group: &Name, key: &MemberKey) -> u8 {
        self.groups
            .get(group)
            .and_then(|said| said.get(key))
            .map_or(0, |weight| weight.state)
    }

    /// Marks a group that is just being registered: the GWM cannot know it yet.
    pub(super) fn converge(&mut self, name: &Name, desired: &Desired, now: Instant) {
        if desired
            .groups
            .get(name)
            .is_some_and(|members| !members.is_empty())
        {
            self.converging.insert(name.clone(), now);
        }
    }

    /// True while this group is converging.
    pub(super) fn converges(&self, name: &Name) -> bool {
        self.converging.contains_key(name)
    }

    /// True while any group is converging.
    pub(super) fn is_converging(&self) -> bool {
        !self.converging.is_empty()
    }

    /// When the first group stops converging, at this interval of the GWM.
    pub(super) fn deadline(&self, interval: Duration) -> Option<Instant> {
        self.converging
            .values()
            .min()
            .map(|since| *since + interval * CONVERGENCE_INTERVALS)
    }

    /// Ends convergence where its time is over. One event for each such group.
    pub(super) fn expire(
        &mut self,
        now: Instant,
        interval: Duration,
        desired: &Desired,
    ) -> Vec<Event> {
        let ends = |since: &Instant| *since + interval * CONVERGENCE_INTERVALS <= now;
        let ended: Vec<_> = self
            .converging
            .extract_if(.., |_, since| ends(since))
            .collect();
        ended
            .iter()
            .filter_map(|(name, _)| self.event(name, desired))
            .collect()
    }

    /// Forgets what is no longer wanted. One event for each group whose members have changed.
    pub(super) fn set_desired(&mut self, old: &Desired, new: &Desired) -> Vec<Event> {
        self.groups.retain(|name, _| new.groups.contains_key(name));
        self.converging
            .retain(|name, _| new.groups.contains_key(name));
        let same = |name| match (old.groups.get(name), new.groups.get(name)) {
            (Some(old), Some(new)) => old.keys().eq(new.keys()),
            _ => false,
        };
        let changed = new.groups.keys().filter(|name| !same(*name));
        changed.filter_map(|name| self.event(name, new)).collect()
    }

    /// All that is said of a wanted group; none if the GWM has said nothing of it on this connection.
    pub(super) fn event(&self, name: &Name, desired: &Desired) -> Option<Event> {
        let (wanted, said) = (desired.groups.get(name)?, self.groups.get(name)?);
        let (members, unknown) = said
            .iter()
            .map(|(key, weight)| (*key, *weight))
            .partition(|(key, _)| wanted.contains_key(key));
        let converging = self.converges(name);
        let weights = GroupWeights {
            name: name.clone(),
            members,
            converging,
        };
        Some(Event::Weights { weights, unknown })
    }
}
