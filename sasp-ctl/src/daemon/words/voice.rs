//! One GWM: how its session stands, and the ladder "live, held, gone" of what it says of each group.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::charge::Standing;
use super::guests::{GUESTS_MAX, Guests};
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
    /// Members that registered themselves and were let in, also before the session was lost: what was said last.
    guests: BTreeMap<MemberKey, Word>,
    /// Guests of an earlier connection that have not been listed on this one.
    awaited: Awaited,
    /// There were more of them than there is room for.
    overcrowded: bool,
    /// When held words are forgotten.
    held_until: Option<Instant>,
}

/// Guests that a GWM must be given time to list again. One that has restarted has forgotten them, and they may not
/// come back before 20 seconds have passed (RFC 4678 section 9.2); what the balancer registers itself is there at once.
#[derive(Debug, Default)]
struct Awaited {
    members: BTreeMap<MemberKey, Word>,
    /// When those that are still missing have gone; `None`: the GWM has not spoken since.
    until: Option<Instant>,
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
        let hold = self.hold;
        let Some(group) = self.groups.get_mut(&weights.name) else {
            return 0;
        };
        let sorted = sort(&group.guests.keys().copied().collect());
        let news = if group.overcrowded {
            0
        } else {
            sorted.left_out
        };
        let mut guests = words(sorted.admitted);
        let mut awaited = std::mem::take(&mut group.awaited);
        awaited.members.retain(|key, _| !guests.contains_key(key));
        let room = GUESTS_MAX.saturating_sub(guests.len());
        awaited.members = awaited.members.into_iter().take(room).collect();
        awaited.until.get_or_insert(now + hold);
        guests.extend(&awaited.members);
        let mut members = words(weights.members);
        members.extend(&guests);
        *group = Group {
            input: GroupInput {
                freshness: Freshness::Live,
                converging: weights.converging,
                members,
            },
            strangers: words(sorted.strangers),
            guests,
            awaited,
            overcrowded: sorted.left_out > 0,
            held_until: None,
        };
        group.give_up_awaited(now);
        self.settle(now);
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
        let times = groups.flat_map(|group| [group.held_until, group.awaited.deadline()]);
        times.flatten().min()
    }

    /// Forgets words that were held for too long, and guests that were waited for in vain. True if any were.
    pub(super) fn expire(&mut self, now: Instant) -> bool {
        let mut expired = false;
        for group in self.groups.values_mut() {
            if group.held_until.is_some_and(|until| until <= now) {
                group.forget_words(Group::default());
                expired = true;
            }
            expired |= group.give_up_awaited(now);
        }
        expired
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

    /// Takes those for gone that the GWM does not list although it has had time; true if there are any.
    fn give_up_awaited(&mut self, now: Instant) -> bool {
        if self.awaited.deadline().is_none_or(|until| now < until) {
            return false;
        }
        for key in std::mem::take(&mut self.awaited.members).keys() {
            self.guests.remove(key);
            self.input.members.remove(key);
        }
        true
    }

    /// Becomes `other`, but for who its guests were: they are waited for.
    fn forget_words(&mut self, other: Self) {
        *self = Self {
            awaited: Awaited {
                members: self.guests.clone(),
                until: None,
            },
            guests: std::mem::take(&mut self.guests),
            overcrowded: self.overcrowded,
            ..other
        };
    }
}

impl Awaited {
    fn deadline(&self) -> Option<Instant> {
        self.until.filter(|_| !self.members.is_empty())
    }
}

/// The GWM has looked at the group: the time for that has passed, or it stands behind a weight already.
pub(super) fn is_settled(input: &GroupInput) -> bool {
    !input.converging || input.members.values().any(is_confident)
}

fn words(weights: BTreeMap<MemberKey, MemberWeight>) -> BTreeMap<MemberKey, Word> {
    let words = weights.into_iter();
    words.map(|(key, weight)| (key, word(weight))).collect()
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
