//! From a slot and what is remembered to a backend: the promise that no live flow moves, in two pure functions.
//!
//! A flow is remembered only if its slot's owner alone would not tell where it belongs. Who the owner is, and when a
//! slot is tracked, userspace decides (`balance`).
//!
//! Flows that were open before they were known are remembered up to so many a second, or a flood of such packets would
//! push out real exceptions; the others go where they would go anyway, to `prev`. Flows that open are not capped: to
//! send them to `prev` would give new flows to a member that is being drained. One that the map refuses goes there all
//! the same, since its unknown packets will.

use crate::abi::backend::{Index, NOBODY};
use crate::abi::slot::Slot;
use crate::parse::Kind;

/// Chooses in a tracked slot. (In one that is not, `cur` gets everything.)
///
/// `known` is the backend that is remembered of the flow, [`NOBODY`] if there is none or it is not there any more.
/// `usable` tells whether a backend is there and may get packets. [`NOBODY`] if nobody is there.
///
/// Indices, not options of records: LLVM keeps an absent payload in a register that the verifier calls unwritten.
#[inline(always)]
pub fn choose(slot: Slot, kind: Kind, known: Index, usable: impl Fn(Index) -> bool) -> Index {
    if !kind.opens {
        if known != NOBODY {
            return known;
        }
        if usable(slot.prev()) {
            return slot.prev();
        }
    }
    if usable(slot.cur()) {
        slot.cur()
    } else {
        NOBODY
    }
}

/// Whether the choice must be remembered: it already was, or the slot's owner alone does not tell it.
#[inline(always)]
pub fn remembers(slot: Slot, kind: Kind, was_known: bool, always: bool) -> bool {
    !kind.transient && (was_known || always || slot.cur() != slot.prev())
}

#[cfg(test)]
mod tests;
