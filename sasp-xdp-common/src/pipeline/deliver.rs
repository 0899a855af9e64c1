//! A packet that is for a service goes to a backend.

use super::pick::{self, Memory, pick, remember};
use super::{fragment, quic, stay};
use crate::abi::backend::{Backend, MODE_GRE};
use crate::abi::counters::Reason;
use crate::abi::service::{ALLOW_LISTED, SOURCE_RULES, Service};
use crate::abi::source::{ALLOW, DENY};
use crate::family::Family;
use crate::forward;
use crate::maps::{FamilyMaps, Maps};
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
    /// It is an ICMP error.
    pub(super) error: bool,
}

#[cfg_attr(target_arch = "bpf", inline(never))]
pub(super) fn deliver<P, M, F>(packet: &mut P, maps: &M, job: &Job<F>) -> Verdict
where
    P: Packet,
    M: Maps + FamilyMaps<F>,
    F: Family,
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
        return too_big(packet, maps, place, backend.inner_max);
    }
    remember::<M, F>(maps, flow, memory, index, backend);
    let bytes = packet.len();
    if let Err(reason) = send::<P, M, F>(packet, maps, job, backend, hash) {
        return stay(maps, reason);
    }
    maps.count_traffic(index, bytes, job.kind.opens);
    if routed == index {
        maps.count(Reason::QuicRouted);
    }
    if job.error {
        maps.count(Reason::IcmpErrorFollowed);
    } else if job.header.part.is_first() {
        fragment::remember::<P, M, F>(packet, maps, &job.header, index, backend);
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

#[cfg_attr(target_arch = "bpf", inline(never))]
fn send<P, M, F>(
    packet: &mut P,
    _maps: &M,
    job: &Job<F>,
    backend: &Backend,
    hash: u32,
) -> Result<(), Reason>
where
    P: Packet,
    M: Maps + FamilyMaps<F>,
    F: Family,
{
    if backend.mode > MODE_GRE {
        return Err(Reason::CannotForward);
    }
    forward::send(packet, job.header.place, backend, hash)
}

#[cfg_attr(target_arch = "bpf", inline(never))]
fn too_big<P: Packet, M: Maps>(packet: &mut P, maps: &M, place: Place, inner_max: u16) -> Verdict {
    let _ = (packet, place, inner_max);
    stay(maps, Reason::TooBig)
}
