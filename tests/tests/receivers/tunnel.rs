//! The forms that a packet takes on its way to a member, and the devices that take them off.

use std::fmt;

/// An address family.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Family {
    V4,
    V6,
}

/// What stands between the outer IP header and the packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Shim {
    /// Nothing.
    Ip,
    /// GRE without options (RFC 2784).
    Gre,
    /// UDP and GUE of variant 0.
    Gue,
}

/// A packet of one family in one of another.
#[derive(Debug)]
pub(crate) struct Tunnel {
    pub(crate) outer: Family,
    pub(crate) shim: Shim,
    pub(crate) inner: Family,
    /// What makes the device, in words of `ip`; `{}` is the member's address.
    pub(crate) device: &'static [&'static str],
}

/// Of every kind that the balancer emits.
pub(crate) const TUNNELS: [Tunnel; 12] = [
    Tunnel {
        outer: Family::V4,
        shim: Shim::Ip,
        inner: Family::V4,
        device: &["link add tunnel type ipip local {} remote any"],
    },
    Tunnel {
        outer: Family::V4,
        shim: Shim::Ip,
        inner: Family::V6,
        device: &["link add tunnel type sit local {} remote any"],
    },
    Tunnel {
        outer: Family::V6,
        shim: Shim::Ip,
        inner: Family::V4,
        device: &["link add tunnel type ip6tnl local {} remote any mode ipip6"],
    },
    Tunnel {
        outer: Family::V6,
        shim: Shim::Ip,
        inner: Family::V6,
        device: &["link add tunnel type ip6tnl local {} remote any mode ip6ip6"],
    },
    Tunnel {
        outer: Family::V4,
        shim: Shim::Gre,
        inner: Family::V4,
        device: &["link add tunnel type gre local {} remote any"],
    },
    Tunnel {
        outer: Family::V4,
        shim: Shim::Gre,
        inner: Family::V6,
        device: &["link add tunnel type gre local {} remote any"],
    },
    Tunnel {
        outer: Family::V6,
        shim: Shim::Gre,
        inner: Family::V4,
        device: &["link add tunnel type ip6gre local {} remote any"],
    },
    Tunnel {
        outer: Family::V6,
        shim: Shim::Gre,
        inner: Family::V6,
        device: &["link add tunnel type ip6gre local {} remote any"],
    },
    Tunnel {
        outer: Family::V4,
        shim: Shim::Gue,
        inner: Family::V4,
        device: &[
            "fou add port 6080 gue",
            "link add tunnel type ipip local {} remote any",
        ],
    },
    Tunnel {
        outer: Family::V4,
        shim: Shim::Gue,
        inner: Family::V6,
        device: &[
            "fou add port 6080 gue",
            "link add tunnel type sit local {} remote any",
        ],
    },
    Tunnel {
        outer: Family::V6,
        shim: Shim::Gue,
        inner: Family::V4,
        device: &[
            "fou add port 6080 gue -6",
            "link add tunnel type ip6tnl local {} remote any mode ipip6",
        ],
    },
    Tunnel {
        outer: Family::V6,
        shim: Shim::Gue,
        inner: Family::V6,
        device: &[
            "fou add port 6080 gue -6",
            "link add tunnel type ip6tnl local {} remote any mode ip6ip6",
        ],
    },
];

impl fmt::Display for Tunnel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            outer, shim, inner, ..
        } = self;
        write!(f, "{inner:?} in {shim:?} over {outer:?}")
    }
}
