//! The whole way of a packet: parse → service → slot → backend → rewrite.
//!
//! Gives back what is to be done; turning that into an XDP action is the kernel program's entry point's matter.

use crate::abi::backend::{Backend, Index, NOBODY};
use crate::abi::counters::Reason;
use crate::abi::flow::FlowEntry;
use crate::abi::service::{AFFINITY_CLIENT, Service, TRACK_ALWAYS};
use crate::choose::{choose, remembers};
use crate::family::{Family, V4, V6};
use crate::forward;
use crate::hash::Hash;
use crate::maps::{FamilyMaps, Maps};
use crate::packet::Packet;
use crate::parse::{self, Kind, Network};

/// A frame that was rewritten for a backend.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sent {
    /// The backend.
    pub index: Index,
    /// The interface on which the frame must leave.
    pub ifindex: u32,
}

/// Balances one frame. An error is the reason why it was passed or dropped; its class tells which, and the caller
/// counts it.
#[inline(always)]
pub fn balance<P, M>(packet: &mut P, maps: &M) -> Result<Sent, Reason>
where
    P: Packet,
    M: Maps + FamilyMaps<V4> + FamilyMaps<V6>,
{
    match parse::network(packet)? {
        Network::V4 => {
            let flow = parse::flow4(packet)?;
            let service = FamilyMaps::<V4>::service(maps, &flow.vip).ok_or(Reason::NotVip)?;
            let kind = parse::kind4(packet, &flow, service)?;
            send::<P, M, V4>(packet, maps, &flow, service, kind)
        }
        Network::V6 => {
            let flow = parse::flow6(packet)?;
            let service = FamilyMaps::<V6>::service(maps, &flow.vip).ok_or(Reason::NotVip)?;
            let kind = parse::kind6(packet, &flow, service)?;
            send::<P, M, V6>(packet, maps, &flow, service, kind)
        }
    }
}

#[inline(always)]
fn send<P, M, F>(
    packet: &mut P,
    maps: &M,
    flow: &F::Flow,
    service: Service,
    kind: Kind,
) -> Result<Sent, Reason>
where
    P: Packet,
    M: Maps + FamilyMaps<F>,
    F: Family<Flow: Hash>,
{
    let (index, backend, memory) = pick::<M, F>(maps, flow, service, kind)?;
    // Before anything is remembered: the flow is another balancer's.
    if forward::goes_to(packet, backend) {
        return Err(Reason::AlreadySent);
    }
    remember::<M, F>(maps, flow, memory, index, backend);
    let ifindex = backend.ifindex;
    forward::dsr(packet, backend);
    maps.count_traffic(index, packet.len(), kind.opens);
    Ok(Sent { index, ifindex })
}

/// What is to be done about the flow map.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Memory {
    /// Nothing.
    Leave,
    /// The flow is new to it.
    Add,
    /// The flow has spoken again.
    Refresh,
    /// The flow is another's now.
    Replace,
}

/// The backend of a packet, and what is to be remembered of that.
#[inline(always)]
fn pick<'m, M, F>(
    maps: &'m M,
    flow: &F::Flow,
    service: Service,
    kind: Kind,
) -> Result<(Index, &'m Backend, Memory), Reason>
where
    M: Maps + FamilyMaps<F>,
    F: Family<Flow: Hash>,
{
    let hash = if service.flags & AFFINITY_CLIENT == 0 {
        flow.hash_flow(maps.seed())
    } else {
        flow.hash_client(maps.seed())
    };
    let slot = maps.slot(service.id, hash).ok_or(Reason::NoTable)?;
    let always = service.flags & TRACK_ALWAYS != 0;
    if !slot.tracked() && !always {
        let backend = usable(maps, slot.cur()).ok_or(Reason::NoBackend)?;
        return Ok((slot.cur(), backend, Memory::Leave));
    }
    let (was_known, known) = remembered::<M, F>(maps, flow);
    let index = choose(slot, kind, known, |index| usable(maps, index).is_some());
    let backend = usable(maps, index).ok_or(Reason::NoBackend)?;
    let memory = match (remembers(slot, kind, was_known, always), was_known) {
        (false, _) => Memory::Leave,
        (true, false) => Memory::Add,
        (true, true) if index == known => Memory::Refresh,
        (true, true) => Memory::Replace,
    };
    Ok((index, backend, memory))
}

/// Whether the flow is remembered, and for whom: nobody if its backend is not there any more.
#[inline(always)]
fn remembered<M, F>(maps: &M, flow: &F::Flow) -> (bool, Index)
where
    M: Maps + FamilyMaps<F>,
    F: Family,
{
    let Some(entry) = maps.flow(flow) else {
        return (false, NOBODY);
    };
    match usable(maps, entry.backend()) {
        Some(backend) if backend.generation == entry.generation() => (true, entry.backend()),
        _ => (true, NOBODY),
    }
}

#[inline(always)]
fn usable<M: Maps>(maps: &M, index: Index) -> Option<&Backend> {
    if index == NOBODY {
        return None;
    }
    maps.backend(index).filter(|backend| backend.usable())
}

/// Does what is to be done about the flow map, and counts it.
#[inline(always)]
fn remember<M, F>(maps: &M, flow: &F::Flow, memory: Memory, index: Index, backend: &Backend)
where
    M: Maps + FamilyMaps<F>,
    F: Family,
{
    if memory == Memory::Leave {
        return;
    }
    let now = FlowEntry::new(index, backend.generation, maps.now_ns());
    let refreshed = memory == Memory::Refresh && maps.refresh(flow, now);
    let remembered = refreshed || maps.remember(flow, now);
    maps.count(match (remembered, memory) {
        (false, _) => Reason::FlowNotRemembered,
        (true, Memory::Add) => Reason::FlowRemembered,
        (true, _) => Reason::FlowFollowed,
    });
}

#[cfg(test)]
mod tests;
