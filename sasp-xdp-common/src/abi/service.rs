//! A service: a VIP, a port and a protocol, and the table that spreads its flows.

use super::crosses_maps;

/// Key of an IPv4 service. Network order.
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

/// Key of an IPv6 service. Network order.
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
    /// [`TRACK_ALWAYS`], [`AFFINITY_CLIENT`], [`QUIC`]; for userspace [`TRACK_NEVER`].
    pub flags: u32,
}

/// Remember every flow, also in stable slots.
pub const TRACK_ALWAYS: u32 = 1 << 0;
/// Hash the client's address only, so that all flows of a client reach one backend.
pub const AFFINITY_CLIENT: u32 = 1 << 1;
/// UDP flows speak QUIC: an Initial packet opens one.
pub const QUIC: u32 = 1 << 2;
/// Slots never become tracked: a changed owner takes over all flows at once. The packet path need not know.
pub const TRACK_NEVER: u32 = 1 << 3;

crosses_maps! { Vip4 = 8, Vip6 = 20, Service = 8 }
