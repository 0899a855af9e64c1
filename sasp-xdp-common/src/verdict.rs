//! What is to be done with a frame, as a number: BPF functions that are not inlined return one register.
//!
//! Turning it into an XDP action is the kernel program's entry point's matter.

use crate::abi::backend::Index;
use crate::abi::counters::{Class, Reason};
use crate::pipeline::Step;

/// Bits 0–31 an interface index, 32–47 a backend's index, 56–63 what to do. (A tunnel to come has its own: `Verdict::tunnel`.)
#[repr(transparent)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Verdict(u64);

/// A packet of the short way that a tunnel takes to its backend.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Sending {
    pub(crate) index: Index,
    /// The flow's.
    pub(crate) hash: u32,
    pub(crate) is_v6: bool,
    /// UDP, not TCP.
    pub(crate) is_udp: bool,
    /// It opens a flow.
    pub(crate) opens: bool,
}

const SHIFT: u32 = 56;
const LEAVE: u64 = 1;
const DROP: u64 = 2;
const SLOW: u64 = 3;
const NEXT: u64 = 4;
const TUNNEL: u64 = 5;

/// What [`Verdict::tunnel`] tells beside backend and hash.
const IS_V6: u64 = 1 << 48;
const IS_UDP: u64 = 1 << 49;
const OPENS: u64 = 1 << 50;

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

    /// Decided, but not done: the short way has picked a backend that is reached by a tunnel, which
    /// [`crate::pipeline::tunnel`] does. Bits 0–31 are the flow's hash.
    #[inline(always)]
    pub(crate) const fn tunnel(sending: Sending) -> Self {
        let mut bits = (TUNNEL << SHIFT) | ((sending.index as u64) << 32) | sending.hash as u64;
        if sending.is_v6 {
            bits |= IS_V6;
        }
        if sending.is_udp {
            bits |= IS_UDP;
        }
        if sending.opens {
            bits |= OPENS;
        }
        Self(bits)
    }

    /// What [`Self::tunnel`] was given.
    #[inline(always)]
    pub(crate) const fn sending(self) -> Sending {
        Sending {
            index: self.index(),
            hash: self.0 as u32,
            is_v6: self.0 & IS_V6 != 0,
            is_udp: self.0 & IS_UDP != 0,
            opens: self.0 & OPENS != 0,
        }
    }

    /// Whether it is for [`crate::pipeline::tunnel`].
    #[inline(always)]
    pub const fn is_tunnel(self) -> bool {
        self.0 >> SHIFT == TUNNEL
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
