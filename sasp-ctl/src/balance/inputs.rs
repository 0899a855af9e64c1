//! What the balancer is told: by the GWM, by netlink. Plain values; how they came is `session`'s and `datapath`'s
//! matter.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::sasp::msg::{MemberKey, Name};

/// Everything that may change while the config stays, as it stands now; not a difference to what was before.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Inputs {
    /// The GWM's side, by group. A group that is missing here is [`Freshness::Gone`].
    pub groups: BTreeMap<Name, GroupInput>,
    /// Next hops, by member address. `None`: there is none, the member can get no packets. Missing: not known yet,
    /// so what is installed stands. A daemon that has just started says nothing until it has looked.
    pub next_hops: BTreeMap<IpAddr, Option<NextHop>>,
}

/// What the GWM says of a group.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct GroupInput {
    /// How far it can be trusted.
    pub freshness: Freshness,
    /// The GWM has known the group for less than two intervals: its "no contact" may mean "not looked yet".
    /// Matters only while live.
    pub converging: bool,
    /// Its words, complete: a member that is missing here is unknown to the GWM. Ignored unless live, since the
    /// balancer itself keeps the last words (they outlive a restart in the backends' records).
    pub members: BTreeMap<MemberKey, Word>,
}

/// Whether a group's words count.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Freshness {
    /// The session is up and the group's weights have come over it.
    Live,
    /// The session is lost, or has not brought weights yet, but the hold time has not passed: the last words stand.
    /// A daemon starts with this.
    Held,
    /// No GWM, or the hold time has passed: the last words are forgotten, static weights count.
    #[default]
    Gone,
}

/// The GWM's word on a member (RFC 4678 section 5.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Word {
    /// The GWM can reach it.
    pub contact: bool,
    /// It wants no new flows.
    pub quiesce: bool,
    /// The GWM stands behind the weight.
    pub confident: bool,
    /// Registered by the balancer; else by the member itself.
    pub by_lb: bool,
    /// Relative weight in its group.
    pub weight: u16,
    /// Opaque. Does not outlive a restart.
    pub state: u8,
}

/// How packets reach a member.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct NextHop {
    /// Egress interface, never 0.
    pub ifindex: u32,
    /// Destination MAC, then source MAC.
    pub macs: [u8; 12],
    /// Largest IP packet that fits on the way, in bytes.
    pub mtu: u32,
    /// Largest IP packet that comes from clients, in bytes, by the interfaces' MTUs.
    pub clients_mtu: u32,
    /// The address from which this host would send to the member: the outer source of tunnels. `None`: it has none of
    /// the member's family on the egress interface.
    pub source: Option<IpAddr>,
    /// The MAC is that of a gateway: the member is not on the same segment.
    pub via_gateway: bool,
}
