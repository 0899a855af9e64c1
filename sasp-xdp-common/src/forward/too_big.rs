//! A packet that is too long for the way to its backend is answered: ICMP's "fragmentation needed" or ICMPv6's "packet
//! too big", with the length that fits (RFC 1191, RFC 8201). The sender's next packets are shorter; an answer that is
//! never sent is a connection that hangs once it carries data.
//!
//! IPv4 packets that may be fragmented are answered too: XDP cannot fragment, and senders that are told of a smaller
//! MTU keep to it whether or not they had set DF (Linux fragments such packets itself from then on).
//!
//! The answer is made of the packet: new headers go in front of it, what is too much is cut behind it, and what remains
//! is the quote, as long as the RFCs want it. Quoting less would only save some of the checksum, and a rate limit
//! bounds what answers cost.

use super::ethernet::{ETHERTYPE_IPV4, ETHERTYPE_IPV6, Tags, swapped_macs};
use super::template::{IPV4_LEN, IPV6_LEN, TTL};
use crate::abi::backend::NOBODY;
use crate::abi::counters::Reason;
use crate::abi::settings::Limiter;
use crate::checksum::Sum;
use crate::maps::Maps;
use crate::packet::Packet;
use crate::parse::{Network, Place};
use crate::verdict::Verdict;
use crate::word::{load_u16, load_u32, load_u64, store_u16, store_u32, store_u64};

const ICMP: u8 = 1;
const ICMPV6: u8 = 58;
const ICMP_LEN: usize = 8;

/// Type and code of "fragmentation needed and DF set" (RFC 792).
const FRAGMENTATION_NEEDED: [u8; 2] = [3, 4];
/// Type and code of "packet too big" (RFC 4443 section 3.2).
const PACKET_TOO_BIG: [u8; 2] = [2, 0];

/// What every IPv4 link carries (RFC 791 section 3.2): senders do not believe in less.
const MTU_MIN_V4: usize = 68;
/// What every IPv6 link carries (RFC 8200 section 5): senders ignore less (RFC 8201 section 4).
const MTU_MIN_V6: usize = 1280;

/// An answer is at most 576 bytes (RFC 1812 section 4.3.2.3).
const QUOTE_MAX_V4: usize = 576 - IPV4_LEN - ICMP_LEN;
/// An answer is at most the minimum MTU (RFC 4443 section 2.4 (c)).
const QUOTE_MAX_V6: usize = MTU_MIN_V6 - IPV6_LEN - ICMP_LEN;

/// TOS of what routers have to say: precedence "internetwork control" (RFC 1812 section 4.3.2.5).
const INTERNETWORK_CONTROL: u8 = 0xc0;

/// Answers a packet of which only `inner_max` bytes fit, by the interface on which it came; or drops it, if no answer
/// is due or too many were sent within a second. The source of the packet must be somebody who can be answered.
#[inline(always)]
pub fn answer<P: Packet, M: Maps>(
    packet: &mut P,
    maps: &M,
    place: Place,
    inner_max: u16,
) -> Verdict {
    let per_second = maps
        .settings()
        .map_or(0, |settings| settings.too_big_per_second);
    let mtu = due(packet, &place, inner_max.into());
    let answered = mtu.zip(swapped_macs(packet)).is_some_and(|(mtu, macs)| {
        maps.take(Limiter::TooBig, per_second)
            && match place.network {
                Network::V4 => answer4(packet, &place, &macs, mtu).is_some(),
                Network::V6 => answer6(packet, &place, &macs, mtu).is_some(),
            }
    });
    if answered {
        maps.count(Reason::TooBigAnswered);
        Verdict::leave(packet.ingress_ifindex(), NOBODY)
    } else {
        maps.count(Reason::TooBig);
        Verdict::DROP
    }
}

/// The MTU to answer with, if an answer is due (RFC 1122 section 3.2.2, RFC 4443 section 2.4 (e)) and helps.
#[inline(always)]
fn due<P: Packet>(packet: &P, place: &Place, inner_max: usize) -> Option<usize> {
    match place.network {
        Network::V4 => {
            let later = load_u16::<6, _>(packet.bytes::<IPV4_LEN>(place.at)?) & 0x1fff_u16.to_be();
            if later != 0 || inner_max < MTU_MIN_V4 {
                return None;
            }
            if place.protocol == ICMP {
                // Unreachable, source quench, redirect, time exceeded, parameter problem.
                let kind = packet.bytes::<1>(place.transport)?[0];
                if matches!(kind, 3 | 4 | 5 | 11 | 12) {
                    return None;
                }
            }
            Some(inner_max)
        }
        Network::V6 => {
            if place.protocol == ICMPV6 {
                const INFORMATIONAL: u8 = 128;
                const REDIRECT: u8 = 137;
                let kind = packet.bytes::<1>(place.transport)?[0];
                if kind < INFORMATIONAL || kind == REDIRECT {
                    return None;
                }
            }
            let mtu = if inner_max < MTU_MIN_V6 {
                MTU_MIN_V6
            } else {
                inner_max
            };
            (place.length > mtu).then_some(mtu)
        }
    }
}

