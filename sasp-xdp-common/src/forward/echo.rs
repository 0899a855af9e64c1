//! Echo requests to a VIP are answered here: the VIP answers for the service as a whole, and no backend of it would
//! stand for that.
//!
//! The request becomes the reply in place: addresses change sides, which leaves every sum as it is, and the type and
//! the TTL are others, for which the checksums are corrected. The identifier, the data, TOS and VLAN tags stay. A
//! request whose checksum is wrong gets a reply whose checksum is wrong, which its receiver drops as our own stack
//! would have dropped the request.

use super::ethernet::{swapped_macs, write_macs};
use super::template::{IPV4_LEN, IPV6_LEN, TTL};
use crate::abi::backend::NOBODY;
use crate::abi::counters::Reason;
use crate::checksum::Delta;
use crate::maps::Maps;
use crate::packet::Packet;
use crate::parse::{Network, Place};
use crate::verdict::Verdict;
use crate::word::{load_u16, load_u32, load_u64, store_u16, store_u32, store_u64};

/// Types of ICMP's and ICMPv6's replies.
const REPLY_V4: u8 = 0;
const REPLY_V6: u8 = 129;

/// Answers an echo request, which `place` tells of, by the interface on which it came. One with IP options or extension
/// headers is passed, for these would have to be judged, and so is one that came to a group of stations.
#[inline(always)]
pub fn answer<P: Packet, M: Maps>(packet: &mut P, maps: &M, place: Place) -> Verdict {
    let reason = match reply(packet, &place) {
        Ok(()) => {
            maps.count(Reason::EchoAnswered);
            return Verdict::leave(packet.ingress_ifindex(), NOBODY);
        }
        Err(reason) => reason,
    };
    maps.count(reason);
    Verdict::of(reason)
}

#[inline(always)]
fn reply<P: Packet>(packet: &mut P, place: &Place) -> Result<(), Reason> {
    let header = place.transport - place.at;
    match place.network {
        Network::V4 if header != IPV4_LEN => return Err(Reason::Ipv4Options),
        Network::V6 if header != IPV6_LEN => return Err(Reason::ExtensionHeaders),
        _ => {}
    }
    let macs = swapped_macs(packet).ok_or(Reason::OtherProtocol)?;
    let answered = match place.network {
        Network::V4 => ip4(packet, place.at).and_then(|()| icmp(packet, place.transport, REPLY_V4)),
        Network::V6 => ip6(packet, place.at).and_then(|()| icmp(packet, place.transport, REPLY_V6)),
    };
    answered.ok_or(Reason::Truncated)?;
    let ethernet = packet.bytes_mut::<12>(0).ok_or(Reason::Truncated)?;
    write_macs(ethernet, &macs);
    Ok(())
}

#[inline(always)]
fn ip4<P: Packet>(packet: &mut P, at: usize) -> Option<()> {
    let ip = packet.bytes_mut::<IPV4_LEN>(at)?;
    let (source, destination) = (load_u32::<12, _>(ip), load_u32::<16, _>(ip));
    store_u32::<12, _>(ip, destination);
    store_u32::<16, _>(ip, source);
    let before = load_u16::<8, _>(ip);
    let after = u16::from_ne_bytes([TTL, ip[9]]);
    let checksum = Delta::NONE
        .word16(before, after)
        .apply(load_u16::<10, _>(ip));
    store_u16::<8, _>(ip, after);
    store_u16::<10, _>(ip, checksum);
    Some(())
}

#[inline(always)]
fn ip6<P: Packet>(packet: &mut P, at: usize) -> Option<()> {
    let ip = packet.bytes_mut::<IPV6_LEN>(at)?;
    let source = (load_u64::<8, _>(ip), load_u64::<16, _>(ip));
    let destination = (load_u64::<24, _>(ip), load_u64::<32, _>(ip));
    store_u64::<8, _>(ip, destination.0);
    store_u64::<16, _>(ip, destination.1);
    store_u64::<24, _>(ip, source.0);
    store_u64::<32, _>(ip, source.1);
    ip[7] = TTL;
    Some(())
}

/// ICMPv6's pseudo-header adds up to the same, whoever sends to whom.
#[inline(always)]
fn icmp<P: Packet>(packet: &mut P, at: usize, kind: u8) -> Option<()> {
    let icmp = packet.bytes_mut::<4>(at)?;
    let before = load_u16::<0, _>(icmp);
    let after = u16::from_ne_bytes([kind, icmp[1]]);
    let checksum = Delta::NONE
        .word16(before, after)
        .apply(load_u16::<2, _>(icmp));
    store_u16::<0, _>(icmp, after);
    // A reply to a request without identifier, sequence number and data is all zeros, and only over those is zero
    // wrong. The other zero of one's complement is right over everything.
    store_u16::<2, _>(icmp, if checksum == 0 { u16::MAX } else { checksum });
    Some(())
}

#[cfg(test)]
mod tests;
