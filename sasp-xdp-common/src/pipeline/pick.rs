//! From a flow to a backend, and what is to be remembered of that.

use crate::abi::backend::{Backend, Index, NOBODY};
use crate::abi::counters::Reason;
use crate::abi::flow::FlowEntry;
use crate::abi::service::{AFFINITY_CLIENT, Service, TRACK_ALWAYS};
use crate::abi::settings::Limiter;
use crate::abi::slot::Slot;
use crate::choose::{choose, remembers};
use crate::family::Family;
use crate::hash::Hash;
use crate::maps::{FamilyMaps, Maps};
use crate::parse::Kind;

/// What is to be done about the flow map.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Memory {
    /// Nothing.
    Leave,
    /// The flow is new to it.
    Add,
    /// The flow has spoken again.
    Refresh,
    /// The flow is another's now.
    Replace,
}

/// The hash of a flow, as its service wants it.
#[inline(always)]
pub(super) fn hash<M, F>(maps: &M, flow: &F::Flow, service: Service) -> u32
where
    M: Maps,
    F: Family,
{
    if service.flags & AFFINITY_CLIENT == 0 {
        flow.hash_flow(maps.seed())
    } else {
        flow.hash_client(maps.seed())
    }
}

/// The backend of a packet, and what is to be remembered of that. Changes nothing.
#[inline(always)]
pub(super) fn pick<'m, M, F>(
    maps: &'m M,
    flow: &F::Flow,
    service: Service,
    kind: Kind,
    hash: u32,
) -> Result<(Index, &'m Backend, Memory), Reason>
where
    M: Maps + FamilyMaps<F>,
    F: Family,
{
    let slot = maps.slot(service.id, hash).ok_or(Reason::NoTable)?;
    let always = service.flags & TRACK_ALWAYS != 0;
    if !slot.tracked() && !always {
        let backend = usable(maps, slot.cur()).ok_or(Reason::NoBackend)?;
        return Ok((slot.cur(), backend, Memory::Leave));
    }
    let found = recall::<M, F>(maps, flow, slot, kind.opens);
    let backend = usable(maps, found.index()).ok_or(Reason::NoBackend)?;
    let memory = match (
        remembers(slot, kind, found.was_known(), always),
        found.was_known(),
    ) {
        (false, _) => Memory::Leave,
        (true, false) => Memory::Add,
        (true, true) if found.is_known() => Memory::Refresh,
        (true, true) => Memory::Replace,
    };
    Ok((found.index(), backend, memory))
}

/// Who gets a packet in a tracked slot: an index in bits 0–15, whether the flow was remembered, and whether for that
/// index. One register, as functions that are not inlined return.
#[derive(Clone, Copy)]
#[repr(transparent)]
struct Recalled(u32);

impl Recalled {
    const WAS_KNOWN: u32 = 1 << 16;
    const IS_KNOWN: u32 = 1 << 17;

    #[inline(always)]
    const fn index(self) -> Index {
        self.0 as Index
    }

    #[inline(always)]
    const fn was_known(self) -> bool {
        self.0 & Self::WAS_KNOWN != 0
    }

    #[inline(always)]
    const fn is_known(self) -> bool {
        self.0 & Self::IS_KNOWN != 0
    }
}

/// Chooses in a tracked slot. A function of its own, so that stable slots do not pay for its registers.
#[cfg_attr(target_arch = "bpf", inline(never))]
fn recall<M, F>(maps: &M, flow: &F::Flow, slot: Slot, opens: bool) -> Recalled
where
    M: Maps + FamilyMaps<F>,
    F: Family,
{
    let (was_known, known) = remembered::<M, F>(maps, flow);
    let kind = Kind {
        opens,
        transient: false,
    };
    let index = choose(slot, kind, known, |index| usable(maps, index).is_some());
    let mut recalled = u32::from(index);
    if was_known {
        recalled |= Recalled::WAS_KNOWN;
    }
    if index == known {
        recalled |= Recalled::IS_KNOWN;
    }
    Recalled(recalled)
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
pub(super) fn usable<M: Maps>(maps: &M, index: Index) -> Option<&Backend> {
    if index == NOBODY {
        return None;
    }
    maps.backend(index).filter(|backend| backend.usable())
}

/// What became of remembering a flow.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(super) enum Noted {
    /// It is remembered and counted, or need not be.
    Done,
    /// This second's flows of which nobody saw the opening are spent.
    Capped,
    /// The map refused it.
    Refused,
}

impl Noted {
    /// Counts what was not remembered.
    #[inline(always)]
    pub(super) fn count<M: Maps>(self, maps: &M) {
        match self {
            Self::Done => {}
            Self::Capped => maps.count(Reason::FlowCapped),
            Self::Refused => maps.count(Reason::FlowNotRemembered),
        }
    }
}

/// Does what is to be done about the flow map, and counts what was done.
#[inline(always)]
pub(super) fn remember<M, F>(
    maps: &M,
    flow: &F::Flow,
    memory: Memory,
    index: Index,
    opens: bool,
) -> Noted
where
    M: Maps + FamilyMaps<F>,
    F: Family,
{
    if memory == Memory::Leave {
        Noted::Done
    } else {
        note::<M, F>(maps, flow, memory, index, opens)
    }
}

/// Who gets the other packets of a flow that opens and could not be remembered; [`NOBODY`] if nobody does.
#[inline(always)]
pub(super) fn unremembered<M, F>(maps: &M, flow: &F::Flow, service: Service, hash: u32) -> Index
where
    M: Maps + FamilyMaps<F>,
    F: Family,
{
    maps.slot(service.id, hash).map_or(NOBODY, |slot| {
        recall::<M, F>(maps, flow, slot, false).index()
    })
}

/// A function of its own for the same reason as [`recall`].
#[cfg_attr(target_arch = "bpf", inline(never))]
fn note<M, F>(maps: &M, flow: &F::Flow, memory: Memory, index: Index, opens: bool) -> Noted
where
    M: Maps + FamilyMaps<F>,
    F: Family,
{
    let Some(backend) = maps.backend(index) else {
        return Noted::Done;
    };
    // A flow that opens is never capped: unknown, it would be taken for one of the former owner's.
    if memory == Memory::Add && !opens && !may_add(maps) {
        return Noted::Capped;
    }
    let now = FlowEntry::new(index, backend.generation, maps.now_ns());
    let refreshed = memory == Memory::Refresh && maps.refresh(flow, now);
    if !refreshed && !maps.remember(flow, now) {
        return Noted::Refused;
    }
    maps.count(match memory {
        Memory::Add => Reason::FlowRemembered,
        _ => Reason::FlowFollowed,
    });
    Noted::Done
}

/// Whether this second's flows that were open before they were known are not spent.
#[inline(always)]
fn may_add<M: Maps>(maps: &M) -> bool {
    maps.settings()
        .is_none_or(|settings| maps.take(Limiter::Flows, settings.flows_per_second))
}
