//! The general way: any frame, step by step.
//!
//! In the kernel each step is a function of its own, so that the verifier looks at it with few states and its stack is
//! given back before the next begins. What they tell each other is in a [`Job`].

use super::job::{Job, Step};
use super::{deliver, foreign, fragment, icmp, service, stay};
use crate::abi::counters::Reason;
use crate::family::{Family, V4, V6};
use crate::forward;
use crate::maps::{FamilyMaps, Maps};
use crate::nat::Translated;
use crate::packet::Packet;
use crate::parse::header::{self, Headers};
use crate::parse::{self, Kind, Network, Place, TCP, UDP};
use crate::verdict::Verdict;

/// Balances one frame, whatever it is.
#[inline(always)]
pub fn general<P, M>(packet: &mut P, maps: &M) -> Verdict
where
    P: Packet,
    M: Maps + FamilyMaps<V4> + FamilyMaps<V6>,
{
    match header::network(packet) {
        Ok((Network::V4, at)) => of_family::<P, M, V4>(packet, maps, at),
        Ok((Network::V6, at)) => of_family::<P, M, V6>(packet, maps, at),
        Err(reason) => stay(maps, reason),
    }
}

#[inline(always)]
fn of_family<P, M, F>(packet: &mut P, maps: &M, at: usize) -> Verdict
where
    P: Packet,
    M: Maps + FamilyMaps<F>,
    F: Headers + Translated,
{
    maps.with_job(|job| {
        job.header.place.at = at;
        steps::<P, M, F>(packet, maps, job)
    })
}

/// One step after the other; what comes next always stands further down.
#[inline(always)]
fn steps<P, M, F>(packet: &mut P, maps: &M, job: &mut Job<F>) -> Verdict
where
    P: Packet,
    M: Maps + FamilyMaps<F>,
    F: Headers + Translated,
{
    let mut verdict = arrive::<P, M, F>(packet, maps, job);
    if verdict.is_next(Step::Later) {
        verdict = fragment::later::<P, M, F>(packet, maps, job);
    }
    if verdict.is_next(Step::Icmp) {
        verdict = icmp::icmp::<P, M, F>(packet, maps, job);
    }
    if verdict.is_next(Step::ErrorOfMember) {
        verdict = icmp::of_member::<P, M, F>(packet, maps, job);
    }
    if verdict.is_next(Step::ErrorWay) {
        verdict = icmp::way::<P, M, F>(packet, maps, job);
    }
    if verdict.is_next(Step::ReplyError) {
        return icmp::reply::<P, M, F>(packet, maps, job);
    }
    if verdict.is_next(Step::Classify) {
        verdict = classify::<P, M, F>(packet, maps, job);
    }
    if verdict.is_next(Step::Foreign) {
        verdict = foreign::foreign::<P, M, F>(packet, maps, job);
    }
    if verdict.is_next(Step::Pick) {
        verdict = deliver::pick::<P, M, F>(packet, maps, job);
    }
    if verdict.is_next(Step::TooBig) {
        return deliver::too_big(packet, maps, job);
    }
    if verdict.is_next(Step::Echo) {
        return echo(packet, maps, &job.header.place);
    }
    if verdict.is_next(Step::Send) {
        verdict = deliver::send(packet, maps, job);
    }
    if verdict.is_next(Step::Translate) {
        verdict = deliver::translate::<P, M, F>(packet, maps, job);
    }
    if verdict.is_next(Step::Rewrite) {
        verdict = deliver::rewrite::<P, M, F>(packet, maps, job);
    }
    if verdict.is_next(Step::TranslateError) {
        verdict = deliver::translate_error::<P, M, F>(packet, maps, job);
    }
    if verdict.is_next(Step::Finish) {
        verdict = deliver::finish(maps, job);
    }
    if verdict.is_next(Step::Fragments) {
        verdict = fragment::remember::<P, M, F>(packet, maps, job);
    }
    verdict
}

/// What the packet is.
#[cfg_attr(target_arch = "bpf", inline(never))]
fn arrive<P, M, F>(packet: &mut P, maps: &M, job: &mut Job<F>) -> Verdict
where
    P: Packet,
    M: Maps,
    F: Headers,
{
    match F::header(packet, job.header.place.at) {
        Ok(header) => job.header = header,
        Err(reason) => return stay(maps, reason),
    }
    if job.header.part.is_later() {
        return Verdict::next(Step::Later);
    }
    if job.header.place.protocol == F::ICMP {
        return Verdict::next(Step::Icmp);
    }
    match job.header.read_ports(packet) {
        Ok(()) => Verdict::next(Step::Classify),
        Err(reason) => stay(maps, reason),
    }
}

/// Which service the packet is for, and whether it may be.
#[cfg_attr(target_arch = "bpf", inline(never))]
fn classify<P, M, F>(packet: &mut P, maps: &M, job: &mut Job<F>) -> Verdict
where
    P: Packet,
    M: Maps + FamilyMaps<F>,
    F: Family,
{
    let Some(service) = service::of::<M, F>(maps, F::vip_of(&job.header.flow)) else {
        return Verdict::next(Step::Foreign);
    };
    job.service = service;
    match judge::<P, F>(packet, job) {
        Ok(kind) => job.kind = kind,
        Err(reason) => return stay(maps, reason),
    }
    Verdict::next(Step::Pick)
}

/// Checks a packet to a VIP and tells what it does to its flow.
#[inline(always)]
fn judge<P, F>(packet: &P, job: &Job<F>) -> Result<Kind, Reason>
where
    P: Packet,
    F: Family,
{
    let header = &job.header;
    if F::is_bad_source(F::client_of(&header.flow)) {
        return Err(Reason::BadSource);
    }
    let place = &header.place;
    if place.protocol == TCP || place.protocol == UDP {
        let (at, length, more) = (place.transport, header.payload(), header.part.more);
        return parse::kind(packet, at, length, place.protocol, job.service, more);
    }
    if header.payload() > packet.len().wrapping_sub(place.transport) {
        return Err(Reason::BadLength);
    }
    Ok(Kind::default())
}

#[cfg_attr(target_arch = "bpf", inline(never))]
fn echo<P: Packet, M: Maps>(packet: &mut P, maps: &M, place: &Place) -> Verdict {
    forward::echo::answer(packet, maps, *place)
}
