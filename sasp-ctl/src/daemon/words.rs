//! How far the GWM's words can be trusted as its session comes and goes: the ladder "live, held, gone" of each group.
//! Pure: time is an argument.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use crate::balance::inputs::{Freshness, GroupInput, Word};
use crate::sasp::client::GroupWeights;
use crate::sasp::msg::Name;

/// Every group of the config, and what the GWM says of it.
#[derive(Debug)]
pub(super) struct Words {
    /// `None`: there is no GWM.
    hold: Option<Duration>,
    groups: BTreeMap<Name, Group>,
}

#[derive(Debug, Default)]
struct Group {
    input: GroupInput,
    /// When held words are forgotten.
    held_until: Option<Instant>,
}

impl Words {
    /// Nothing was said yet. What was said before a restart stands as long as if the session had just been lost.
    pub(super) fn new(hold: Option<Duration>, groups: BTreeSet<Name>, now: Instant) -> Self {
        let mut words = Self {
            hold,
            groups: BTreeMap::new(),
        };
        words.set_groups(groups, now);
        words
    }

    /// A new config: forgets groups that are gone.
    pub(super) fn set_groups(&mut self, groups: BTreeSet<Name>, now: Instant) {
        self.groups.retain(|name, _| groups.contains(name));
        for name in groups {
            let hold = self.hold;
            self.groups
                .entry(name)
                .or_insert_with(|| Group::held(hold, now));
        }
    }

    /// A new GWM, or none: the old one's words are worth what they were when a session is lost.
    pub(super) fn set_hold(&mut self, hold: Option<Duration>, now: Instant) {
        self.hold = hold;
        for group in self.groups.values_mut() {
            *group = Group::held(hold, now);
        }
    }

    /// The GWM has spoken of a group.
    pub(super) fn said(&mut self, weights: GroupWeights) {
        if let Some(group) = self.groups.get_mut(&weights.name) {
            let members = weights.members.into_iter().map(|(key, weight)| {
                let word = Word {
                    contact: weight.contact,
                    quiesce: weight.quiesce,
                    confident: weight.confident,
                    by_lb: weight.by_lb,
                    weight: weight.weight,
                    state: weight.state,
                };
                (key, word)
            });
            *group = Group {
                input: GroupInput {
                    freshness: Freshness::Live,
                    converging: weights.converging,
                    members: members.collect(),
                },
                held_until: None,
            };
        }
    }

    /// The session is lost: the hold time starts for groups that were live.
    pub(super) fn lost(&mut self, now: Instant) {
        let hold = self.hold;
        for group in self.groups.values_mut() {
            if group.input.freshness == Freshness::Live {
                *group = Group::held(hold, now);
            }
        }
    }

    /// When [`Self::expire`] has something to do.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.groups
            .values()
            .filter_map(|group| group.held_until)
            .min()
    }

    /// Forgets words that were held for too long; says of which groups.
    pub(super) fn expire(&mut self, now: Instant) -> Vec<Name> {
        let mut expired = Vec::new();
        for (name, group) in &mut self.groups {
            if group.held_until.is_some_and(|until| until <= now) {
                *group = Group::default();
                expired.push(name.clone());
            }
        }
        expired
    }

    /// As the balancer wants it.
    pub(super) fn inputs(&self) -> BTreeMap<Name, GroupInput> {
        self.groups
            .iter()
            .map(|(name, group)| (name.clone(), group.input.clone()))
            .collect()
    }
}

impl Group {
    /// Held from now on; gone at once where there is no GWM.
    fn held(hold: Option<Duration>, now: Instant) -> Self {
        let Some(hold) = hold else {
            return Self::default();
        };
        Self {
            input: GroupInput {
                freshness: Freshness::Held,
                ..GroupInput::default()
            },
            held_until: Some(now + hold),
        }
    }
}

#[cfg(test)]
mod tests;
