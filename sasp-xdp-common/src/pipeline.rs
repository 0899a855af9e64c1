//! The whole way of a packet: parse → service → slot → backend → rewrite.
//!
//! There are two ways. [`mod@short`] knows the packets that make up the load and nothing else; what it does not know it
//! leaves alone. [`mod@general`] knows every packet, those of the short way too, and is what the short way is held against.
//! Both count what they decide. Bytes are counted as the frame came, before anything is put in front of it.
//!
//! Gives back what is to be done; turning that into an XDP action is the kernel program's entry point's matter.

pub mod general;
pub mod short;

mod deliver;
mod foreign;
mod fragment;
mod icmp;
mod job;
mod pick;
mod quic;
mod service;

pub use general::general;
pub use job::{Job, Step};
pub use short::{short, tunnel};

use crate::abi::counters::Reason;
use crate::family::{V4, V6};
use crate::maps::{FamilyMaps, Maps};
use crate::packet::Packet;
use crate::verdict::Verdict;

/// Balances one frame: the short way, or else the general one. Never [`Verdict::SLOW`].
#[inline(always)]
pub fn balance<P, M>(packet: &mut P, maps: &M) -> Verdict
where
    P: Packet,
    M: Maps + FamilyMaps<V4> + FamilyMaps<V6>,
{
    let verdict = short(packet, maps);
    if verdict.is_tunnel() {
        tunnel(packet, maps, verdict)
    } else if verdict.is_slow() {
        general(packet, maps)
    } else {
        verdict
    }
}

/// The packet is passed or dropped for this reason, which is counted.
#[inline(always)]
fn stay<M: Maps>(maps: &M, reason: Reason) -> Verdict {
    maps.count(reason);
    Verdict::of(reason)
}

#[cfg(test)]
mod tests;
