//! Addresses, ports and checksums of a packet, and of one that an ICMP error quotes: replaced and corrected in place.
//!
//! Nothing is computed anew and no byte outside the headers is touched. Where a packet is cut, what is there is
//! rewritten: a quoted packet often ends before TCP's checksum.

use super::family::Translated;
use crate::abi::counters::Reason;
use crate::checksum::Delta;
use crate::forward::ethernet::swap_macs;
use crate::packet::Packet;
use crate::parse::{Place, TCP, UDP};
use crate::word::{load_u16, load_u32, store_u16, store_u32};

/// Protocols that matter here beside TCP and UDP (IANA's registry).
const DCCP: u8 = 33;
const ICMPV6: u8 = 58;
const UDP_LITE: u8 = 136;

/// Whether packets of a protocol have ports that can be replaced.
#[inline(always)]
pub const fn has_ports(protocol: u8) -> bool {
    protocol == TCP || protocol == UDP
}

/// Whether a packet may go one hop on.
#[inline(always)]
pub fn check_hops<P: Packet, F: Translated>(packet: &P, place: &Place) -> Result<(), Reason> {
    let hops = F::hops(packet, place.at).ok_or(Reason::CannotForward)?;
    if hops <= 1 {
        return Err(Reason::TtlExceeded);
    }
    Ok(())
}

/// Makes a packet one from a flow's VIP to its client, one `hop` on or not.
///
/// # Errors
/// [`Reason::TtlExceeded`], or [`Reason::CannotForward`] if it is sealed, before anything is changed;
/// [`Reason::CannotForward`] if its transport header is cut.
#[cfg_attr(target_arch = "bpf", inline(never))]
pub fn packet<P: Packet, F: Translated>(
    packet: &mut P,
    place: &Place,
    flow: &F::Flow,
    hop: bool,
) -> Result<(), Reason> {
    if place.sealed {
        return Err(Reason::CannotForward);
    }
    if hop {
        check_hops::<P, F>(packet, place)?;
    }
    let replaced = F::readdress(packet, place.at, flow, true, hop).ok_or(Reason::CannotForward)?;
    let vip = F::vip_of(flow);
    let ports = [F::port_of(vip), F::client_port_of(flow)];
    let end = place.at + place.length;
    transport(packet, place, ports, replaced.addresses, end, false).ok_or(Reason::CannotForward)?;
    Ok(())
}

/// Rewrites ports (source, destination, in network order) and checksum of what follows an IP header; what that replaced,
/// the checksum included. `None` if it is cut before `end`: a `quoted` packet may be, behind its ports.
#[inline(always)]
pub fn transport<P: Packet>(
    packet: &mut P,
    place: &Place,
    ports: [[u8; 2]; 2],
    addresses: Delta,
    end: usize,
    quoted: bool,
) -> Option<Delta> {
    let mut replaced = Delta::NONE;
    if has_ports(place.protocol) {
        replaced = replace_ports(packet, place.transport, ports, end)?;
    }
    let at = match place.protocol {
        TCP => 16,
        UDP | UDP_LITE | DCCP => 6,
        ICMPV6 => 2,
        // Without a pseudo-header, or unknown: not touched.
        _ => return Some(replaced),
    };
    let at = place.transport + at;
    if at + 2 > end {
        return quoted.then_some(replaced);
    }
    let field = packet.bytes_mut::<2>(at)?;
    let old = load_u16::<0, _>(field);
    let delta = addresses.and(replaced);
    let new = if place.protocol == UDP || place.protocol == UDP_LITE {
        delta.apply_udp(old)
    } else {
        delta.apply(old)
    };
    store_u16::<0, _>(field, new);
    Some(replaced.word16(old, new))
}

#[inline(always)]
fn replace_ports<P: Packet>(
    packet: &mut P,
    at: usize,
    [[a, b], [c, d]]: [[u8; 2]; 2],
    end: usize,
) -> Option<Delta> {
    if at + 4 > end {
        return None;
    }
    let ports = packet.bytes_mut::<4>(at)?;
    let new = u32::from_ne_bytes([a, b, c, d]);
    let delta = Delta::NONE.word32(load_u32::<0, _>(ports), new);
    store_u32::<0, _>(ports, new);
    Some(delta)
}

/// Corrects the checksum of an ICMP or ICMPv6 message for what was replaced in it and, in ICMPv6, in its pseudo-header.
#[inline(always)]
pub fn correct_icmp<P: Packet>(
    packet: &mut P,
    place: &Place,
    inside: Delta,
    pseudo: Delta,
) -> Option<()> {
    let field = packet.bytes_mut::<2>(place.transport + 2)?;
    let delta = if place.protocol == ICMPV6 {
        inside.and(pseudo)
    } else {
        inside
    };
    let old = load_u16::<0, _>(field);
    store_u16::<0, _>(field, delta.apply(old));
    Some(())
}

/// The MAC addresses with which an answer to a frame leaves, destination first.
#[inline(always)]
pub fn macs_back<P: Packet>(packet: &P) -> Result<[u8; 12], Reason> {
    let macs = packet.bytes::<12>(0).ok_or(Reason::Truncated)?;
    Ok(swap_macs(macs))
}

/// Replaces a frame's MAC addresses.
#[inline(always)]
pub fn set_macs<P: Packet>(packet: &mut P, macs: &[u8; 12]) {
    // A frame without MAC addresses never comes here.
    if let Some(to) = packet.bytes_mut::<12>(0) {
        store_u32::<0, _>(to, load_u32::<0, _>(macs));
        store_u32::<4, _>(to, load_u32::<4, _>(macs));
        store_u32::<8, _>(to, load_u32::<8, _>(macs));
    }
}
