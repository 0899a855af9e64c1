//! A slot of a service's table: who owns it, who owned it when it last settled, and whether its flows are tracked.
//!
//! Life cycle: *stable* (not tracked) → owner changes → *fresh* (tracked, `prev` ≠ `cur` until the idle timeout) →
//! *settled* (tracked, `prev` = `cur`) → *stable* when no live remembered flow disagrees with `cur`.
//! Only userspace writes slots, always a whole table at once.

use super::backend::Index;
use super::limits::{BACKENDS_MAX, SLOTS};

/// Bits 0–15 `cur`, bits 16–30 `prev`, bit 31 `tracked`.
#[repr(transparent)]
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Slot(pub u32);

/// A service's whole table, one map value: one syscall writes it, one swap publishes it.
pub type Table = [Slot; SLOTS];

const TRACKED: u32 = 1 << 31;
const _: () = assert!(BACKENDS_MAX <= 1 << 15);

impl Slot {
    /// A slot that belongs to nobody: no backend was usable.
    pub const EMPTY: Self = Self(0);

    /// Not tracked: `cur` owns it and every flow in it.
    #[inline(always)]
    pub const fn stable(cur: Index) -> Self {
        Self::new(cur, cur, false)
    }

    /// All three fields; indices above 15 bits are cut.
    #[inline(always)]
    pub const fn new(cur: Index, prev: Index, tracked: bool) -> Self {
        Self(cur as u32 | ((prev as u32 & 0x7fff) << 16) | if tracked { TRACKED } else { 0 })
    }

    /// Who owns it now.
    #[inline(always)]
    pub const fn cur(self) -> Index {
        self.0 as u16
    }

    /// Who owned it when it last settled.
    #[inline(always)]
    pub const fn prev(self) -> Index {
        (self.0 >> 16) as u16 & 0x7fff
    }

    /// True while some flow in it may belong to somebody else than `cur`.
    #[inline(always)]
    pub const fn tracked(self) -> bool {
        self.0 & TRACKED != 0
    }
}

impl core::fmt::Debug for Slot {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let tracked = if self.tracked() { " tracked" } else { "" };
        write!(f, "{}<{}{tracked}", self.cur(), self.prev())
    }
}

/// The slot that a flow hash falls into.
#[inline(always)]
pub const fn slot_of(hash: u32) -> usize {
    hash as usize & (SLOTS - 1)
}

#[cfg(feature = "user")]
// SAFETY: `repr(transparent)` over a u32, every bit pattern is a slot.
unsafe impl aya::Pod for Slot {}
