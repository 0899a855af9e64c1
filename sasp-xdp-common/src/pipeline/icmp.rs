//! ICMP to a VIP: errors follow the flow that they quote, echo requests are answered.
//!
//! Checksums are not looked at: who gets an error checks it, and a wrong echo request gets a wrong reply.

use super::deliver::{Job, deliver};
use super::{service, stay};
use crate::abi::counters::Reason;
use crate::family::Family;
use crate::maps::{FamilyMaps, Maps};
use crate::packet::Packet;
use crate::parse::header::{Header, Headers};
use crate::parse::{Kind, Network};
use crate::verdict::Verdict;

/// Length of an ICMP header in bytes; what an error quotes follows it.
const ICMP_LEN: usize = 8;

/// What an ICMP message to a VIP is to us.
enum Message {
    Error,
    EchoRequest,
    /// For the host's stack, whoever else takes every protocol.
    Link,
    Other,
}

/// [`Verdict::SLOW`] if it is a packet like any other.
#[cfg_attr(target_arch = "bpf", inline(never))]
pub(super) fn icmp<P, M, F>(packet: &mut P, maps: &M, header: &Header<F>) -> Verdict
where
    P: Packet,
    M: Maps + FamilyMaps<F>,
    F: Headers,
{
    let Some(start) = packet.bytes::<ICMP_LEN>(header.place.transport) else {
        return stay(maps, Reason::Truncated);
    };
    let message = message::<F>(start[0]);
    if matches!(message, Message::Other) {
        return Verdict::SLOW;
    }
    if matches!(message, Message::Link) {
        return stay(maps, Reason::OtherProtocol);
    }
    if maps.vip(F::address_of(F::vip_of(&header.flow))).is_none() || header.part.is_first() {
        return Verdict::SLOW;
    }
    if F::is_bad_source(F::client_of(&header.flow)) {
        return stay(maps, Reason::BadSource);
    }
    let length = header.payload();
    if length < ICMP_LEN || length > packet.len().wrapping_sub(header.place.transport) {
        return stay(maps, Reason::BadLength);
    }
    match message {
        Message::Error => error::<P, M, F>(packet, maps, header),
        _ => Verdict::SLOW,
    }
}

#[inline(always)]
fn message<F: Family>(kind: u8) -> Message {
    match (F::NETWORK, kind) {
        // Destination unreachable, time exceeded, parameter problem; source quench is history (RFC 6633).
        (Network::V4, 3 | 11 | 12) => Message::Error,
        (Network::V4, 8) => Message::EchoRequest,
        (Network::V6, 1..=4) => Message::Error,
        (Network::V6, 128) => Message::EchoRequest,
        // Multicast listeners, neighbour discovery and what else belongs to the link (IANA's ICMPv6 parameters).
        (Network::V6, 130..=159) => Message::Link,
        _ => Message::Other,
    }
}

/// An error goes to the backend of the flow that it quotes: a packet from the VIP to the client.
#[inline(always)]
fn error<P, M, F>(packet: &mut P, maps: &M, header: &Header<F>) -> Verdict
where
    P: Packet,
    M: Maps + FamilyMaps<F>,
    F: Headers,
{
    let Some(flow) = quoted::<P, F>(packet, header) else {
        return stay(maps, Reason::NotVip);
    };
    let Some(service) = service::of::<M, F>(maps, F::vip_of(&flow)) else {
        return stay(maps, Reason::NotVip);
    };
    let kind = Kind {
        opens: false,
        transient: true,
    };
    let job = Job {
        header: Header { flow, ..*header },
        service,
        kind,
        error: true,
    };
    deliver::<P, M, F>(packet, maps, &job)
}

/// The flow of the quoted packet, seen from its client; `None` if the VIP cannot have sent it or the quote is cut
/// short of its ports.
#[inline(always)]
fn quoted<P, F>(packet: &P, header: &Header<F>) -> Option<F::Flow>
where
    P: Packet,
    F: Headers,
{
    let mut inner = F::header(packet, header.place.transport + ICMP_LEN).ok()?;
    if inner.part.is_later() {
        return None;
    }
    inner.read_ports(packet).ok()?;
    let vip = F::address_of(F::vip_of(&header.flow));
    let reversed = F::reversed(&inner.flow);
    (F::address_of(F::vip_of(&reversed)) == vip).then_some(reversed)
}
