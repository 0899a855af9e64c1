//! What the GWM has said about weights, merged over its messages, and which groups it cannot know yet.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use super::{
    config::Desired,
    event::{Event, GroupWeights, MemberWeight},
};
use crate::sasp::saturate::{Later as _, Tally as _};
use crate::sasp::{
    code::weight_flags,
    msg::{GroupOf, MemberKey, Name, WeightEntry},
};

/// A GWM needs so many of its intervals after a connection or a registration until its weights mean something.
const CONVERGENCE_INTERVALS: u32 = 2;

/// However long its intervals are: twice ten minutes, the longest that balancers are known to poll at. Up to 65,535
/// seconds can be announced, and nobody wants a group on static weights for a day.
const CONVERGENCE_MAX: Duration = Duration::from_secs(2 * 600);

/// A group with more members that nobody registered here is nonsense; the others are not even reported.
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
    let (mut said, mut foreign) = (Said::new(), 0_u64);
    for GroupOf { group, items } in groups {
        if group.lb_uid != *lb_uid {
            foreign.grow(1);
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
    /// Groups that the GWM may not have looked at yet: since then it has been connected, or has had the group.
    converging: BTreeMap<Name, Instant>,
}

impl View {
    /// Starts a connection: what is merged must come from it. Every group converges, also those that the GWM has kept:
    /// it may have been restarted, or have lost its own sources, and not have looked again yet.
    pub(super) fn connected(&mut self, desired: &Desired, now: Instant) {
        self.groups.clear();
        self.converging.clear();
        for name in desired.groups.keys() {
            self.converge(name, desired, now);
        }
    }

    /// Merges a message and returns the wanted groups that it is about.
    pub(super) fn hear(&mut self, said: Said, scope: Scope, desired: &Desired) -> Vec<Name> {
        let is_about = |name: &&Name| scope == Scope::Everything || said.contains_key(*name);
        let names: Vec<_> = desired.groups.keys().filter(is_about).cloned().collect();
        let mut former = Said::new();
        if scope == Scope::Everything {
            let silence = desired
                .groups
                .keys()
                .map(|name| (name.clone(), BTreeMap::new()));
            former = std::mem::replace(&mut self.groups, silence.collect());
        }
        for (name, members) in said {
            let Some(wanted) = desired.groups.get(&name) else {
                continue;
            };
            let before = match scope {
                Scope::Everything => former.remove(&name),
                Scope::WholeGroups | Scope::Changes => self.groups.remove(&name),
            };
            let is_wanted = |key: &MemberKey| wanted.contains_key(key);
            let group = merged(before.unwrap_or_default(), members, scope, is_wanted);
            self.groups.insert(name, group);
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

    /// Members that the GWM was told to forget; none: the whole group. Under No-Change it never says that they are
    /// gone. True if they were said to be there.
    pub(super) fn forget(&mut self, group: &Name, members: &[MemberKey]) -> bool {
        let Some(said) = self.groups.get_mut(group) else {
            return false;
        };
        let before = said.len();
        said.retain(|key, _| !members.is_empty() && !members.contains(key));
        said.len() != before
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
        let since = self.converging.values().min()?;
        Some(since.later(convergence(interval)))
    }

    /// Ends convergence where its time is over. One event for each such group.
    pub(super) fn expire(
        &mut self,
        now: Instant,
        interval: Duration,
        desired: &Desired,
    ) -> Vec<Event> {
        let ends = |since: &Instant| since.later(convergence(interval)) <= now;
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

/// How long a group converges at this interval of the GWM.
fn convergence(interval: Duration) -> Duration {
    interval
        .saturating_mul(CONVERGENCE_INTERVALS)
        .min(CONVERGENCE_MAX)
}

/// One group after a message. Of members that nobody knew, only as many come in as there is room for: those that
/// register themselves by the thousand drive nobody out.
fn merged(
    before: BTreeMap<MemberKey, MemberWeight>,
    said: BTreeMap<MemberKey, MemberWeight>,
    scope: Scope,
    is_wanted: impl Fn(&MemberKey) -> bool,
) -> BTreeMap<MemberKey, MemberWeight> {
    let (known, new): (BTreeMap<_, _>, BTreeMap<_, _>) = said
        .into_iter()
        .partition(|(key, _)| is_wanted(key) || before.contains_key(key));
    let mut group = before;
    match scope {
        Scope::Everything => group.clear(),
        Scope::WholeGroups => group.retain(|key, _| is_wanted(key)),
        Scope::Changes => {}
    }
    group.extend(known);
    let unknown = group.keys().filter(|key| !is_wanted(key)).count();
    group.extend(new.into_iter().take(UNKNOWN_MAX.saturating_sub(unknown)));
    group
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: usize) -> MemberKey {
        MemberKey {
            protocol: 6,
            port: 80,
            address: std::net::Ipv4Addr::from_bits(0x0a00_0000 + number as u32).into(),
        }
    }

    fn said(numbers: impl Iterator<Item = usize>) -> BTreeMap<MemberKey, MemberWeight> {
        numbers
            .map(|number| (key(number), MemberWeight::default()))
            .collect()
    }

    #[test]
    fn thousands_of_members_that_nobody_knew_drive_out_none_that_was_known() {
        let (wanted, known) = (key(2 * UNKNOWN_MAX), key(2 * UNKNOWN_MAX + 1));
        let before = said([2 * UNKNOWN_MAX + 1].into_iter());
        for scope in [Scope::Everything, Scope::WholeGroups, Scope::Changes] {
            let flood = said(0..2 * UNKNOWN_MAX + 2);
            let group = merged(before.clone(), flood, scope, |key| *key == wanted);
            assert!(group.contains_key(&wanted) && group.contains_key(&known));
            assert_eq!(group.len(), UNKNOWN_MAX + 1);
            let more = said(UNKNOWN_MAX..UNKNOWN_MAX + 9);
            let group = merged(group, more, Scope::Changes, |key| *key == wanted);
            assert_eq!(group.len(), UNKNOWN_MAX + 1, "full");
        }
    }
}
