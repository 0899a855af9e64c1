//! Packets in fragments: only the first carries ports, and the others follow it.

use super::pick::usable;
use super::{deliver, stay};
use crate::abi::backend::{Index, MODE_GRE, NOBODY};
use crate::abi::counters::Reason;
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

/// Notes where a first fragment has gone, and with which addresses it left. `owner` as in
/// [`FlowEntry::owner`](crate::abi::flow::FlowEntry::owner), 0 for a reply of a member.
#[cfg_attr(target_arch = "bpf", inline(never))]
pub(super) fn remember<P, M, F>(packet: &P, maps: &M, header: &Header<F>, owner: u64, ifindex: u32)
where
    P: Packet,
    M: Maps + FamilyMaps<F>,
    F: Translated,
{
    let place = &header.place;
    let entry = nat::fragment::entry::<P, F>(packet, place, owner, maps.now_ns(), ifindex);
    if let Some(entry) = entry {
        // A map that refuses it costs the packet its other fragments, which are counted then.
        maps.remember_fragment(&key(header), &entry);
    }
}

/// A fragment that is not the first.
#[cfg_attr(target_arch = "bpf", inline(never))]
pub(super) fn later<P, M, F>(packet: &mut P, maps: &M, header: &Header<F>) -> Verdict
where
    P: Packet,
    M: Maps + FamilyMaps<F>,
    F: Translated,
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
    F: Translated,
{
    let place = &header.place;
    if header.payload() > packet.len().wrapping_sub(place.transport) {
        return stay(maps, Reason::BadLength);
    }
    if entry.owner == 0 {
        let done = nat::fragment::follow::<P, F>(packet, place, entry, &entry.macs);
        return followed(maps, done, entry.ifindex, NOBODY);
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
    if backend.inner_max != 0 && place.length > backend.inner_max as usize {
        return deliver::too_big(packet, maps, place, backend.inner_max);
    }
    let bytes = packet.len();
    let done = if backend.mode <= MODE_GRE {
        // Without ports: all later fragments of a packet take one way.
        let hash = header.flow.hash_flow(maps.seed());
        deliver::send_whole(packet, place, backend, hash)
    } else {
        nat::fragment::follow::<P, F>(packet, place, entry, &backend.macs)
    };
    if done.is_ok() {
        maps.count_traffic(index, bytes, false);
    }
    followed(maps, done, backend.ifindex, index)
}

#[inline(always)]
fn followed<M: Maps>(maps: &M, done: Result<(), Reason>, ifindex: u32, index: Index) -> Verdict {
    if let Err(reason) = done {
        return stay(maps, reason);
    }
    maps.count(Reason::FragmentFollowed);
    Verdict::leave(ifindex, index)
}
