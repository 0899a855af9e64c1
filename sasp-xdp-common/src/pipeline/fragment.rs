//! Packets in fragments: only the first carries ports, and the others follow it.

use super::job::{Job, Step};
use super::pick::usable;
use super::{deliver, stay};
use crate::abi::backend::{Index, NOBODY};
use crate::abi::counters::Reason;
use crate::abi::flow::FlowEntry;
use crate::abi::fragment::FragmentEntry;
use crate::abi::limits::FRAGMENT_TIMEOUT_NS;
use crate::family::Family;
use crate::forward;
use crate::hash::Hash as _;
use crate::maps::{FamilyMaps, Maps};
use crate::nat::{self, Translated};
use crate::packet::Packet;
use crate::parse::header::Header;
use crate::verdict::Verdict;

#[inline(always)]
fn key<F: Family>(header: &Header<F>) -> F::Fragment {
    let (source, vip) = (F::client_of(&header.flow), F::vip_of(&header.flow));
    let id = header.part.identification;
    F::fragment(source, F::address_of(vip), id, header.place.protocol)
}

/// Notes where a first fragment goes, and with which addresses: to a backend, or for nobody if it is a reply.
#[cfg_attr(target_arch = "bpf", inline(never))]
pub(super) fn remember<P, M, F>(packet: &mut P, maps: &M, job: &mut Job<F>) -> Verdict
where
    P: Packet,
    M: Maps + FamilyMaps<F>,
    F: Translated,
{
    let place = &job.header.place;
    let now = FlowEntry::new(job.index, job.generation, maps.now_ns());
    let entry = nat::fragment::entry::<P, F>(packet, place, now.owner, now.seen_ns, job.ifindex);
    if let Some(entry) = entry {
        // A map that refuses it costs the packet its other fragments, which are counted then.
        maps.remember_fragment(&key(&job.header), &entry);
    }
    Verdict::leave(job.ifindex, job.index)
}

/// A fragment that is not the first.
#[cfg_attr(target_arch = "bpf", inline(never))]
pub(super) fn later<P, M, F>(packet: &mut P, maps: &M, job: &mut Job<F>) -> Verdict
where
    P: Packet,
    M: Maps + FamilyMaps<F>,
    F: Translated,
{
    let entry = maps.fragment(&key(&job.header));
    match entry {
        Some(entry) if maps.now_ns().wrapping_sub(entry.seen_ns) <= FRAGMENT_TIMEOUT_NS => {
            follow::<P, M, F>(packet, maps, job, &entry)
        }
        _ => alone::<M, F>(maps, job),
    }
}

#[inline(always)]
fn alone<M, F>(maps: &M, job: &Job<F>) -> Verdict
where
    M: Maps + FamilyMaps<F>,
    F: Family,
{
    let destination = F::address_of(F::vip_of(&job.header.flow));
    let reason = match maps.vip(destination) {
        Some(_) => Reason::FragmentWithoutFirst,
        None => Reason::Fragment,
    };
    stay(maps, reason)
}

#[inline(always)]
fn follow<P, M, F>(packet: &mut P, maps: &M, job: &mut Job<F>, entry: &FragmentEntry) -> Verdict
where
    P: Packet,
    M: Maps + FamilyMaps<F>,
    F: Translated,
{
    let place = job.header.place;
    if job.header.payload() > packet.len().wrapping_sub(place.transport) {
        return stay(maps, Reason::BadLength);
    }
    if entry.owner == 0 {
        if let Err(reason) = nat::fragment::follow::<P, F>(packet, &place, entry, &entry.macs) {
            return stay(maps, reason);
        }
        maps.count(Reason::FragmentFollowed);
        return Verdict::leave(entry.ifindex, NOBODY);
    }
    job.index = entry.owner as Index;
    let generation = (entry.owner >> 32) as u32;
    let backend = match usable(maps, job.index) {
        Some(backend) if backend.generation == generation => backend,
        _ => return alone::<M, F>(maps, job),
    };
    if forward::goes_to(packet, backend) {
        return stay(maps, Reason::AlreadySent);
    }
    job.note = Some(Reason::FragmentFollowed);
    // Without ports: all later fragments of a packet take one way.
    job.hash = job.header.flow.hash_flow(maps.seed());
    let next = deliver::next(job, backend);
    if next != Step::Translate {
        return Verdict::next(next);
    }
    job.bytes = packet.len();
    match nat::fragment::follow::<P, F>(packet, &place, entry, &backend.macs) {
        Ok(()) => Verdict::next(Step::Finish),
        Err(reason) => stay(maps, reason),
    }
}
