//! Packets in fragments: only the first carries ports, and the others follow it.

use super::pick::usable;
use super::stay;
use crate::abi::backend::{Backend, Index, MODE_GRE};
use crate::abi::counters::Reason;
use crate::abi::flow::FlowEntry;
use crate::abi::fragment::FragmentEntry;
use crate::abi::limits::FRAGMENT_TIMEOUT_NS;
use crate::family::Family;
use crate::forward;
use crate::hash::Hash as _;
use crate::maps::{FamilyMaps, Maps};
use crate::packet::Packet;
use crate::parse::header::Header;
use crate::verdict::Verdict;

#[inline(always)]
fn key<F: Family>(header: &Header<F>) -> F::Fragment {
    let (source, vip) = (F::client_of(&header.flow), F::vip_of(&header.flow));
    let id = header.part.identification;
    F::fragment(source, F::address_of(vip), id, header.place.protocol)
}

/// Notes where a first fragment has gone.
#[cfg_attr(target_arch = "bpf", inline(never))]
pub(super) fn remember<P, M, F>(
    _packet: &P,
    maps: &M,
    header: &Header<F>,
    index: Index,
    backend: &Backend,
) where
    P: Packet,
    M: Maps + FamilyMaps<F>,
    F: Family,
{
    let now = FlowEntry::new(index, backend.generation, maps.now_ns());
    let entry = FragmentEntry {
        owner: now.owner,
        seen_ns: now.seen_ns,
        ..FragmentEntry::default()
    };
    // A map that refuses it costs the packet its other fragments, which are counted then.
    maps.remember_fragment(&key(header), &entry);
}

/// A fragment that is not the first.
#[cfg_attr(target_arch = "bpf", inline(never))]
pub(super) fn later<P, M, F>(packet: &mut P, maps: &M, header: &Header<F>) -> Verdict
where
    P: Packet,
    M: Maps + FamilyMaps<F>,
    F: Family,
{
    match maps.fragment(&key(header)) {
        Some(entry) if maps.now_ns().wrapping_sub(entry.seen_ns) <= FRAGMENT_TIMEOUT_NS => {
            follow::<P, M, F>(packet, maps, header, &entry)
        }
        _ => alone(maps, header),
    }
}

#[inline(always)]
fn alone<M, F>(maps: &M, header: &Header<F>) -> Verdict
where
    M: Maps + FamilyMaps<F>,
    F: Family,
{
    let destination = F::address_of(F::vip_of(&header.flow));
    let reason = match maps.vip(destination) {
        Some(_) => Reason::FragmentWithoutFirst,
        None => Reason::Fragment,
    };
    stay(maps, reason)
}

#[inline(always)]
fn follow<P, M, F>(packet: &mut P, maps: &M, header: &Header<F>, entry: &FragmentEntry) -> Verdict
where
    P: Packet,
    M: Maps + FamilyMaps<F>,
    F: Family,
{
    let place = header.place;
    if header.payload() > packet.len().wrapping_sub(place.transport) {
        return stay(maps, Reason::BadLength);
    }
    let index = entry.owner as Index;
    let generation = (entry.owner >> 32) as u32;
    let backend = match usable(maps, index) {
        Some(backend) if backend.generation == generation => backend,
        _ => return alone(maps, header),
    };
    if forward::goes_to(packet, backend) {
        return stay(maps, Reason::AlreadySent);
    }
    if backend.mode > MODE_GRE {
        return stay(maps, Reason::CannotForward);
    }
    // Without ports: all later fragments of a packet take one way.
    let hash = header.flow.hash_flow(maps.seed());
    let bytes = packet.len();
    if let Err(reason) = forward::send(packet, place, backend, hash) {
        return stay(maps, reason);
    }
    maps.count_traffic(index, bytes, false);
    maps.count(Reason::FragmentFollowed);
    Verdict::leave(backend.ifindex, index)
}
