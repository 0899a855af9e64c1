//! A packet that is for a service goes to a backend.

use super::job::{Job, Step};
use super::pick::{self, Memory, Noted, remember};
use super::{quic, stay};
use crate::abi::backend::{Backend, MODE_GRE};
use crate::abi::counters::Reason;
use crate::abi::service::{ALLOW_LISTED, SOURCE_RULES, Service};
use crate::abi::source::{ALLOW, DENY};
use crate::family::Family;
use crate::forward;
use crate::maps::{FamilyMaps, Maps};
use crate::nat::{self, Translated};
use crate::packet::Packet;
use crate::verdict::Verdict;

/// Picks the backend, and remembers what is to be remembered.
#[cfg_attr(target_arch = "bpf", inline(never))]
pub(super) fn pick<P, M, F>(packet: &mut P, maps: &M, job: &mut Job<F>) -> Verdict
where
    P: Packet,
    M: Maps + FamilyMaps<F>,
    F: Family,
{
    let service = job.service;
    if denied::<M, F>(maps, service, F::client_of(&job.header.flow)) {
        return stay(maps, Reason::SourceDenied);
    }
    job.hash = pick::hash::<M, F>(maps, &job.header.flow, service);
    let routed = quic::route(packet, maps, job);
    let picked = match pick::usable(maps, routed) {
        Some(backend) => {
            job.note = Some(Reason::QuicRouted);
            Ok((routed, backend, Memory::Leave))
        }
        None => pick::pick::<M, F>(maps, &job.header.flow, service, job.kind, job.hash),
    };
    let (index, backend, memory) = match picked {
        Ok(picked) => picked,
        Err(reason) => return stay(maps, reason),
    };
    // Before anything is remembered: the flow is another balancer's.
    if forward::goes_to(packet, backend) {
        return stay(maps, Reason::AlreadySent);
    }
    job.index = index;
    let next = next(job, backend);
    if next == Step::TooBig {
        return Verdict::next(next);
    }
    let noted = remember::<M, F>(maps, &job.header.flow, memory, index, job.kind.opens);
    noted.count(maps);
    if noted == Noted::Done || !job.kind.opens {
        Verdict::next(next)
    } else {
        elsewhere::<P, M, F>(packet, maps, job)
    }
}

/// A packet that opens a flow that could not be remembered goes where the flow's other packets will, which nobody can
/// tell from those of flows that were open before the slot changed owner.
#[inline(always)]
fn elsewhere<P, M, F>(packet: &P, maps: &M, job: &mut Job<F>) -> Verdict
where
    P: Packet,
    M: Maps + FamilyMaps<F>,
    F: Family,
{
    let index = pick::unremembered::<M, F>(maps, &job.header.flow, job.service, job.hash);
    let Some(backend) = pick::usable(maps, index) else {
        return stay(maps, Reason::NoBackend);
    };
    if forward::goes_to(packet, backend) {
        return stay(maps, Reason::AlreadySent);
    }
    job.index = index;
    Verdict::next(next(job, backend))
}

/// How a packet goes on to its backend.
#[inline(always)]
pub(super) fn next<F: Family>(job: &mut Job<F>, backend: &Backend) -> Step {
    let inner_max = backend.inner_max as usize;
    if inner_max != 0 && job.header.place.length > inner_max {
        job.fits = backend.inner_max;
        Step::TooBig
    } else if backend.mode <= MODE_GRE {
        Step::Send
    } else if job.note == Some(Reason::IcmpErrorFollowed) {
        Step::TranslateError
    } else {
        Step::Translate
    }
}

/// Whether the service's rules deny a client.
#[inline(always)]
fn denied<M, F>(maps: &M, service: Service, client: &F::Address) -> bool
where
    M: Maps + FamilyMaps<F>,
    F: Family,
{
    if service.flags & (SOURCE_RULES | ALLOW_LISTED) == 0 {
        return false;
    }
    let unnamed = if service.flags & ALLOW_LISTED == 0 {
        ALLOW
    } else {
        DENY
    };
    maps.source_rule(service.id, client, unnamed) == DENY
}

