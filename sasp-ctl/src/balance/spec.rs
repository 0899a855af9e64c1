//! A service as the config wants it, validated: nothing here can be impossible.

use std::net::SocketAddr;
use std::time::Duration;

use ipnet::IpNet;

use crate::sasp::msg::{MemberKey, Name};

/// How packets reach a member.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Forward {
    /// Direct server return: rewrite the MAC, same segment.
    Dsr,
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
}

/// A service.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ServiceSpec {
    /// The SASP group whose weights it follows.
    pub group: Name,
    /// Virtual address and port.
    pub vip: SocketAddr,
    /// IP protocol number, TCP or UDP.
    pub protocol: u8,
    /// How packets reach its members.
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
