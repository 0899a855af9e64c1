//! The forms that a packet takes on its way to a member, and the devices that take them off.

use std::fmt;

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
}

/// A packet of one family in one of another, or of the same.
#[derive(Debug)]
pub(crate) struct Form {
    pub(crate) outer: Family,
    pub(crate) shim: Shim,
    pub(crate) inner: Family,
    /// What makes the device `tunnel`, in words of `ip`; `{}` is the member's address.
    pub(crate) device: &'static [&'static str],
}

/// Of every kind that the balancer emits.
pub(crate) const FORMS: [Form; 14] = [
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
        shim: Shim::Ip,
        inner: Family::V4,
        device: &["link add tunnel type ipip local {} remote any"],
    },
    Form {
        outer: Family::V4,
        shim: Shim::Ip,
        inner: Family::V6,
        device: &["link add tunnel type sit local {} remote any"],
    },
    Form {
        outer: Family::V6,
        shim: Shim::Ip,
        inner: Family::V4,
        device: &["link add tunnel type ip6tnl local {} remote any mode ipip6"],
    },
    Form {
        outer: Family::V6,
        shim: Shim::Ip,
        inner: Family::V6,
        device: &["link add tunnel type ip6tnl local {} remote any mode ip6ip6"],
    },
    Form {
        outer: Family::V4,
        shim: Shim::Gre,
        inner: Family::V4,
        device: &["link add tunnel type gre local {} remote any"],
    },
    Form {
        outer: Family::V4,
        shim: Shim::Gre,
        inner: Family::V6,
        device: &["link add tunnel type gre local {} remote any"],
    },
    Form {
        outer: Family::V6,
        shim: Shim::Gre,
        inner: Family::V4,
        device: &["link add tunnel type ip6gre local {} remote any"],
    },
    Form {
        outer: Family::V6,
        shim: Shim::Gre,
        inner: Family::V6,
        device: &["link add tunnel type ip6gre local {} remote any"],
    },
    Form {
        outer: Family::V4,
        shim: Shim::Gue,
        inner: Family::V4,
        device: &[
            "fou add port 6080 gue",
            "link add tunnel type ipip local {} remote any",
        ],
    },
    Form {
        outer: Family::V4,
        shim: Shim::Gue,
        inner: Family::V6,
        device: &[
            "fou add port 6080 gue",
            "link add tunnel type sit local {} remote any",
        ],
    },
    Form {
        outer: Family::V6,
        shim: Shim::Gue,
        inner: Family::V4,
        device: &[
            "fou add port 6080 gue -6",
            "link add tunnel type ip6tnl local {} remote any mode ipip6",
        ],
    },
    Form {
        outer: Family::V6,
        shim: Shim::Gue,
        inner: Family::V6,
        device: &[
            "fou add port 6080 gue -6",
            "link add tunnel type ip6tnl local {} remote any mode ip6ip6",
        ],
    },
];

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            outer, shim, inner, ..
        } = self;
        match shim {
            Shim::Dsr => write!(f, "{inner:?} as it is"),
            _ => write!(f, "{inner:?} in {shim:?} over {outer:?}"),
        }
    }
}
