//! Who is compared: a line each. The first of a list is what the others are measured against.

/// Somebody who forwards.
pub(super) struct Contender {
    /// As the table and the chart call it.
    pub(super) name: &'static str,
    pub(super) kind: Kind,
}

/// What runs on the box.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// No box at all: clients route to the members.
    Direct,
    /// An XDP program that parses nothing, swaps the MAC addresses and sends back.
    Bare,
    /// Ours, by `--mode` and `forward`.
    SaspCtl {
        mode: &'static str,
        forward: &'static str,
    },
    /// Destination NAT by a hash of the client; the box routes both ways.
    Nftables,
    Haproxy,
    NginxStream,
}

impl Kind {
    /// Whether answers go back through the box too, which must be the members' router then.
    pub(super) fn routes(self) -> bool {
        matches!(self, Self::Nftables | Self::SaspCtl { forward: "nat", .. })
    }
}

/// For packets per second.
pub(super) const PACKETS: &[Contender] = &[
    contender("bare forwarder", Kind::Bare),
    sasp_ctl("sasp-ctl, native dsr", "native", "dsr"),
    sasp_ctl("sasp-ctl, native ipip", "native", "ipip"),
    sasp_ctl("sasp-ctl, native nat", "native", "nat"),
    sasp_ctl("sasp-ctl, generic dsr", "generic", "dsr"),
    contender("nftables, jhash DNAT", Kind::Nftables),
];

/// For requests and connections per second.
pub(super) const HTTP: &[Contender] = &[
    contender("direct", Kind::Direct),
    sasp_ctl("sasp-ctl, native dsr", "native", "dsr"),
    sasp_ctl("sasp-ctl, native nat", "native", "nat"),
    sasp_ctl("sasp-ctl, native full-nat", "native", "full-nat"),
    contender("nftables, jhash DNAT", Kind::Nftables),
    contender("HAProxy, TCP mode", Kind::Haproxy),
    contender("nginx, stream", Kind::NginxStream),
];

const fn contender(name: &'static str, kind: Kind) -> Contender {
    Contender { name, kind }
}

const fn sasp_ctl(name: &'static str, mode: &'static str, forward: &'static str) -> Contender {
    contender(name, Kind::SaspCtl { mode, forward })
}
