//! Move limit: how many slots new weights may move at a time.
//!
//! What is limited is the way, not the goal: each step takes some of the slots in which the present table differs
//! from the one that the weights want, and with constant weights the last step arrives at exactly that one. So two
//! balancers with the same members, weights and seed still end with the same table, and from the same table they
//! take the same steps.
//!
//! Only weights are limited. Slots of a member that may get no new flows any more (dead, quiesced, removed,
//! weight 0) go to others at once, and a member that may get some again has its slots at once: making that gentle is
//! `slow_start`'s matter. Neither counts, but the few slots do that any change of members shuffles among the others.

use sasp_xdp_common::abi::backend::Index;
use sasp_xdp_common::abi::limits::SLOTS;

use super::spec::MoveLimit;

impl MoveLimit {
    /// The limit in slots, at least one.
    pub fn slots(&self) -> usize {
        (SLOTS * usize::from(self.permille) / 1000).max(1)
    }

    fn interval_ns(&self) -> u64 {
        u64::try_from(self.interval.as_nanos()).unwrap_or(u64::MAX)
    }
}

/// What was moved lately. In no interval is more moved than the limit: it is whole again an interval after the last
/// move.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Budget {
    used: usize,
    /// When something was moved last.
    last_ns: u64,
}

impl Budget {
    /// Nothing is left: what a former daemon moved lately is not known.
    pub fn spent(now_ns: u64) -> Self {
        Self {
            used: SLOTS,
            last_ns: now_ns,
        }
    }

    /// Slots that may be moved at `now_ns`.
    pub fn left(&self, limit: &MoveLimit, now_ns: u64) -> usize {
        if now_ns >= self.whole_ns(limit) {
            limit.slots()
        } else {
            limit.slots().saturating_sub(self.used)
        }
    }

    /// Some were moved.
    pub fn spend(&mut self, slots: usize, limit: &MoveLimit, now_ns: u64) {
        if slots == 0 {
            return;
        }
        if now_ns >= self.whole_ns(limit) {
            self.used = 0;
        }
        self.used += slots;
        self.last_ns = now_ns;
    }

    /// When the whole limit may be moved again.
    pub fn whole_ns(&self, limit: &MoveLimit) -> u64 {
        if self.used == 0 {
            return 0;
        }
        self.last_ns.saturating_add(limit.interval_ns())
    }
}

/// A step from one table to another.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Step {
    /// The table after it.
    pub owners: Vec<Index>,
    /// Slots moved because of weights.
    pub moved: usize,
    /// Slots that are left to be moved.
    pub left: usize,
}

/// Slots that each index owns or is to own.
struct Tally(Vec<u32>);

impl Tally {
    fn new(owners: impl Iterator<Item = Index>) -> Self {
        let mut slots = vec![0; usize::from(Index::MAX) + 1];
        for owner in owners {
            slots[usize::from(owner)] += 1;
        }
        Self(slots)
    }

    fn of(&self, owner: Index) -> u32 {
        self.0[usize::from(owner)]
    }

    fn pass(&mut self, from: Index, to: Index) {
        self.0[usize::from(from)] -= 1;
        self.0[usize::from(to)] += 1;
    }
}

/// Goes from the `present` owners towards the `wanted` ones, moving at most `limit` slots that only weights move.
/// `gets_flows` tells who may own slots at all: all of `wanted` may, and nobody may not.
///
/// Slots whose move brings both members nearer to what they are to have come first, then those that are but exchanged.
pub fn step(
    present: &[Index],
    wanted: &[Index],
    gets_flows: impl Fn(Index) -> bool,
    limit: usize,
) -> Step {
    let mut owners = present.to_vec();
    let held = Tally::new(present.iter().copied());
    let agreed = present.iter().zip(wanted).filter(|(is, to)| is == to);
    let mut kept = Tally::new(agreed.map(|(&is, _)| is));
    let mut rest = Vec::new();
    for (at, (&is, &to)) in present.iter().zip(wanted).enumerate() {
        if is == to {
            continue;
        }
        if !gets_flows(is) || held.of(to) == 0 {
            owners[at] = to;
        } else if kept.of(to) == 0 {
            // One slot that it keeps to the end, so that on the way it never has none.
            owners[at] = to;
            kept.0[usize::from(to)] = 1;
        } else {
            rest.push(at);
        }
    }
    let moved = limit.min(rest.len());
    for at in choose(&owners, wanted, &rest, moved) {
        owners[at] = wanted[at];
    }
    Step {
        owners,
        moved,
        left: rest.len() - moved,
    }
}

/// `count` of the slots in `rest`.
fn choose(owners: &[Index], wanted: &[Index], rest: &[usize], count: usize) -> Vec<usize> {
    if count == rest.len() {
        return rest.to_vec();
    }
    let mut has = Tally::new(owners.iter().copied());
    let goal = Tally::new(wanted.iter().copied());
    let (mut chosen, mut exchanged) = (Vec::new(), Vec::new());
    for &at in rest {
        let (from, to) = (owners[at], wanted[at]);
        if has.of(from) > goal.of(from) && has.of(to) < goal.of(to) {
            has.pass(from, to);
            chosen.push(at);
        } else {
            exchanged.push(at);
        }
    }
    chosen.extend(exchanged);
    chosen.truncate(count);
    chosen
}

/// Steps that are left to go.
pub fn steps_left(slots: usize, limit: &MoveLimit) -> usize {
    slots.div_ceil(limit.slots())
}

#[cfg(test)]
mod tests;
