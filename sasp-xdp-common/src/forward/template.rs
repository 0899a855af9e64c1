//! The outer headers of tunnels as userspace writes them into a backend's record: everything that does not depend on
//! the packet. `super::tunnel` copies them and fills in the rest.
//!
//! Checksum fields hold the checksum of the template itself, as if it were a whole packet of length zero: the packet
//! path adds what it fills in and never sums addresses.

use core::net::IpAddr;

use crate::abi::backend::{MODE_GRE, MODE_GUE, MODE_IPIP, OUTER_MAX};
use crate::checksum::Sum;
use crate::parse::UDP;

/// Bytes of an IPv4 header without options.
pub(super) const IPV4_LEN: usize = 20;
/// Bytes of an IPv6 header.
pub(super) const IPV6_LEN: usize = 40;
/// Bytes of a GRE header without options.
pub(super) const GRE_LEN: usize = 4;
/// Bytes of a UDP header and a GUE header without extensions.
pub(super) const GUE_LEN: usize = UDP_LEN + 4;
/// Bytes of a UDP header.
pub(super) const UDP_LEN: usize = 8;

/// TTL and hop limit: IANA's recommended default (registry "IP Parameters", IP Time to Live).
pub(super) const TTL: u8 = 64;

/// Where receivers of GUE listen (IANA: gue).
const GUE_PORT: u16 = 6080;
/// IP protocol number of GRE.
const GRE: u8 = 47;

/// The outer headers for packets from `source`, an address of the interface by which they leave, to `destination`, the
/// member, and how many bytes they are; `None` if `mode` is no tunnel or the families differ.
///
/// `source` should be an address that the interface has: providers filter others.
#[must_use]
pub fn outer(mode: u8, source: IpAddr, destination: IpAddr) -> Option<([u8; OUTER_MAX], u8)> {
    let protocol = match mode {
        // The number of what is inside: depends on the packet.
        MODE_IPIP => 0,
        MODE_GRE => GRE,
        MODE_GUE => UDP,
        _ => return None,
    };
    let mut outer = [0; OUTER_MAX];
    let ip_len = match (source, destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            outer[0] = 0x45;
            outer[8] = TTL;
            outer[9] = protocol;
            outer[12..16].copy_from_slice(&source.octets());
            outer[16..20].copy_from_slice(&destination.octets());
            let checksum = sum(&outer[..IPV4_LEN]).checksum();
            outer[10..12].copy_from_slice(&checksum.to_ne_bytes());
            IPV4_LEN
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            outer[0] = 0x60;
            outer[6] = protocol;
            outer[7] = TTL;
            outer[8..24].copy_from_slice(&source.octets());
            outer[24..40].copy_from_slice(&destination.octets());
            IPV6_LEN
        }
        _ => return None,
    };
    let shim_len = match mode {
        MODE_GRE => GRE_LEN,
        MODE_GUE => {
            outer[ip_len + 2..ip_len + 4].copy_from_slice(&GUE_PORT.to_be_bytes());
            // Over IPv4 it stays zero: there is none (RFC 768).
            if ip_len == IPV6_LEN {
                let pseudo_header = sum(&outer[8..40]).word16(u16::from(UDP).to_be());
                let checksum = pseudo_header.and(sum(&outer[40..52])).checksum();
                outer[46..48].copy_from_slice(&checksum.to_ne_bytes());
            }
            GUE_LEN
        }
        _ => 0,
    };
    Some((outer, (ip_len + shim_len) as u8))
}

fn sum(bytes: &[u8]) -> Sum {
    bytes.chunks_exact(2).fold(Sum::ZERO, |sum, word| {
        sum.word16(u16::from_ne_bytes([word[0], word[1]]))
    })
}

#[cfg(test)]
mod tests;
