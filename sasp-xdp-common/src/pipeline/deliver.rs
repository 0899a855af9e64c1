//! A packet that is for a service goes to a backend.

use super::pick::{self, Memory, pick, remember};
use super::{fragment, quic, stay};
use crate::abi::backend::{Backend, Index, MODE_GRE};
use crate::abi::counters::Reason;
use crate::abi::flow::FlowEntry;
use crate::abi::service::{ALLOW_LISTED, SOURCE_RULES, Service};
use crate::abi::source::{ALLOW, DENY};
use crate::family::Family;
use crate::forward;
use crate::maps::{FamilyMaps, Maps};
use crate::nat::{self, Translated};
use crate::packet::Packet;
use crate::parse::header::Header;
use crate::parse::{Kind, Place};
use crate::verdict::Verdict;

/// A packet, and the service that it is for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Job<F: Family> {
    /// Where it lies, and its flow; that which it quotes if it is an ICMP error.
    pub(super) header: Header<F>,
    pub(super) service: Service,
    pub(super) kind: Kind,
    /// It is an ICMP error, and this is the packet that it quotes; else the packet itself.
    pub(super) quoted: Place,
    pub(super) error: bool,
}

#[cfg_attr(target_arch = "bpf", inline(never))]
pub(super) fn deliver<P, M, F>(packet: &mut P, maps: &M, job: &Job<F>) -> Verdict
where
    P: Packet,
    M: Maps + FamilyMaps<F>,
    F: Translated,
{
    let (flow, service) = (&job.header.flow, job.service);
    if denied::<M, F>(maps, service, F::client_of(flow)) {
        return stay(maps, Reason::SourceDenied);
    }
    let hash = pick::hash::<M, F>(maps, flow, service);
    let routed = quic::route(packet, maps, job);
    let picked = match pick::usable(maps, routed) {
        Some(backend) => Ok((routed, backend, Memory::Leave)),
        None => pick::<M, F>(maps, flow, service, job.kind, hash),
    };
    let (index, backend, memory) = match picked {
        Ok(picked) => picked,
        Err(reason) => return stay(maps, reason),
    };
    // Before anything is remembered: the flow is another balancer's.
    if forward::goes_to(packet, backend) {
        return stay(maps, Reason::AlreadySent);
    }
    let place = job.header.place;
    if backend.inner_max != 0 && place.length > backend.inner_max as usize {
        return too_big(packet, maps, &place, backend.inner_max);
    }
    remember::<M, F>(maps, flow, memory, index, backend);
    let bytes = packet.len();
    if let Err(reason) = send::<P, M, F>(packet, maps, job, index, backend, hash) {
        return stay(maps, reason);
    }
    maps.count_traffic(index, bytes, job.kind.opens);
    if routed == index {
        maps.count(Reason::QuicRouted);
    }
    if job.error {
        maps.count(Reason::IcmpErrorFollowed);
    } else if job.header.part.is_first() {
        let owner = FlowEntry::new(index, backend.generation, 0).owner;
        fragment::remember::<P, M, F>(packet, maps, &job.header, owner, backend.ifindex);
    }
    Verdict::leave(backend.ifindex, index)
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
    maps.source_rule(service.id, client).unwrap_or(unnamed) == DENY
}

#[inline(always)]
fn send<P, M, F>(
    packet: &mut P,
    maps: &M,
    job: &Job<F>,
    index: Index,
    backend: &Backend,
    hash: u32,
) -> Result<(), Reason>
where
    P: Packet,
    M: Maps + FamilyMaps<F>,
    F: Translated,
{
    if backend.mode <= MODE_GRE {
        return send_whole(packet, &job.header.place, backend, hash);
    }
    if job.error {
        translate_error::<P, M, F>(packet, maps, job, index, backend)
    } else {
        translate::<P, M, F>(packet, maps, job, index, backend)
    }
}

/// By DSR or a tunnel.
#[cfg_attr(target_arch = "bpf", inline(never))]
pub(super) fn send_whole<P: Packet>(
    packet: &mut P,
    place: &Place,
    backend: &Backend,
    hash: u32,
) -> Result<(), Reason> {
    forward::send(packet, *place, backend, hash)
}

#[cfg_attr(target_arch = "bpf", inline(never))]
fn translate<P, M, F>(
    packet: &mut P,
    maps: &M,
    job: &Job<F>,
    index: Index,
    backend: &Backend,
) -> Result<(), Reason>
where
    P: Packet,
    M: Maps + FamilyMaps<F>,
    F: Translated,
{
    let Header { place, flow, .. } = &job.header;
    nat::forward::<P, M, F>(
        packet,
        maps,
        place,
        flow,
        job.kind,
        job.service,
        index,
        backend,
    )
}

#[cfg_attr(target_arch = "bpf", inline(never))]
fn translate_error<P, M, F>(
    packet: &mut P,
    maps: &M,
    job: &Job<F>,
    index: Index,
    backend: &Backend,
) -> Result<(), Reason>
where
    P: Packet,
    M: Maps + FamilyMaps<F>,
    F: Translated,
{
    let Header { place, flow, .. } = &job.header;
    nat::error::forward::<P, M, F>(packet, maps, place, &job.quoted, flow, index, backend)
}

#[cfg_attr(target_arch = "bpf", inline(never))]
pub(super) fn too_big<P: Packet, M: Maps>(
    packet: &mut P,
    maps: &M,
    place: &Place,
    inner_max: u16,
) -> Verdict {
    forward::too_big::answer(packet, maps, *place, inner_max)
}
