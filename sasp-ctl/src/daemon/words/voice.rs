//! One GWM: how its session stands, and the ladder "live, held, gone" of what it says of each group.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::charge::Standing;
use super::guests::Guests;
use crate::balance::effective::is_confident;
use crate::balance::inputs::{Freshness, GroupInput, Word};
use crate::config::endpoint::GwmAddress;
use crate::sasp::client::{GroupWeights, MemberWeight};
use crate::sasp::msg::{MemberKey, Name};

/// How long a GWM may take to be well before it counts as failed, when its session is new. As long as an attempt to
/// connect; one that fails ends it at once.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// See the module.
#[derive(Debug)]
pub(super) struct Voice {
    /// Who it is.
    pub(super) address: GwmAddress,
    hold: Duration,
    groups: BTreeMap<Name, Group>,
    /// It has been told everything on this connection.
    synced: bool,
    standing: Standing,
}

#[derive(Debug, Default)]
struct Group {
    input: GroupInput,
    /// Members that registered themselves and that no service takes in.
    strangers: BTreeMap<MemberKey, Word>,
    /// Members that registered themselves and were let in, also before the session was lost.
    guests: BTreeSet<MemberKey>,
    /// There were more of them than there is room for.
    overcrowded: bool,
    /// When held words are forgotten.
    held_until: Option<Instant>,
}

impl Voice {
    /// A new session.
    pub(super) fn new(address: GwmAddress, now: Instant) -> Self {
        Self {
            address,
            hold: Duration::ZERO,
            groups: BTreeMap::new(),
            synced: false,
            standing: Standing::Trying {
                until: now + PATIENCE,
            },
        }
    }

    /// A new config: forgets groups that are gone.
    pub(super) fn configure<'a>(
        &mut self,
        hold: Duration,
        groups: impl Iterator<Item = &'a Name>,
        now: Instant,
    ) {
        self.hold = hold;
        let mut former = std::mem::take(&mut self.groups);
        self.groups = groups
            .map(|name| {
                let group = former.remove(name);
                (
                    name.clone(),
                    group.unwrap_or_else(|| Group::held(hold, now)),
                )
            })
            .collect();
        self.settle(now);
    }

    /// It has been told everything.
    pub(super) fn synced(&mut self, now: Instant) {
        self.synced = true;
        self.settle(now);
    }

    /// It has spoken of a group; `sort` says who of those that registered themselves is let in, where these were.
    /// Returns how many were left out, if there was room for all up to now.
    pub(super) fn said(
        &mut self,
        weights: GroupWeights,
        sort: impl FnOnce(&BTreeSet<MemberKey>) -> Guests,
        now: Instant,
    ) -> usize {
        let mut news = 0;
        if let Some(group) = self.groups.get_mut(&weights.name) {
            let guests = sort(&group.guests);
            if !group.overcrowded {
                news = guests.left_out;
            }
            let let_in = guests.admitted.keys().copied().collect();
            let members = weights.members.into_iter().chain(guests.admitted);
            let strangers = guests.strangers.into_iter();
            *group = Group {
                input: GroupInput {
                    freshness: Freshness::Live,
                    converging: weights.converging,
                    members: members.map(|(key, weight)| (key, word(weight))).collect(),
                },
                strangers: strangers.map(|(key, weight)| (key, word(weight))).collect(),
                guests: let_in,
                overcrowded: guests.left_out > 0,
                held_until: None,
            };
            self.settle(now);
        }
        news
    }

    /// Its session is lost, or an attempt to connect has failed.
    pub(super) fn lost(&mut self, now: Instant) {
        let hold = self.hold;
        for group in self.groups.values_mut() {
            if group.input.freshness == Freshness::Live {
                group.forget_words(Group::held(hold, now));
            }
        }
        self.synced = false;
        self.standing = Standing::Down;
    }

    /// When [`Self::expire`] has something to do.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let groups = self.groups.values();
        groups.filter_map(|group| group.held_until).min()
    }

    /// Forgets words that were held for too long.
    pub(super) fn expire(&mut self, now: Instant) {
        for group in self.groups.values_mut() {
            if group.held_until.is_some_and(|until| until <= now) {
                group.forget_words(Group::default());
            }
        }
    }

    /// How its session stands.
    pub(super) fn standing(&self) -> Standing {
        self.standing
    }

    /// What it says of a group of the config.
    pub(super) fn input(&self, group: &Name) -> Option<&GroupInput> {
        self.groups.get(group).map(|group| &group.input)
    }

    /// Those of its members that no service takes in.
    pub(super) fn strangers(&self, group: &Name) -> impl Iterator<Item = (MemberKey, Word)> {
        let group = self.groups.get(group).into_iter();
        group.flat_map(|group| group.strangers.iter().map(|(key, word)| (*key, *word)))
    }

    /// It is live once it has spoken of every group, having looked at each. It stays so until its session is lost: a
    /// group that is registered later does not put the others in doubt.
    fn settle(&mut self, now: Instant) {
        let settled =
            |group: &Group| group.input.freshness == Freshness::Live && is_settled(&group.input);
        if self.standing.live_since().is_none() && self.synced && self.groups.values().all(settled)
        {
            self.standing = Standing::Live { since: now };
        }
    }
}

impl Group {
    /// Held from now on.
    fn held(hold: Duration, now: Instant) -> Self {
        Self {
            input: GroupInput {
                freshness: Freshness::Held,
                ..GroupInput::default()
            },
            held_until: Some(now + hold),
            ..Self::default()
        }
    }

    /// Becomes `other`, but for who its guests were.
    fn forget_words(&mut self, other: Self) {
        *self = Self {
            guests: std::mem::take(&mut self.guests),
            overcrowded: self.overcrowded,
            ..other
        };
    }
}

/// The GWM has looked at the group: the time for that has passed, or it stands behind a weight already.
pub(super) fn is_settled(input: &GroupInput) -> bool {
    !input.converging || input.members.values().any(is_confident)
}

fn word(weight: MemberWeight) -> Word {
    Word {
        contact: weight.contact,
        quiesce: weight.quiesce,
        confident: weight.confident,
        by_lb: weight.by_lb,
        weight: weight.weight,
        state: weight.state,
    }
}
