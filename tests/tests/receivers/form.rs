//! The forms that a packet takes on its way to a member, and the devices that take them off.

use std::fmt;
use std::net::SocketAddr;

use crate::host::{MEMBER_PORT, ends, vip};

/// The tunnel device. Here and below the words are the README's: whoever changes one changes the other.
pub(crate) const DEVICE: &str = "sasp";
const SIT: &str = "link add sasp type sit mode any local {} remote any";
const IP6TNL: &str = "link add sasp type ip6tnl mode any local {} remote ::";
const GRE: &str = "link add sasp type gre local {} remote any";
const IP6GRE: &str = "link add sasp type ip6gre local {} remote ::";
const FOU: &str = "fou add port 6080 gue";
const FOU6: &str = "fou add port 6080 gue -6";

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
    /// What makes the device [`DEVICE`], in words of `ip`; `{}` is the member's address.
    pub(crate) device: &'static [&'static str],
}

/// For whose receipt every kernel has what it takes.
pub(crate) const PLAIN: [Form; 6] = [
    Form {
        outer: Family::V4,
        shim: Shim::Dsr,
        inner: Family::V4,
        device: &[],
    },
    Form {
        outer: Family::V6,
        shim: Shim::Dsr,
        inner: Family::V6,
        device: &[],
    },
    Form {
        outer: Family::V4,
        shim: Shim::Nat,
        inner: Family::V4,
        device: &[],
    },
    Form {
        outer: Family::V6,
        shim: Shim::Nat,
        inner: Family::V6,
        device: &[],
    },
    Form {
        outer: Family::V4,
        shim: Shim::FullNat,
        inner: Family::V4,
        device: &[],
    },
    Form {
        outer: Family::V6,
        shim: Shim::FullNat,
        inner: Family::V6,
        device: &[],
    },
];

/// Of every tunnel that the balancer emits.
pub(crate) const TUNNELS: [Form; 12] = [
    Form {
        outer: Family::V4,
        shim: Shim::Ip,
        inner: Family::V4,
        device: &[SIT],
    },
    Form {
        outer: Family::V4,
        shim: Shim::Ip,
        inner: Family::V6,
        device: &[SIT],
    },
    Form {
        outer: Family::V6,
        shim: Shim::Ip,
        inner: Family::V4,
        device: &[IP6TNL],
    },
    Form {
        outer: Family::V6,
        shim: Shim::Ip,
        inner: Family::V6,
        device: &[IP6TNL],
    },
    Form {
        outer: Family::V4,
        shim: Shim::Gre,
        inner: Family::V4,
        device: &[GRE],
    },
    Form {
        outer: Family::V4,
        shim: Shim::Gre,
        inner: Family::V6,
        device: &[GRE],
    },
    Form {
        outer: Family::V6,
        shim: Shim::Gre,
        inner: Family::V4,
        device: &[IP6GRE],
    },
    Form {
        outer: Family::V6,
        shim: Shim::Gre,
        inner: Family::V6,
        device: &[IP6GRE],
    },
    Form {
        outer: Family::V4,
        shim: Shim::Gue,
        inner: Family::V4,
        device: &[FOU, SIT],
    },
    Form {
        outer: Family::V4,
        shim: Shim::Gue,
        inner: Family::V6,
        device: &[FOU, SIT],
    },
    Form {
        outer: Family::V6,
        shim: Shim::Gue,
        inner: Family::V4,
        device: &[FOU6, IP6TNL],
    },
    Form {
        outer: Family::V6,
        shim: Shim::Gue,
        inner: Family::V6,
        device: &[FOU6, IP6TNL],
    },
];

impl Form {
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
        let Self {
            outer, shim, inner, ..
        } = self;
        match shim {
            Shim::Dsr | Shim::Nat | Shim::FullNat => write!(f, "{inner:?} by {shim:?}"),
            _ => write!(f, "{inner:?} in {shim:?} over {outer:?}"),
        }
    }
}
