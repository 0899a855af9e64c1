//! A service: a VIP, a port and a protocol, and the table that spreads its flows.

use super::crosses_maps;

/// Key of an IPv4 service. Network order. Port 0 stands for every port, protocol 0 with port 0 for every port of every
/// protocol (a system-level service); what is more precise goes first.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct Vip4 {
    /// The virtual address, as it stands in the packet.
    pub address: [u8; 4],
    /// The port, as it stands in the packet.
    pub port: [u8; 2],
    /// IP protocol number.
    pub protocol: u8,
    /// Zero.
    pub reserved: u8,
}

/// Key of an IPv6 service, as [`Vip4`].
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct Vip6 {
    /// The virtual address, as it stands in the packet.
    pub address: [u8; 16],
    /// The port, as it stands in the packet.
    pub port: [u8; 2],
    /// IP protocol number.
    pub protocol: u8,
    /// Zero.
    pub reserved: u8,
}

/// What the packet path knows about a service.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Service {
    /// Index of its table.
    pub id: u32,
    /// [`TRACK_ALWAYS`], [`AFFINITY_CLIENT`], [`QUIC`], [`SOURCE_RULES`], [`ALLOW_LISTED`]; for userspace
    /// [`TRACK_NEVER`].
    pub flags: u32,
    /// Idle timeout of its flows, in seconds; the packet path needs it to reclaim translations.
    pub idle_s: u32,
    /// Connection ids of QUIC that name their server (QUIC-LB, plaintext): see [`super::quic::routing`]. 0: none do.
    pub quic_lb: u32,
}

impl Service {
    /// One with nothing but flags.
    pub const fn new(id: u32, flags: u32) -> Self {
        Self {
            id,
            flags,
            idle_s: 0,
            quic_lb: 0,
        }
    }
}

/// Remember every flow, also in stable slots.
pub const TRACK_ALWAYS: u32 = 1 << 0;
/// Hash the client's address only, so that all flows of a client reach one backend.
pub const AFFINITY_CLIENT: u32 = 1 << 1;
/// UDP flows speak QUIC: an Initial packet opens one.
pub const QUIC: u32 = 1 << 2;
/// Slots never become tracked: a changed owner takes over all flows at once. The packet path need not know.
pub const TRACK_NEVER: u32 = 1 << 3;

/// Clients are judged by address, see [`super::source`].
pub const SOURCE_RULES: u32 = 1 << 4;
/// Clients that no rule names are denied: there is a list of those that are allowed.
pub const ALLOW_LISTED: u32 = 1 << 5;

crosses_maps! { Vip4 = 8, Vip6 = 20, Service = 16 }
