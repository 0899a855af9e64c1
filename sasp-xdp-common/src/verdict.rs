//! What is to be done with a frame, as a number: BPF functions that are not inlined return one register.
//!
//! Turning it into an XDP action is the kernel program's entry point's matter.

use crate::abi::backend::Index;
use crate::abi::counters::{Class, Reason};
use crate::pipeline::Step;

/// Bits 0–31 an interface index, 32–47 a backend's index, 56–63 what to do.
#[repr(transparent)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Verdict(u64);

const SHIFT: u32 = 56;
const LEAVE: u64 = 1;
const DROP: u64 = 2;
const SLOW: u64 = 3;
const NEXT: u64 = 4;

impl Verdict {
    /// On to the host's stack.
    pub const PASS: Self = Self(0);
    /// Dropped.
    pub const DROP: Self = Self(DROP << SHIFT);
    /// Not decided: the short way does not know such packets, the general one does.
    pub const SLOW: Self = Self(SLOW << SHIFT);

    /// Out by an interface, rewritten for a backend, or for nobody ([`crate::abi::backend::NOBODY`]).
    #[inline(always)]
    pub const fn leave(ifindex: u32, index: Index) -> Self {
        Self((LEAVE << SHIFT) | ((index as u64) << 32) | ifindex as u64)
    }

    /// Not decided: another step of the general way comes next.
    #[inline(always)]
    pub(crate) const fn next(step: Step) -> Self {
        Self((NEXT << SHIFT) | step as u64)
    }

    /// Whether this step comes next.
    #[inline(always)]
    pub(crate) const fn is_next(self, step: Step) -> bool {
        self.0 == Self::next(step).0
    }

    /// Whether it is [`Self::SLOW`].
    #[inline(always)]
    pub const fn is_slow(self) -> bool {
        self.0 == Self::SLOW.0
    }

    /// Whether it is [`Self::DROP`].
    #[inline(always)]
    pub const fn is_drop(self) -> bool {
        self.0 == Self::DROP.0
    }

    /// What a reason asks for; a [`Class::Note`] is none and passes.
    #[inline(always)]
    pub const fn of(reason: Reason) -> Self {
        match reason.class() {
            Class::Pass | Class::Note => Self::PASS,
            Class::Drop => Self::DROP,
        }
    }

    /// The interface by which it leaves, if it does.
    #[inline(always)]
    pub const fn ifindex(self) -> Option<u32> {
        if self.0 >> SHIFT == LEAVE {
            Some(self.0 as u32)
        } else {
            None
        }
    }

    /// The backend for which it was rewritten.
    #[inline(always)]
    pub const fn index(self) -> Index {
        (self.0 >> 32) as Index
    }
}
