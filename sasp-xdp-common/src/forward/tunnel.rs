//! Tunnels: IP in IP (RFC 2003, RFC 2473), GRE (RFC 2784, RFC 7676) and GUE (draft-ietf-intarea-gue, variant 0), over
//! either family, with either inside.
//!
//! The outer headers are the backend's template with what depends on the packet filled in:
//! * TOS or traffic class is the inner one's, ECN bits too (RFC 6040 section 4.1, normal mode).
//! * DF is the inner one's, and is set around IPv6, which no router may fragment: a path that is too narrow says so.
//! * The IPv4 identification is the inner one's, told apart by the fragment offset, for fragments of one packet become
//!   packets of their own; zero around IPv6, where the outer packet is atomic (RFC 6864 section 4.1).
//! * GUE's UDP source port and IPv6's flow label hold bits of the flow's hash.
//!
//! The client's packet is not touched, its TTL neither: it has arrived where it was sent, and is not forwarded on its
//! way there, which alone would cost it one (RFC 2003 section 3.1, RFC 2473 section 3.1). Padding that Ethernet put
//! behind it stays behind it: lengths are IP's own, and receivers cut what is beyond (RFC 894, RFC 1042).

mod inner;

use self::inner::Inner;
use super::ethernet::{ETHERTYPE_IPV4, ETHERTYPE_IPV6, Tags};
use super::template::{GRE_LEN, GUE_LEN, IPV4_LEN, IPV6_LEN, UDP_LEN};
use crate::abi::backend::{Backend, OUTER_MAX};
use crate::abi::counters::Reason;
use crate::checksum::Sum;
use crate::packet::Packet;
use crate::parse::Place;
use crate::word::{load_u16, load_u32, load_u64, store_u16, store_u32, store_u64};

/// The outer headers by their length, which tells them apart.
const IPIP4: usize = IPV4_LEN;
const GRE4: usize = IPV4_LEN + GRE_LEN;
const GUE4: usize = IPV4_LEN + GUE_LEN;
const IPIP6: usize = IPV6_LEN;
const GRE6: usize = IPV6_LEN + GRE_LEN;
const GUE6: usize = IPV6_LEN + GUE_LEN;
const _: () = assert!(GUE6 <= OUTER_MAX);

/// See [`super::send`].
#[inline(always)]
pub(super) fn send<P: Packet>(
    packet: &mut P,
    place: Place,
    backend: &Backend,
    hash: u32,
) -> Result<(), Reason> {
    let len = usize::from(backend.outer_len);
    if place.length + len > usize::from(u16::MAX) {
        return Err(Reason::CannotForward);
    }
    let inner = Inner::read(packet, &place).ok_or(Reason::CannotForward)?;
    let sum = if len == GUE6 {
        inner::sum(packet, &place).ok_or(Reason::CannotForward)?
    } else {
        Sum::ZERO
    };
    let tags = Tags::read(packet, place.at).ok_or(Reason::CannotForward)?;
    let ethertype = if len < IPIP6 {
        ETHERTYPE_IPV4
    } else {
        ETHERTYPE_IPV6
    };
    if !packet.grow_head(len) {
        return Err(Reason::CannotForward);
    }
    let written = tags
        .write(packet, place.at, &backend.macs, ethertype)
        .and_then(|()| write(packet, &place, backend, &inner, sum, hash));
    written.ok_or(Reason::CannotForward)
}

/// Writes the outer headers to `place.at`, where there is room now.
#[inline(always)]
fn write<P: Packet>(
    packet: &mut P,
    place: &Place,
    backend: &Backend,
    inner: &Inner,
    sum: Sum,
    hash: u32,
) -> Option<()> {
    let outer = &backend.outer;
    let Place { at, length, .. } = *place;
    match usize::from(backend.outer_len) {
        IPIP4 => ipv4(packet, at, outer, inner, IPIP4 + length, inner.protocol),
        GRE4 => {
            ipv4(packet, at, outer, inner, GRE4 + length, 0)?;
            gre::<IPV4_LEN, _>(packet, at, outer, inner)
        }
        GUE4 => {
            ipv4(packet, at, outer, inner, GUE4 + length, 0)?;
            gue::<IPV4_LEN, _>(packet, place, outer, inner, sum, hash)
        }
        IPIP6 => ipv6(packet, at, outer, inner, length, inner.protocol, hash),
        GRE6 => {
            ipv6(packet, at, outer, inner, GRE_LEN + length, 0, hash)?;
            gre::<IPV6_LEN, _>(packet, at, outer, inner)
        }
        GUE6 => {
            ipv6(packet, at, outer, inner, GUE_LEN + length, 0, hash)?;
            gue::<IPV6_LEN, _>(packet, place, outer, inner, sum, hash)
        }
        _ => None,
    }
}

