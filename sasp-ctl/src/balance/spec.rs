//! A service as the config wants it, validated: nothing here can be impossible.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;

use ipnet::IpNet;

use crate::sasp::msg::{MemberKey, Name};

/// How packets reach a member.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Forward {
    /// Direct server return: rewrite the MAC, same segment.
    Dsr,
    /// IP in IP, either family in either.
    Ipip,
    /// Generic UDP encapsulation.
    Gue,
    /// Generic routing encapsulation.
    Gre,
    /// Destination NAT; the balancer is the members' gateway.
    Nat,
    /// Destination and source NAT.
    FullNat,
}

impl Forward {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Dsr,
        Self::Ipip,
        Self::Gue,
        Self::Gre,
        Self::Nat,
        Self::FullNat,
    ];

    /// As the config has it; stable.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dsr => "dsr",
            Self::Ipip => "ipip",
            Self::Gue => "gue",
            Self::Gre => "gre",
            Self::Nat => "nat",
            Self::FullNat => "full-nat",
        }
    }

    /// It rewrites addresses and ports: a member may have another port than the VIP, but not another address family.
    /// Under the other modes the packet arrives as it was sent, and the family is the way's alone.
    pub const fn translates(self) -> bool {
        matches!(self, Self::Nat | Self::FullNat)
    }
}

/// QUIC connection ids that name their server, see [`sasp_xdp_common::abi::quic`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct QuicLb {
    /// Config id, below [`sasp_xdp_common::abi::quic::CONFIG_IDS`].
    pub config_id: u8,
    /// Length of server ids in bytes, 1 to [`sasp_xdp_common::abi::quic::SERVER_ID_MAX`].
    pub server_id_len: u8,
}

/// Which clients may use a service; the longest prefix that fits decides.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SourceRules {
    /// These may. If any is listed, others may not.
    pub allow: Vec<IpNet>,
    /// These may not.
    pub deny: Vec<IpNet>,
}

/// Source addresses and ports of `full-nat`; each family's addresses may be missing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pool {
    /// Up to [`sasp_xdp_common::abi::settings::POOL_MAX`], each once.
    pub v4: Vec<Ipv4Addr>,
    /// As many.
    pub v6: Vec<Ipv6Addr>,
    /// Ports, 1 to 65535.
    pub ports: RangeInclusive<u16>,
}

/// What concerns the packet path as a whole.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Globals {
    /// `None`: there is none, and no member is reached by `full-nat`.
    pub pool: Option<Pool>,
    /// Flows that may be remembered anew per second without having been seen to open; 0: as many as come.
    pub flows_per_second: u32,
    /// Packet-too-big messages per second; 0: as many as are due.
    pub too_big_per_second: u32,
}

/// What becomes of the flows of a member that the GWM reports down.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OnDown {
    /// They stay with it; it gets no new ones.
    Keep,
    /// They are spread over the others at once.
    Rehash,
}

/// Which flows are remembered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Track {
    /// Those that their slot's owner would not get.
    Exceptions,
    /// All.
    Always,
    /// None: a changed owner takes over every flow of a slot at once.
    Never,
}

/// What is hashed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Affinity {
    /// Addresses and ports.
    Flow,
    /// The client's address only.
    Client,
}

/// What happens when all members that may be used have weight 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AllZero {
    /// They share equally, as the z/OS Load Balancing Advisor does.
    Equal,
    /// Nobody gets new flows.
    Reject,
}

/// How fast new weights may move slots.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MoveLimit {
    /// At most so many thousandths of the slots change owner by weights in one interval; above 0.
    pub permille: u16,
    /// Between two such moves; above 0.
    pub interval: Duration,
}

/// A member of a service.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MemberSpec {
    /// Who it is.
    pub key: MemberKey,
    /// Static weight: until the GWM speaks, and when it has been silent for too long.
    pub weight: u16,
    /// How packets reach it: the service's mode unless it has its own.
    pub forward: Forward,
    /// As long as [`QuicLb::server_id_len`]; `None`: connection ids cannot name it.
    pub server_id: Option<Vec<u8>>,
}

/// A service.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ServiceSpec {
    /// The SASP group whose weights it follows.
    pub group: Name,
    /// Virtual address and port; port 0 stands for every port.
    pub vip: SocketAddr,
    /// IP protocol number, TCP or UDP; 0, with port 0, for every port of every protocol (a system-level service).
    pub protocol: u8,
    /// How packets reach members that register themselves; the others have their own.
    pub forward: Forward,
    /// See [`OnDown`].
    pub on_down: OnDown,
    /// See [`Track`].
    pub track: Track,
    /// See [`Affinity`].
    pub affinity: Affinity,
    /// See [`AllZero`].
    pub all_zero: AllZero,
    /// UDP that speaks QUIC.
    pub quic: bool,
    /// Whether QUIC connection ids name servers; only with `quic`.
    pub quic_lb: Option<QuicLb>,
    /// See [`SourceRules`].
    pub sources: SourceRules,
    /// A flow that has been silent for so long may be forgotten.
    pub idle: Duration,
    /// Relative change of a member's share, in thousandths, up to which a new weight is not worth moving slots.
    pub dead_band_permille: u16,
    /// Where members may register themselves: their addresses. Empty: nowhere.
    pub self_registered: Vec<IpNet>,
    /// How long a member that appears or comes back takes to its full weight. `None`: no time.
    pub slow_start: Option<Duration>,
    /// See [`MoveLimit`]. `None`: as fast as they come.
    pub move_limit: Option<MoveLimit>,
    /// Its members, each once.
    pub members: Vec<MemberSpec>,
}

impl ServiceSpec {
    /// What [`MemberKey::protocol`] is of its members. SASP names a server by protocol and port or, as a whole, by
    /// neither (RFC 4678 section 5.1), so members of an any-port service are system-level members.
    pub const fn member_protocol(&self) -> u8 {
        match self.vip.port() {
            0 => 0,
            _ => self.protocol,
        }
    }
}
