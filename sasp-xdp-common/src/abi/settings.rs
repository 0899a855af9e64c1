//! What the packet path must know of the config as a whole, and its rate limits. Changed by a reload, without a new
//! program.

use super::crosses_maps;

/// Source addresses of `full-nat` per address family.
pub const POOL_MAX: usize = 16;

/// See the module.
///
/// It is written in place while packets read it, so in the nanoseconds of a write a packet may see some fields old and
/// some new. Each field stands for itself, but the pool's: only a flow that `full-nat` gives a source in that moment
/// reads several of them together. Addresses of either pool are right with either length, for userspace empties no place
/// of an array: those of a pool that is removed stay, and those of the first pool come before its length. What is left is
/// that a new first port meets the old count, or one half of an IPv6 address the other's: that one flow has a source
/// outside of the pool until it opens anew, and no other flow gets it too, for the entry of its way back is keyed by what
/// it got.
#[repr(C, align(8))]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Settings {
    /// What there is to look for in packets that are for no exact VIP: `HAS_` bits.
    pub features: u32,
    /// Flows that may be remembered anew per second; 0: as many as come.
    pub flows_per_second: u32,
    /// Packet-too-big messages that may be sent per second.
    pub too_big_per_second: u32,
    /// First port of the pool, host order.
    pub pool_port: u16,
    /// Ports of the pool; 0 if there is no pool.
    pub pool_ports: u16,
    /// Addresses in use of [`Self::pool_v4`].
    pub pool_v4_len: u32,
    /// Addresses in use of [`Self::pool_v6`].
    pub pool_v6_len: u32,
    /// Source addresses, network order: all places are filled, those beyond the length with the same ones again; where the
    /// length is 0, with the last pool's.
    pub pool_v4: [[u8; 4]; POOL_MAX],
    /// As [`Self::pool_v4`].
    pub pool_v6: [[u8; 16]; POOL_MAX],
}

/// In [`Settings::features`]: an any-port or system-level service exists.
pub const HAS_WILDCARDS: u32 = 1 << 0;
/// In [`Settings::features`]: replies of members may have to be translated back.
pub const HAS_REPLIES: u32 = 1 << 1;

/// Value of a VIP's address: some service of it takes every port.
pub const WILDCARD: u32 = 1 << 0;

/// What is limited per second; index of its bucket.
#[repr(u32)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Limiter {
    /// Flows remembered anew without having been seen to open, [`Settings::flows_per_second`].
    Flows = 0,
    /// Packet-too-big messages, [`Settings::too_big_per_second`].
    TooBig = 1,
}

/// Entries of the map of buckets.
pub const LIMITERS: usize = 4;

/// A token bucket, shared by all CPUs. They race for it on purpose: what a race loses is a token, not a packet.
#[repr(C, align(8))]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Bucket {
    /// The time up to which tokens were given out: `CLOCK_MONOTONIC`, nanoseconds. Each moves it on by its share of a
    /// second, not beyond now; the bucket holds what one second brings.
    pub spent_ns: u64,
}

/// Takes a token from a bucket that brings `per_second` of them (0: endless): what [`Bucket::spent_ns`] becomes, or
/// `None` if none is left.
#[inline(always)]
pub const fn take(spent_ns: u64, now_ns: u64, per_second: u32) -> Option<u64> {
    const SECOND_NS: u64 = 1_000_000_000;
    if per_second == 0 {
        return Some(spent_ns);
    }
    let oldest = now_ns.saturating_sub(SECOND_NS);
    let from = if spent_ns > oldest { spent_ns } else { oldest };
    let then = from + SECOND_NS / per_second as u64;
    if then > now_ns { None } else { Some(then) }
}

crosses_maps! { Settings = 344, Bucket = 8 }