#[inline(always)]
fn answer4<P: Packet>(packet: &mut P, place: &Place, macs: &[u8; 12], mtu: usize) -> Option<()> {
    let quote = if place.length < QUOTE_MAX_V4 {
        place.length
    } else {
        QUOTE_MAX_V4
    };
    let tags = Tags::read(packet, place.at)?;
    let quoted = packet.sum(place.at, quote)?;
    let asked = packet.bytes::<IPV4_LEN>(place.at)?;
    let (client, vip) = (load_u32::<12, _>(asked), load_u32::<16, _>(asked));
    make_room(packet, place.at, quote, IPV4_LEN + ICMP_LEN)?;
    tags.write(packet, place.at, macs, ETHERTYPE_IPV4)?;

    let ip = packet.bytes_mut::<IPV4_LEN>(place.at)?;
    let length = ((IPV4_LEN + ICMP_LEN + quote) as u16).to_be();
    let start = u16::from_ne_bytes([0x45, INTERNETWORK_CONTROL]);
    let lifetime = u16::from_ne_bytes([TTL, ICMP]);
    let checksum = Sum::ZERO
        .word16(start)
        .word16(length)
        .word16(lifetime)
        .word32(vip)
        .word32(client)
        .checksum();
    store_u16::<0, _>(ip, start);
    store_u16::<2, _>(ip, length);
    store_u32::<4, _>(ip, 0);
    store_u16::<8, _>(ip, lifetime);
    store_u16::<10, _>(ip, checksum);
    store_u32::<12, _>(ip, vip);
    store_u32::<16, _>(ip, client);

    let message = Sum::ZERO.word16(quoted);
    icmp(
        packet,
        place.at + IPV4_LEN,
        FRAGMENTATION_NEEDED,
        mtu,
        message,
    )
}

#[inline(always)]
fn answer6<P: Packet>(packet: &mut P, place: &Place, macs: &[u8; 12], mtu: usize) -> Option<()> {
    let tags = Tags::read(packet, place.at)?;
    // It is longer than that, or would not be too big.
    let quoted = packet.sum(place.at, QUOTE_MAX_V6)?;
    let asked = packet.bytes::<IPV6_LEN>(place.at)?;
    let client = [load_u64::<8, _>(asked), load_u64::<16, _>(asked)];
    let vip = [load_u64::<24, _>(asked), load_u64::<32, _>(asked)];
    make_room(packet, place.at, QUOTE_MAX_V6, IPV6_LEN + ICMP_LEN)?;
    tags.write(packet, place.at, macs, ETHERTYPE_IPV6)?;

    let ip = packet.bytes_mut::<IPV6_LEN>(place.at)?;
    let length = ((ICMP_LEN + QUOTE_MAX_V6) as u16).to_be();
    store_u32::<0, _>(ip, 0x6000_0000_u32.to_be());
    store_u16::<4, _>(ip, length);
    store_u16::<6, _>(ip, u16::from_ne_bytes([ICMPV6, TTL]));
    store_u64::<8, _>(ip, vip[0]);
    store_u64::<16, _>(ip, vip[1]);
    store_u64::<24, _>(ip, client[0]);
    store_u64::<32, _>(ip, client[1]);

    let message = Sum::ZERO
        .word64(vip[0])
        .word64(vip[1])
        .word64(client[0])
        .word64(client[1])
        .word16(length)
        .word16(u16::from(ICMPV6).to_be())
        .word16(quoted);
    icmp(packet, place.at + IPV6_LEN, PACKET_TOO_BIG, mtu, message)
}

/// Leaves `quote` bytes of the packet at `at`, and `headers` bytes in front of them.
#[inline(always)]
fn make_room<P: Packet>(packet: &mut P, at: usize, quote: usize, headers: usize) -> Option<()> {
    (packet.cut_tail(at + quote) && packet.grow_head(headers)).then_some(())
}

/// The header of the message, whose MTU stands alike in both families: 16 bits of IPv4, 32 of IPv6, and 16 unused ones
/// before. `rest` is the sum of all else that its checksum covers.
#[inline(always)]
fn icmp<P: Packet>(
    packet: &mut P,
    at: usize,
    kind_and_code: [u8; 2],
    mtu: usize,
    rest: Sum,
) -> Option<()> {
    let icmp = packet.bytes_mut::<ICMP_LEN>(at)?;
    let start = u16::from_ne_bytes(kind_and_code);
    let mtu = (mtu as u32).to_be();
    store_u16::<0, _>(icmp, start);
    store_u16::<2, _>(icmp, rest.word16(start).word32(mtu).checksum());
    store_u32::<4, _>(icmp, mtu);
    Some(())
}

#[cfg(test)]
mod tests;
