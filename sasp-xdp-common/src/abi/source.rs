//! Which clients may use a service: prefixes, of which the longest that fits decides.

use super::crosses_maps;

/// Bits of the service's id, which every rule's prefix begins with.
pub const SERVICE_BITS: u32 = 32;

/// A rule of an IPv4 service; key of a longest-prefix-match trie.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct Source4 {
    /// [`SERVICE_BITS`] and the bits of the client's prefix.
    pub prefix_len: u32,
    /// [`super::service::Service::id`], in network order.
    pub service: [u8; 4],
    /// The client's prefix, network order.
    pub client: [u8; 4],
}

/// A rule of an IPv6 service, as [`Source4`].
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct Source6 {
    /// [`SERVICE_BITS`] and the bits of the client's prefix.
    pub prefix_len: u32,
    /// [`super::service::Service::id`], in network order.
    pub service: [u8; 4],
    /// The client's prefix, network order.
    pub client: [u8; 16],
}

/// Value of a rule: packets are dropped.
pub const DENY: u32 = 0;
/// Value of a rule: packets are balanced.
pub const ALLOW: u32 = 1;

crosses_maps! { Source4 = 12, Source6 = 24 }