/// The backend of a job; gone is one that was there a moment ago, if at all.
#[inline(always)]
fn backend<'m, M: Maps, F: Family>(maps: &'m M, job: &Job<F>) -> Result<&'m Backend, Reason> {
    maps.backend(job.index).ok_or(Reason::NoBackend)
}

/// By DSR or a tunnel.
#[cfg_attr(target_arch = "bpf", inline(never))]
pub(super) fn send<P, M, F>(packet: &mut P, maps: &M, job: &mut Job<F>) -> Verdict
where
    P: Packet,
    M: Maps,
    F: Family,
{
    job.bytes = packet.len();
    let sent = backend(maps, job)
        .and_then(|backend| forward::send(packet, job.header.place, backend, job.hash));
    done(maps, sent)
}

/// Finds the addresses with which a packet leaves.
#[cfg_attr(target_arch = "bpf", inline(never))]
pub(super) fn translate<P, M, F>(packet: &mut P, maps: &M, job: &mut Job<F>) -> Verdict
where
    P: Packet,
    M: Maps + FamilyMaps<F>,
    F: Translated,
{
    let Job {
        header,
        kind,
        service,
        index,
        forward,
        ..
    } = job;
    let (place, flow) = (&header.place, &header.flow);
    let found = maps.backend(*index).ok_or(Reason::NoBackend);
    let found = found.and_then(|backend| {
        nat::find::<P, M, F>(
            packet, maps, place, flow, *kind, *service, *index, backend, forward,
        )
    });
    match found {
        Ok(()) => Verdict::next(Step::Rewrite),
        Err(reason) => stay(maps, reason),
    }
}

/// Gives a packet the addresses with which it leaves.
#[cfg_attr(target_arch = "bpf", inline(never))]
pub(super) fn rewrite<P, M, F>(packet: &mut P, maps: &M, job: &mut Job<F>) -> Verdict
where
    P: Packet,
    M: Maps,
    F: Translated,
{
    job.bytes = packet.len();
    let sent = backend(maps, job)
        .and_then(|backend| nat::forward::<P, F>(packet, &job.header.place, &job.forward, backend));
    done(maps, sent)
}

/// An ICMP error, translated with what it quotes.
#[cfg_attr(target_arch = "bpf", inline(never))]
pub(super) fn translate_error<P, M, F>(packet: &mut P, maps: &M, job: &mut Job<F>) -> Verdict
where
    P: Packet,
    M: Maps + FamilyMaps<F>,
    F: Translated,
{
    job.bytes = packet.len();
    let (place, flow) = (&job.header.place, &job.header.flow);
    let sent = backend(maps, job).and_then(|backend| {
        nat::error::forward::<P, M, F>(packet, maps, place, &job.quoted, flow, job.index, backend)
    });
    done(maps, sent)
}

#[inline(always)]
fn done<M: Maps>(maps: &M, sent: Result<(), Reason>) -> Verdict {
    match sent {
        Ok(()) => Verdict::next(Step::Finish),
        Err(reason) => stay(maps, reason),
    }
}

/// Counts a packet that is on its way.
#[cfg_attr(target_arch = "bpf", inline(never))]
pub(super) fn finish<M, F>(maps: &M, job: &mut Job<F>) -> Verdict
where
    M: Maps,
    F: Family,
{
    match backend(maps, job) {
        Ok(backend) => {
            job.ifindex = backend.ifindex;
            job.generation = backend.generation;
        }
        Err(reason) => return stay(maps, reason),
    }
    maps.count_traffic(job.index, job.bytes, job.kind.opens);
    if let Some(note) = job.note {
        maps.count(note);
    }
    if job.header.part.is_first() {
        Verdict::next(Step::Fragments)
    } else {
        Verdict::leave(job.ifindex, job.index)
    }
}

#[cfg_attr(target_arch = "bpf", inline(never))]
pub(super) fn too_big<P, M, F>(packet: &mut P, maps: &M, job: &mut Job<F>) -> Verdict
where
    P: Packet,
    M: Maps,
    F: Family,
{
    forward::too_big::answer(packet, maps, job.header.place, job.fits)
}