/// The outer IPv4 header of a packet of `total` bytes; `protocol` is zero where the template has it.
#[inline(always)]
fn ipv4<P: Packet>(
    packet: &mut P,
    at: usize,
    outer: &[u8; OUTER_MAX],
    inner: &Inner,
    total: usize,
    protocol: u8,
) -> Option<()> {
    let to = packet.bytes_mut::<IPV4_LEN>(at)?;
    let total = (total as u16).to_be();
    let checksum = Sum::ZERO
        .word16(!load_u16::<10, _>(outer))
        .word16(low_byte(inner.tos))
        .word16(total)
        .word16(inner.identification)
        .word16(inner.dont_fragment)
        .word16(low_byte(protocol))
        .checksum();
    store_u64::<0, _>(to, load_u64::<0, _>(outer));
    store_u64::<8, _>(to, load_u64::<8, _>(outer));
    store_u32::<16, _>(to, load_u32::<16, _>(outer));
    to[1] = inner.tos;
    store_u16::<2, _>(to, total);
    store_u16::<4, _>(to, inner.identification);
    store_u16::<6, _>(to, inner.dont_fragment);
    if protocol != 0 {
        to[9] = protocol;
    }
    store_u16::<10, _>(to, checksum);
    Some(())
}

/// The word in memory order whose second byte is `byte`.
#[inline(always)]
const fn low_byte(byte: u8) -> u16 {
    (byte as u16).to_be()
}

/// The outer IPv6 header of a packet of `payload` bytes behind it; `protocol` is zero where the template has it. The
/// flow label is the hash's upper 20 bits (RFC 6438): the lower ones pick the slot, so that the flows of one backend
/// have many of them in common.
#[inline(always)]
fn ipv6<P: Packet>(
    packet: &mut P,
    at: usize,
    outer: &[u8; OUTER_MAX],
    inner: &Inner,
    payload: usize,
    protocol: u8,
    hash: u32,
) -> Option<()> {
    let to = packet.bytes_mut::<IPV6_LEN>(at)?;
    let first = 0x6000_0000 | ((inner.tos as u32) << 20) | (hash >> 12);
    store_u64::<0, _>(to, load_u64::<0, _>(outer));
    store_u64::<8, _>(to, load_u64::<8, _>(outer));
    store_u64::<16, _>(to, load_u64::<16, _>(outer));
    store_u64::<24, _>(to, load_u64::<24, _>(outer));
    store_u64::<32, _>(to, load_u64::<32, _>(outer));
    store_u32::<0, _>(to, first.to_be());
    store_u16::<4, _>(to, (payload as u16).to_be());
    if protocol != 0 {
        to[6] = protocol;
    }
    Some(())
}

/// GRE's header behind an outer IP header of `IP` bytes: the template has no flags, and the type is the inner packet's.
#[inline(always)]
fn gre<const IP: usize, P: Packet>(
    packet: &mut P,
    at: usize,
    outer: &[u8; OUTER_MAX],
    inner: &Inner,
) -> Option<()> {
    let from = outer.get(IP..)?.first_chunk::<GRE_LEN>()?;
    let to = packet.bytes_mut::<GRE_LEN>(at + IP)?;
    store_u16::<0, _>(to, load_u16::<0, _>(from));
    store_u16::<2, _>(to, inner.ethertype);
    Some(())
}

/// UDP's and GUE's header behind an outer IP header of `IP` bytes. `sum` is the inner packet's; it counts over IPv6
/// only, for over IPv4 there is no checksum.
#[inline(always)]
fn gue<const IP: usize, P: Packet>(
    packet: &mut P,
    place: &Place,
    outer: &[u8; OUTER_MAX],
    inner: &Inner,
    sum: Sum,
    hash: u32,
) -> Option<()> {
    let from = outer.get(IP..)?.first_chunk::<GUE_LEN>()?;
    let to = packet.bytes_mut::<GUE_LEN>(place.at + IP)?;
    // A dynamic port (RFC 7605), 14 bits of entropy: the hash's upper ones, as for the flow label.
    let port = (0xc000 | (hash >> 18) as u16).to_be();
    let length = ((GUE_LEN + place.length) as u16).to_be();
    store_u64::<0, _>(to, load_u64::<0, _>(from));
    store_u32::<8, _>(to, load_u32::<8, _>(from));
    store_u16::<0, _>(to, port);
    store_u16::<4, _>(to, length);
    to[UDP_LEN + 1] = inner.protocol;
    if IP == IPV6_LEN {
        // The length counts twice, in the pseudo-header and in UDP's own.
        let checksum = Sum::ZERO
            .word16(!load_u16::<6, _>(from))
            .word16(port)
            .word16(length)
            .word16(length)
            .word16(low_byte(inner.protocol))
            .and(sum)
            .checksum_udp();
        store_u16::<6, _>(to, checksum);
    }
    Some(())
}

#[cfg(test)]
mod tests;
