//! The forms that a packet takes on its way to a member.

use std::fmt;
use std::net::SocketAddr;

use crate::host::{MEMBER_PORT, ends, vip};

/// An address family.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Family {
    V4,
    V6,
}

/// How the packet is packed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Shim {
    /// Not at all: it goes to the member's MAC address.
    Dsr,
    /// Behind an outer IP header.
    Ip,
    /// GRE without options (RFC 2784).
    Gre,
    /// UDP and GUE of variant 0.
    Gue,
    /// Not at all: it goes to the member's own address and port.
    Nat,
    /// The same, and it comes from the balancer's.
    FullNat,
}

/// A packet of one family in one of another, or of the same.
#[derive(Debug)]
pub(crate) struct Form {
    pub(crate) outer: Family,
    pub(crate) shim: Shim,
    pub(crate) inner: Family,
}

/// For whose receipt every kernel has what it takes.
pub(crate) const PLAIN: [Form; 6] = [
    Form::new(Family::V4, Shim::Dsr, Family::V4),
    Form::new(Family::V6, Shim::Dsr, Family::V6),
    Form::new(Family::V4, Shim::Nat, Family::V4),
    Form::new(Family::V6, Shim::Nat, Family::V6),
    Form::new(Family::V4, Shim::FullNat, Family::V4),
    Form::new(Family::V6, Shim::FullNat, Family::V6),
];

/// Every tunnel that the balancer emits.
pub(crate) const TUNNELS: [Form; 12] = [
    Form::new(Family::V4, Shim::Ip, Family::V4),
    Form::new(Family::V4, Shim::Ip, Family::V6),
    Form::new(Family::V6, Shim::Ip, Family::V4),
    Form::new(Family::V6, Shim::Ip, Family::V6),
    Form::new(Family::V4, Shim::Gre, Family::V4),
    Form::new(Family::V4, Shim::Gre, Family::V6),
    Form::new(Family::V6, Shim::Gre, Family::V4),
    Form::new(Family::V6, Shim::Gre, Family::V6),
    Form::new(Family::V4, Shim::Gue, Family::V4),
    Form::new(Family::V4, Shim::Gue, Family::V6),
    Form::new(Family::V6, Shim::Gue, Family::V4),
    Form::new(Family::V6, Shim::Gue, Family::V6),
];

impl Form {
    const fn new(outer: Family, shim: Shim, inner: Family) -> Self {
        Self { outer, shim, inner }
    }

    /// For whom a packet is when the member's stack has it.
    pub(crate) fn receiver(&self) -> SocketAddr {
        match self.shim {
            Shim::Nat | Shim::FullNat => (ends(self.inner).1, MEMBER_PORT).into(),
            _ => vip(self.inner),
        }
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { outer, shim, inner } = self;
        match shim {
            Shim::Dsr | Shim::Nat | Shim::FullNat => write!(f, "{inner:?} by {shim:?}"),
            _ => write!(f, "{inner:?} in {shim:?} over {outer:?}"),
        }
    }
}
