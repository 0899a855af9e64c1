//! The slots of a service as userspace sees them: their life cycle, and when each has last changed. What a slot means
//! to a packet is in `sasp_xdp_common::abi::slot`.

use sasp_xdp_common::abi::backend::{Index, NOBODY};
use sasp_xdp_common::abi::limits::SLOTS;
use sasp_xdp_common::abi::slot::{Slot, Table};

/// A table reaches the kernel at most so much later than it was made, so a slot settles that much later: a write that
/// the kernel refuses is tried again for about ten seconds before the daemon gives up.
const PUBLISH_SECONDS: u32 = 12;

/// A slot becomes stable after it has been quiet for so long: at least two sweeps have found no flow that disagrees,
/// since one may miss a flow that moves inside the map while it is read.
const QUIET_SECONDS: u32 = 10;

/// A table and the memory that its life cycle needs. Time is in whole seconds, rounded so that nothing comes early.
#[derive(Clone, Debug)]
pub struct Slots {
    table: Box<Table>,
    /// Of tracked slots: when a fresh one has last changed, when a settled one has last had a live flow of another
    /// owner. Empty while no slot is tracked.
    since: Vec<u32>,
    tracked: usize,
}

/// How many slots are in which phase.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Phases {
    /// Tracked, and previous and present owner differ.
    pub fresh: usize,
    /// Tracked, and they do not.
    pub settled: usize,
    /// Owned by nobody.
    pub unowned: usize,
}

impl Default for Slots {
    /// Nobody owns anything.
    fn default() -> Self {
        Self {
            table: empty(),
            since: Vec::new(),
            tracked: 0,
        }
    }
}

impl Slots {
    /// Takes over a table of a former daemon. When its tracked slots changed is not known: just now, at worst.
    pub fn adopt(table: Box<Table>, now_ns: u64) -> Self {
        let tracked = table.iter().filter(|slot| slot.tracked()).count();
        let since = if tracked == 0 {
            Vec::new()
        } else {
            vec![seconds_up(now_ns); SLOTS]
        };
        Self {
            table,
            since,
            tracked,
        }
    }

    /// The table as the kernel has it, or is to have it.
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// A copy of the table, to be written.
    pub fn boxed(&self) -> Box<Table> {
        self.table.clone()
    }

    /// Slots whose flows are tracked.
    pub fn tracked(&self) -> usize {
        self.tracked
    }

    /// How many slots are in which phase.
    pub fn phases(&self) -> Phases {
        let mut phases = Phases::default();
        for slot in self.table.iter() {
            phases.fresh += usize::from(slot.tracked() && slot.cur() != slot.prev());
            phases.settled += usize::from(slot.tracked() && slot.cur() == slot.prev());
            phases.unowned += usize::from(slot.cur() == NOBODY);
        }
        phases
    }

    /// The fresh slots that were this owner's when they last settled, and in how many seconds at most the last of them
    /// settles.
    pub fn fresh_of(&self, owner: Index, now_ns: u64, idle_ns: u64) -> (usize, u32) {
        if self.tracked == 0 {
            return (0, 0);
        }
        let wait = seconds_up(idle_ns).saturating_add(PUBLISH_SECONDS);
        let fresh = self.table.iter().zip(&self.since).filter(|(slot, _)| {
            slot.tracked() && slot.cur() != slot.prev() && slot.prev() == owner
        });
        let ends = fresh.map(|(_, since)| since.saturating_add(wait));
        ends.fold((0, 0), |(count, longest), end| {
            (count + 1, longest.max(end.saturating_sub(seconds(now_ns))))
        })
    }

    /// Gives every slot its owner. `exists` tells which backends do: flows of one that does not are gone with it.
    /// Without `track`, new owners take over all flows.
    ///
    /// True if the table has changed.
    pub fn set_owners(
        &mut self,
        owners: &[Index],
        exists: impl Fn(Index) -> bool,
        track: bool,
        now_ns: u64,
    ) -> bool {
        let now = seconds_up(now_ns);
        let mut changed = false;
        for (at, &owner) in owners.iter().enumerate() {
            let slot = self.table[at];
            if slot == Slot::stable(owner) {
                continue;
            }
            let next = if track {
                succeed(slot, owner, &exists)
            } else {
                Slot::stable(owner)
            };
            if next != slot {
                changed = true;
                self.put(at, next, now);
            }
        }
        self.forget_times();
        changed
    }

    /// Lets time pass: fresh slots settle when the idle timeout has passed since their last change, settled ones
    /// become stable when they have been quiet for a while. `disagrees` tells in which slots live flows of another
    /// owner are remembered. True if the table has changed.
    pub fn age(&mut self, now_ns: u64, idle_ns: u64, disagrees: impl Fn(usize) -> bool) -> bool {
        if self.tracked == 0 {
            return false;
        }
        let wait = seconds_up(idle_ns).saturating_add(PUBLISH_SECONDS);
        let (now, mut changed) = (seconds(now_ns), false);
        for at in 0..SLOTS {
            let slot = self.table[at];
            if !slot.tracked() {
                continue;
            }
            let passed = now.saturating_sub(self.since[at]);
            if slot.cur() != slot.prev() {
                if passed >= wait {
                    changed = true;
                    self.put(at, Slot::new(slot.cur(), slot.cur(), true), now);
                }
            } else if disagrees(at) {
                self.since[at] = now;
            } else if passed >= QUIET_SECONDS {
                changed = true;
                self.put(at, Slot::stable(slot.cur()), now);
            }
        }
        self.forget_times();
        changed
    }

    fn put(&mut self, at: usize, slot: Slot, now: u32) {
        self.tracked -= usize::from(self.table[at].tracked());
        self.table[at] = slot;
        if slot.tracked() {
            self.tracked += 1;
            self.since.resize(SLOTS, 0);
            self.since[at] = now;
        }
    }

    fn forget_times(&mut self) {
        if self.tracked == 0 {
            self.since = Vec::new();
        }
    }
}

/// The slot after `owner` has taken it over.
fn succeed(slot: Slot, owner: Index, exists: impl Fn(Index) -> bool) -> Slot {
    let previous = if slot.tracked() {
        slot.prev()
    } else {
        slot.cur()
    };
    let previous = exists(previous).then_some(previous);
    if slot.tracked() {
        // Without its previous owner, flows that are not remembered belong to nobody yet: the new one may have them.
        return Slot::new(owner, previous.unwrap_or(owner), true);
    }
    match previous {
        Some(previous) if previous != owner => Slot::new(owner, previous, true),
        _ => Slot::stable(owner),
    }
}

/// A table on the heap, never on the stack.
fn empty() -> Box<Table> {
    let slots = vec![Slot::EMPTY; SLOTS].into_boxed_slice();
    match slots.try_into() {
        Ok(table) => table,
        Err(_) => unreachable!("the vector has as many elements as the array"),
    }
}

const NS_PER_SECOND: u64 = 1_000_000_000;

fn seconds(ns: u64) -> u32 {
    u32::try_from(ns / NS_PER_SECOND).unwrap_or(u32::MAX)
}

fn seconds_up(ns: u64) -> u32 {
    u32::try_from(ns.div_ceil(NS_PER_SECOND)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
