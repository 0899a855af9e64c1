//! A flow, and what is remembered of one that its slot's owner would not get.

use super::backend::Index;
use super::crosses_maps;
use super::service::{Vip4, Vip6};

/// An IPv4 flow, client to VIP. Network order. Aligned, so that its addresses are loaded as words.
#[repr(C, align(8))]
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct Flow4 {
    /// The client's address.
    pub client: [u8; 4],
    /// The service.
    pub vip: Vip4,
    /// The client's port.
    pub client_port: [u8; 2],
    /// Zero.
    pub reserved: [u8; 2],
}

/// An IPv6 flow, as [`Flow4`].
#[repr(C, align(8))]
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct Flow6 {
    /// The client's address.
    pub client: [u8; 16],
    /// The service.
    pub vip: Vip6,
    /// The client's port.
    pub client_port: [u8; 2],
    /// Zero.
    pub reserved: [u8; 2],
}

/// What is remembered of a flow. An 8-byte owner, so that one store changes it whole.
#[repr(C, align(8))]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct FlowEntry {
    /// Low half: backend index; high half: its generation.
    pub owner: u64,
    /// When the flow last spoke: `CLOCK_MONOTONIC`, nanoseconds.
    pub seen_ns: u64,
}

impl FlowEntry {
    /// An entry for `backend` in its `generation`.
    #[inline(always)]
    pub const fn new(backend: Index, generation: u32, seen_ns: u64) -> Self {
        Self {
            owner: backend as u64 | ((generation as u64) << 32),
            seen_ns,
        }
    }

    /// Index of the owner.
    #[inline(always)]
    pub const fn backend(&self) -> Index {
        self.owner as u16
    }

    /// Generation of the owner when the flow was remembered.
    #[inline(always)]
    pub const fn generation(&self) -> u32 {
        (self.owner >> 32) as u32
    }
}

crosses_maps! { Flow4 = 16, Flow6 = 40, FlowEntry = 16 }
