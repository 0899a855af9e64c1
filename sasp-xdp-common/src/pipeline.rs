//! The whole way of a packet: parse → service → slot → backend → rewrite.
//!
//! Gives back what is to be done; turning that into an XDP action is the kernel program's entry point's matter.

use crate::abi::backend::{Backend, Index, NOBODY};
use crate::abi::counters::Reason;
use crate::abi::flow::{Flow4, Flow6, FlowEntry};
use crate::abi::service::{AFFINITY_CLIENT, Service, TRACK_ALWAYS, Vip4, Vip6};
use crate::choose::{choose, remembers};
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
    M: Maps + FamilyMaps<Vip4, Flow4> + FamilyMaps<Vip6, Flow6>,
{
    match parse::network(packet)? {
        Network::V4 => {
            let flow = parse::flow4(packet)?;
            let service = maps.service(&flow.vip).ok_or(Reason::NotVip)?;
            let kind = parse::kind4(packet, &flow, service)?;
            send(packet, maps, &flow, service, kind)
        }
        Network::V6 => {
            let flow = parse::flow6(packet)?;
            let service = maps.service(&flow.vip).ok_or(Reason::NotVip)?;
            let kind = parse::kind6(packet, &flow, service)?;
            send(packet, maps, &flow, service, kind)
        }
    }
}

#[inline(always)]
fn send<P, M, Vip, Flow>(
    packet: &mut P,
    maps: &M,
    flow: &Flow,
    service: Service,
    kind: Kind,
) -> Result<Sent, Reason>
where
    P: Packet,
    M: Maps + FamilyMaps<Vip, Flow>,
    Flow: Hash,
{
    let (index, backend) = pick(maps, flow, service, kind)?;
    if forward::goes_to(packet, backend) {
        return Err(Reason::AlreadySent);
    }
    let ifindex = backend.ifindex;
    forward::dsr(packet, backend);
    maps.count_traffic(index, packet.len(), kind.opens);
    Ok(Sent { index, ifindex })
}

/// The backend of a packet, remembered where it must be.
#[inline(always)]
fn pick<'m, M, Vip, Flow>(
    maps: &'m M,
    flow: &Flow,
    service: Service,
    kind: Kind,
) -> Result<(Index, &'m Backend), Reason>
where
    M: Maps + FamilyMaps<Vip, Flow>,
    Flow: Hash,
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
        return Ok((slot.cur(), backend));
    }
    let (was_known, known) = remembered(maps, flow);
    let index = choose(slot, kind, known, |index| usable(maps, index).is_some());
    let backend = usable(maps, index).ok_or(Reason::NoBackend)?;
    if remembers(slot, kind, was_known, always) {
        let now = FlowEntry::new(index, backend.generation, maps.now_ns());
        let refreshed = index == known && maps.refresh(flow, now);
        note(maps, was_known, refreshed || maps.remember(flow, now));
    }
    Ok((index, backend))
}

/// Whether the flow is remembered, and for whom: nobody if its backend is not there any more.
#[inline(always)]
fn remembered<M, Vip, Flow>(maps: &M, flow: &Flow) -> (bool, Index)
where
    M: Maps + FamilyMaps<Vip, Flow>,
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

#[inline(always)]
fn note<M: Maps>(maps: &M, was_known: bool, remembered: bool) {
    maps.count(match (remembered, was_known) {
        (false, _) => Reason::FlowNotRemembered,
        (true, true) => Reason::FlowFollowed,
        (true, false) => Reason::FlowRemembered,
    });
}

#[cfg(test)]
mod tests;
