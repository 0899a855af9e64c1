//! What is remembered of a packet that comes in fragments: only the first carries ports, and the others follow it.

use super::crosses_maps;

/// Key of the fragments of an IPv4 packet (RFC 791 section 3.2). Network order.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct Fragment4 {
    /// Who sent it.
    pub source: [u8; 4],
    /// For whom it is.
    pub destination: [u8; 4],
    /// The header's identification.
    pub identification: [u8; 2],
    /// IP protocol number.
    pub protocol: u8,
    /// Zero.
    pub reserved: u8,
}

/// Key of the fragments of an IPv6 packet (RFC 8200 section 4.5). Network order.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct Fragment6 {
    /// Who sent it.
    pub source: [u8; 16],
    /// For whom it is.
    pub destination: [u8; 16],
    /// The fragment header's identification.
    pub identification: [u8; 4],
}

/// Where the first fragment went, and with which addresses.
#[repr(C, align(8))]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct FragmentEntry {
    /// The backend, as in [`super::flow::FlowEntry::owner`]; 0 for a reply of a member.
    pub owner: u64,
    /// When the first fragment came: `CLOCK_MONOTONIC`, nanoseconds.
    pub seen_ns: u64,
    /// Source that it left with, network order, IPv4 in the first 4 bytes; matters for translations only.
    pub source: [u8; 16],
    /// Destination that it left with.
    pub destination: [u8; 16],
    /// Replies: the interface on which it left.
    pub ifindex: u32,
    /// Replies: its MAC addresses, destination first.
    pub macs: [u8; 12],
}

crosses_maps! { Fragment4 = 12, Fragment6 = 36, FragmentEntry = 64 }
