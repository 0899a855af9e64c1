//! ICMP to a VIP: errors follow the flow that they quote, echo requests are answered.
//!
//! Checksums are not looked at: who gets an error checks it, and a wrong echo request gets a wrong reply.

use super::job::{Job, Step};
use super::{foreign, service, stay};
use crate::abi::counters::Reason;
use crate::family::Family;
use crate::maps::{FamilyMaps, Maps};
use crate::nat::{self, Translated};
use crate::packet::Packet;
use crate::parse::header::{Header, Headers};
use crate::parse::{Kind, Network, Place, TCP, UDP};
use crate::verdict::Verdict;

/// Length of an ICMP header in bytes; what an error quotes follows it.
const ICMP_LEN: usize = 8;
/// Length of two ports in bytes.
const PORTS_LEN: usize = 4;

/// What an ICMP message to a VIP is to us.
enum Message {
    Error,
    EchoRequest,
    /// For the host's stack, whoever else takes every protocol.
    Link,
    Other,
}

#[cfg_attr(target_arch = "bpf", inline(never))]
pub(super) fn icmp<P, M, F>(packet: &mut P, maps: &M, job: &mut Job<F>) -> Verdict
where
    P: Packet,
    M: Maps + FamilyMaps<F>,
    F: Headers,
{
    let header = &job.header;
    let Some(start) = packet.bytes::<ICMP_LEN>(header.place.transport) else {
        return stay(maps, Reason::Truncated);
    };
    let message = message::<F>(start[0]);
    // Neither errors nor echo requests come in fragments; what claims to is a packet like any other.
    if matches!(message, Message::Other) || header.part.is_first() {
        return Verdict::next(Step::Classify);
    }
    if matches!(message, Message::Link) {
        return stay(maps, Reason::OtherProtocol);
    }
    let is_error = matches!(message, Message::Error);
    if maps.vip(F::address_of(F::vip_of(&header.flow))).is_none() {
        let may_be_of_member = is_error && foreign::has_replies(maps) && is_whole(packet, header);
        return Verdict::next(if may_be_of_member {
            Step::ErrorOfMember
        } else {
            Step::Classify
        });
    }
    if F::is_bad_source(F::client_of(&header.flow)) {
        return stay(maps, Reason::BadSource);
    }
    if !is_whole(packet, header) {
        return stay(maps, Reason::BadLength);
    }
    if is_error {
        error::<P, M, F>(packet, maps, job)
    } else {
        Verdict::next(Step::Echo)
    }
}

/// The frame holds all of the packet, and that all of the header.
#[inline(always)]
fn is_whole<P: Packet, F: Family>(packet: &P, header: &Header<F>) -> bool {
    let length = header.payload();
    length >= ICMP_LEN && length <= packet.len().wrapping_sub(header.place.transport)
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
fn error<P, M, F>(packet: &mut P, maps: &M, job: &mut Job<F>) -> Verdict
where
    P: Packet,
    M: Maps + FamilyMaps<F>,
    F: Headers,
{
    let Some((quoted, flow)) = quoted::<P, F>(packet, &job.header) else {
        return stay(maps, Reason::NotVip);
    };
    // The VIP must have sent it.
    if F::address_of(F::vip_of(&flow)) != F::address_of(F::vip_of(&job.header.flow)) {
        return stay(maps, Reason::NotVip);
    }
    let Some(service) = service::of::<M, F>(maps, F::vip_of(&flow)) else {
        return stay(maps, Reason::NotVip);
    };
    job.header.flow = flow;
    job.quoted = quoted;
    job.service = service;
    job.kind = Kind {
        opens: false,
        transient: true,
    };
    job.note = Some(Reason::IcmpErrorFollowed);
    Verdict::next(Step::Pick)
}

/// An error that is for no VIP may be about a translated packet.
#[cfg_attr(target_arch = "bpf", inline(never))]
pub(super) fn of_member<P, M, F>(packet: &mut P, maps: &M, job: &mut Job<F>) -> Verdict
where
    P: Packet,
    M: Maps + FamilyMaps<F>,
    F: Headers + Translated,
{
    let Some((quoted, flow)) = quoted::<P, F>(packet, &job.header) else {
        return Verdict::next(Step::Classify);
    };
    nat::error::reply::<P, M, F>(packet, maps, &job.header.place, &quoted, &flow)
        .unwrap_or(Verdict::next(Step::Classify))
}

/// The quoted packet, and its flow reversed: as who is to blame for the error sends it. `None` if the quote is cut
/// short of its ports or never had any.
#[inline(always)]
fn quoted<P, F>(packet: &P, header: &Header<F>) -> Option<(Place, F::Flow)>
where
    P: Packet,
    F: Headers,
{
    let mut inner = F::header(packet, header.place.transport + ICMP_LEN).ok()?;
    if inner.part.is_later() {
        return None;
    }
    inner.read_ports(packet).ok()?;
    // What Ethernet pads the error with is no quote.
    let has_ports = inner.place.protocol == TCP || inner.place.protocol == UDP;
    let end = inner.place.transport + if has_ports { PORTS_LEN } else { 0 };
    let is_quoted = end <= header.place.at + header.place.length;
    is_quoted.then(|| (inner.place, F::reversed(&inner.flow)))
}
