//! What the outer headers take from the packet inside.

use crate::checksum::Sum;
use crate::packet::Packet;
use crate::parse::{Network, Place, TCP, UDP};
use crate::word::{load_u16, load_u32};

use super::super::ethernet::{ETHERTYPE_IPV4, ETHERTYPE_IPV6};
use super::super::template::{IPV4_LEN, IPV6_LEN, UDP_LEN};
use super::low_byte;

/// IP protocol numbers of IP itself.
const IPV4_INSIDE: u8 = 4;
const IPV6_INSIDE: u8 = 41;
const ICMP: u8 = 1;
const ICMPV6: u8 = 58;

/// The fields of IPv4's word of flags and fragment offset, as a native load yields them.
const DONT_FRAGMENT: u16 = 0x4000_u16.to_be();
const MORE_FRAGMENTS: u16 = 0x2000_u16.to_be();
const FRAGMENT_OFFSET: u16 = 0x1fff_u16.to_be();

/// See the module. Words are in memory order.
pub(super) struct Inner {
    /// TOS or traffic class.
    pub(super) tos: u8,
    /// For an outer IPv4 header.
    pub(super) identification: u16,
    /// The same: DF or nothing, where fragment flags and offset stand.
    pub(super) dont_fragment: u16,
    /// IP protocol number of a packet inside another.
    pub(super) protocol: u8,
    /// EtherType.
    pub(super) ethertype: u16,
}

impl Inner {
    #[inline(always)]
    pub(super) fn read<P: Packet>(packet: &P, place: &Place) -> Option<Self> {
        match place.network {
            Network::V4 => {
                let ip = packet.bytes::<IPV4_LEN>(place.at)?;
                let fragment = load_u16::<6, _>(ip);
                Some(Self {
                    tos: ip[1],
                    identification: load_u16::<4, _>(ip) ^ (fragment & FRAGMENT_OFFSET),
                    dont_fragment: fragment & DONT_FRAGMENT,
                    protocol: IPV4_INSIDE,
                    ethertype: ETHERTYPE_IPV4,
                })
            }
            Network::V6 => {
                let first = packet.bytes::<4>(place.at)?;
                Some(Self {
                    tos: (u32::from_be(load_u32::<0, _>(first)) >> 20) as u8,
                    identification: 0,
                    dont_fragment: DONT_FRAGMENT,
                    protocol: IPV6_INSIDE,
                    ethertype: ETHERTYPE_IPV6,
                })
            }
        }
    }
}

/// The sum of the whole packet inside, for a checksum that covers it.
///
/// Where the packet's own checksums cover it, they tell what it adds up to, and no byte of it need be read: that is
/// Linux's local checksum offload. If one of them is wrong, so is the outer one, and the receiver drops the packet on
/// the way in instead of one layer further up: nothing is repaired. Everything else is summed.
#[inline(always)]
pub(super) fn sum<P: Packet>(packet: &P, place: &Place) -> Option<Sum> {
    let known = match place.network {
        Network::V4 => known4(packet, place),
        Network::V6 => known6(packet, place),
    };
    match known {
        Some(sum) => Some(sum),
        None => Some(Sum::ZERO.word16(packet.sum(place.at, place.length)?)),
    }
}

/// An IPv4 header adds up to zero, and so does a segment with its pseudo-header: what remains is the complement of
/// the latter. Options may change the destination that a pseudo-header has (RFC 1122 section 4.2.3.8).
#[inline(always)]
fn known4<P: Packet>(packet: &P, place: &Place) -> Option<Sum> {
    if place.transport != place.at + IPV4_LEN {
        return None;
    }
    let ip = packet.bytes::<IPV4_LEN>(place.at)?;
    if load_u16::<6, _>(ip) & (MORE_FRAGMENTS | FRAGMENT_OFFSET) != 0 {
        return None;
    }
    if place.protocol == ICMP {
        return Some(Sum::ZERO);
    }
    let segment = place.length - IPV4_LEN;
    if !covers(packet, place, segment) {
        return None;
    }
    let pseudo_header = Sum::ZERO
        .word32(load_u32::<12, _>(ip))
        .word32(load_u32::<16, _>(ip))
        .word16((segment as u16).to_be())
        .word16(low_byte(place.protocol));
    Some(Sum::ZERO.word16(pseudo_header.checksum()))
}

/// As [`known4`], but the header has no checksum; what it shares with the pseudo-header (addresses and length) cancels
/// out. Extension headers may change the addresses that a pseudo-header has (RFC 8200 section 8.1).
#[inline(always)]
fn known6<P: Packet>(packet: &P, place: &Place) -> Option<Sum> {
    if place.transport != place.at + IPV6_LEN {
        return None;
    }
    let segment = place.length - IPV6_LEN;
    if place.protocol != ICMPV6 && !covers(packet, place, segment) {
        return None;
    }
    let ip = packet.bytes::<8>(place.at)?;
    let sum = Sum::ZERO
        .word32(load_u32::<0, _>(ip))
        .word16(load_u16::<6, _>(ip))
        .word16(!low_byte(place.protocol));
    Some(sum)
}

/// Whether a TCP or UDP checksum covers the whole `segment` of so many bytes.
#[inline(always)]
fn covers<P: Packet>(packet: &P, place: &Place, segment: usize) -> bool {
    match place.protocol {
        TCP => true,
        UDP => packet.bytes::<UDP_LEN>(place.transport).is_some_and(|udp| {
            let length = usize::from(u16::from_be(load_u16::<4, _>(udp)));
            length == segment && load_u16::<6, _>(udp) != 0
        }),
        _ => false,
    }
}
