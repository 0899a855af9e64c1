//! How much fits: table shape (fixed) and default map sizes (userspace may choose others when it creates the maps).

/// Slots of a service's table. A power of two: the verifier accepts a mask as bound, and any odd Maglev skip is a
/// full permutation.
pub const SLOTS: usize = 1 << 16;

/// Services, unless configured otherwise. 16 bytes each, and 256 KiB for each that exists.
pub const SERVICES: usize = 1024;

/// Backends of all services together, unless configured otherwise. 128 bytes each, and 32 bytes per CPU.
pub const BACKENDS: usize = 4096;

/// Backends never exceed this: a slot names its previous owner with 15 bits.
pub const BACKENDS_MAX: usize = 1 << 15;

/// Flows remembered per address family, unless configured otherwise. They are exceptions only, see [`super::slot`].
pub const FLOWS: usize = 1 << 16;

/// Translations of `full-nat` per address family, unless configured otherwise; a flow takes two, one for each way.
/// They take memory only while they exist.
pub const TRANSLATIONS: usize = 1 << 17;

/// Packets in fragments remembered per address family: those under way within the reassembly timeout.
pub const FRAGMENTS: usize = 1 << 12;

/// Source rules of all services together, per address family. They take memory only while they exist.
pub const SOURCE_RULES: usize = 1 << 14;

/// Interfaces whose MTU is known to the packet path.
pub const INTERFACES: usize = 1 << 8;

/// Every link carries packets of this length, RFC 791's word for hosts: nobody asks for its MTU before.
pub const MTU_LEAST: usize = 576;

/// VLAN tags that a frame may carry.
pub const VLAN_TAGS: usize = 2;

/// IPv6 extension headers that are looked behind; what carries more is passed.
pub const EXTENSION_HEADERS: usize = 6;

/// Longest time between the fragments of a packet: Linux gives up reassembly after as long (ipfrag_time).
pub const FRAGMENT_TIMEOUT_NS: u64 = 30_000_000_000;
