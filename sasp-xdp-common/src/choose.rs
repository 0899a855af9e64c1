//! From a slot and what is remembered to a backend: the promise that no live flow moves, in one pure function.
//!
//! A flow is remembered only if its slot's owner alone would not tell where it belongs. Who the owner is, and when a
//! slot is tracked, userspace decides (`balance`).

use crate::abi::backend::Index;
use crate::abi::slot::Slot;
use crate::parse::Kind;

/// Where a packet goes, and whether that is to be remembered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Choice<B> {
    /// Index of the backend.
    pub index: Index,
    /// What `usable` gave for it.
    pub backend: B,
    /// Write (index, now) into the flow map.
    pub remember: bool,
}

/// Chooses in a tracked slot. (In one that is not, `cur` gets everything.)
///
/// `known` is what is remembered of the flow: `Some(None)` if its backend is not there any more. `usable` yields a
/// backend that is there and may get packets. `None` if nobody is there.
#[inline(always)]
pub fn choose<B>(
    slot: Slot,
    kind: Kind,
    known: Option<Option<(Index, B)>>,
    always: bool,
    usable: impl Fn(Index) -> Option<B>,
) -> Option<Choice<B>> {
    let remember = !kind.transient && (known.is_some() || always || slot.cur() != slot.prev());
    let (index, backend) = if kind.opens {
        (slot.cur(), usable(slot.cur())?)
    } else if let Some(Some(known)) = known {
        known
    } else if let Some(previous) = usable(slot.prev()) {
        (slot.prev(), previous)
    } else {
        (slot.cur(), usable(slot.cur())?)
    };
    Some(Choice {
        index,
        backend,
        remember,
    })
}

#[cfg(test)]
mod tests;
