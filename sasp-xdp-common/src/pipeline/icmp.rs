//! ICMP to a VIP: errors follow the flow that they quote, echo requests are answered.
//!
//! Checksums are not looked at: who gets an error checks it, and a wrong echo request gets a wrong reply.

use super::job::{Job, Step};
use super::{foreign, service, stay};
use crate::abi::counters::Reason;
use crate::family::Family;
use crate::maps::{FamilyMaps, Maps, WAY_FOUND};
use crate::nat::{self, Translated};
use crate::packet::Packet;
use crate::parse::header::{Header, Headers};
use crate::parse::{Kind, Network, TCP, UDP};
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
    let is_whole = is_whole(packet, header);
    let is_quoting = is_error && is_whole && read_quoted(packet, job);
    let header = &job.header;
    if maps.vip(F::address_of(F::vip_of(&header.flow))).is_none() {
        return Verdict::next(if is_quoting && foreign::has_replies(maps) {
            Step::ErrorOfMember
        } else {
            Step::Classify
        });
    }
    if F::is_bad_source(F::client_of(&header.flow)) {
        return stay(maps, Reason::BadSource);
    }
    if !is_whole {
        return stay(maps, Reason::BadLength);
    }
    if !is_error {
        return Verdict::next(Step::Echo);
    }
    if is_quoting && follow::<M, F>(maps, job) {
        Verdict::next(Step::Pick)
    } else {
        stay(maps, Reason::NotVip)
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
fn follow<M, F>(maps: &M, job: &mut Job<F>) -> bool
where
    M: Maps + FamilyMaps<F>,
    F: Family,
{
    let vip = F::vip_of(&job.quoted_flow);
    // The VIP must have sent it.
    if F::address_of(vip) != F::address_of(F::vip_of(&job.header.flow)) {
        return false;
    }
    let Some(service) = service::of::<M, F>(maps, vip) else {
        return false;
    };
    job.header.flow = job.quoted_flow;
    job.service = service;
    job.kind = Kind {
        opens: false,
        transient: true,
    };
    job.note = Some(Reason::IcmpErrorFollowed);
    true
}

/// An error that is for no VIP may be about a translated packet.
#[cfg_attr(target_arch = "bpf", inline(never))]
pub(super) fn of_member<P, M, F>(packet: &mut P, maps: &M, job: &mut Job<F>) -> Verdict
where
    P: Packet,
    M: Maps + FamilyMaps<F>,
    F: Translated,
{
    let Job {
        header,
        quoted_flow,
        forward,
        ..
    } = job;
    let found =
        nat::error::find_reply::<P, M, F>(packet, maps, &header.place, quoted_flow, forward);
    let Some(way) = found else {
        return Verdict::next(Step::Classify);
    };
    job.way = way;
    Verdict::next(if way.answer == WAY_FOUND {
        Step::ReplyError
    } else {
        Step::ErrorWay
    })
}

/// It is, and the kernel knows the way.
#[cfg_attr(target_arch = "bpf", inline(never))]
pub(super) fn way<P, M, F>(packet: &mut P, maps: &M, job: &mut Job<F>) -> Verdict
where
    P: Packet,
    M: Maps + FamilyMaps<F>,
    F: Translated,
{
    match nat::error::reply_way::<P, M, F>(packet, maps, &job.header.place, &job.forward) {
        Some(way) => {
            job.way = way;
            Verdict::next(Step::ReplyError)
        }
        None => Verdict::next(Step::Classify),
    }
}

/// It is, and its way is known.
#[cfg_attr(target_arch = "bpf", inline(never))]
pub(super) fn reply<P, M, F>(packet: &mut P, maps: &M, job: &mut Job<F>) -> Verdict
where
    P: Packet,
    M: Maps + FamilyMaps<F>,
    F: Translated,
{
    let place = &job.header.place;
    nat::error::reply::<P, M, F>(packet, maps, place, &job.quoted, &job.forward, &job.way)
}

/// Notes the quoted packet, and its flow reversed: as who is to blame for the error sends it. False if the quote is cut
/// short of its ports or never had any.
#[inline(always)]
fn read_quoted<P, F>(packet: &P, job: &mut Job<F>) -> bool
where
    P: Packet,
    F: Headers,
{
    let place = &job.header.place;
    let Ok(mut inner) = F::header(packet, place.transport + ICMP_LEN) else {
        return false;
    };
    if inner.part.is_later() || inner.read_ports(packet).is_err() {
        return false;
    }
    // What Ethernet pads the error with is no quote.
    let has_ports = inner.place.protocol == TCP || inner.place.protocol == UDP;
    let end = inner.place.transport + if has_ports { PORTS_LEN } else { 0 };
    if end > place.at + place.length {
        return false;
    }
    job.quoted = inner.place;
    job.quoted_flow = F::reversed(&inner.flow);
    true
}
