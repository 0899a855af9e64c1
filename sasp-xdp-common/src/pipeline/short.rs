//! The short way: what makes up the load, decided without a function call and with few helper calls.
//!
//! Known are untagged frames of TCP and UDP without options, extension headers or fragments, to exactly a VIP whose
//! service asks for nothing out of the ordinary, for a backend that is reached without translation; and, if nothing
//! else is configured, frames that are for no VIP. Of the rest nothing is counted or changed here.

use core::mem::offset_of;

use network_types::eth::EthHdr;

use super::pick::{self, Noted, pick, remember};
use super::stay;
use crate::abi::backend::{MODE_DSR, MODE_GRE};
use crate::abi::counters::Reason;
use crate::abi::service::{ALLOW_LISTED, SOURCE_RULES};
use crate::family::{V4, V6};
use crate::forward;
use crate::maps::{FamilyMaps, Maps};
use crate::packet::Packet;
use crate::parse::plain::Plain;
use crate::parse::{self, ETH_LEN, IPV4, IPV6, Network, Place, QINQ, TCP, UDP, VLAN};
use crate::verdict::{Sending, Verdict};
use crate::word::load_u16;

/// Balances a frame, or leaves it alone: [`Verdict::SLOW`].
#[inline(always)]
pub fn short<P, M>(packet: &mut P, maps: &M) -> Verdict
where
    P: Packet,
    M: Maps + FamilyMaps<V4> + FamilyMaps<V6>,
{
    let Some(ethernet) = packet.bytes::<ETH_LEN>(0) else {
        return Verdict::SLOW;
    };
    match load_u16::<{ offset_of!(EthHdr, ether_type) }, _>(ethernet) {
        IPV4 => plain::<P, M, V4>(packet, maps).unwrap_or(Verdict::SLOW),
        IPV6 => plain::<P, M, V6>(packet, maps).unwrap_or(Verdict::SLOW),
        VLAN | QINQ => Verdict::SLOW,
        _ => stay(maps, Reason::NotIp),
    }
}

#[inline(always)]
fn plain<P, M, F>(packet: &mut P, maps: &M) -> Option<Verdict>
where
    P: Packet,
    M: Maps + FamilyMaps<F>,
    F: Plain,
{
    let flow = F::plain_flow(packet)?;
    let Some(service) = maps.service(F::vip_of(&flow)) else {
        // Wildcards and replies are for the general way.
        let nothing_else = maps.settings()?.features == 0;
        return nothing_else.then(|| stay(maps, Reason::NotVip));
    };
    if service.flags & (SOURCE_RULES | ALLOW_LISTED) != 0 || service.quic_lb != 0 {
        return None;
    }
    let place = place::<P, F>(packet, F::protocol_of(F::vip_of(&flow)))?;
    if F::is_bad_source(F::client_of(&flow)) {
        return None;
    }
    let length = place.length.wrapping_sub(F::HEADER);
    let kind = parse::kind(
        packet,
        place.transport,
        length,
        place.protocol,
        service,
        false,
    )
    .ok()?;
    let hash = pick::hash::<M, F>(maps, &flow, service);
    let (index, backend, memory) = pick::<M, F>(maps, &flow, service, kind, hash).ok()?;
    if forward::goes_to(packet, backend) {
        return None;
    }
    let fits = backend.inner_max == 0 || place.length <= backend.inner_max as usize;
    if backend.mode > MODE_GRE || !fits {
        return None;
    }
    let noted = remember::<M, F>(maps, &flow, memory, index, kind.opens);
    if noted != Noted::Done {
        // Such a flow opens elsewhere.
        if kind.opens {
            return None;
        }
        noted.count(maps);
    }
    if backend.mode != MODE_DSR {
        return Some(Verdict::tunnel(Sending {
            index,
            hash,
            is_v6: F::NETWORK == Network::V6,
            is_udp: place.protocol == UDP,
            opens: kind.opens,
        }));
    }
    maps.count_traffic(index, packet.len(), kind.opens);
    forward::dsr(packet, backend);
    Some(Verdict::leave(backend.ifindex, index))
}

#[inline(always)]
fn place<P: Packet, F: Plain>(packet: &P, protocol: u8) -> Option<Place> {
    Some(Place {
        network: F::NETWORK,
        at: ETH_LEN,
        transport: ETH_LEN + F::HEADER,
        length: F::plain_length(packet)?,
        protocol,
        sealed: false,
    })
}

/// Does what [`short`] has left to do: puts a tunnel's headers in front of the packet. Apart from it, so that packets
/// that no tunnel takes do not pay for its registers and its stack.
#[inline(always)]
pub fn tunnel<P: Packet, M: Maps>(packet: &mut P, maps: &M, verdict: Verdict) -> Verdict {
    let sending = verdict.sending();
    let Some(backend) = maps.backend(sending.index) else {
        return stay(maps, Reason::NoBackend);
    };
    let protocol = if sending.is_udp { UDP } else { TCP };
    let place = if sending.is_v6 {
        place::<P, V6>(packet, protocol)
    } else {
        place::<P, V4>(packet, protocol)
    };
    let bytes = packet.len();
    let sent = place
        .ok_or(Reason::CannotForward)
        .and_then(|place| forward::send(packet, place, backend, sending.hash));
    if let Err(reason) = sent {
        return stay(maps, reason);
    }
    maps.count_traffic(sending.index, bytes, sending.opens);
    Verdict::leave(backend.ifindex, sending.index)
}
