//! What the pipeline asks of the maps: the kernel answers with BPF maps, the host with plain collections.

#[cfg(any(test, feature = "user"))]
pub mod host;

use crate::abi::backend::{Backend, Index};
use crate::abi::counters::Reason;
use crate::abi::flow::FlowEntry;
use crate::abi::service::Service;
use crate::abi::slot::Slot;

/// Maps that do not depend on the address family.
pub trait Maps {
    /// Key of the flow hash.
    fn seed(&self) -> u64;

    /// `CLOCK_MONOTONIC`, nanoseconds.
    fn now_ns(&self) -> u64;

    /// A slot of a service's table; `None` if the service has no table.
    fn slot(&self, service: u32, hash: u32) -> Option<Slot>;

    /// A backend's record, usable or not; `None` if the index is beyond the map.
    fn backend(&self, index: Index) -> Option<&Backend>;

    /// Adds a packet of `bytes` to a backend's traffic.
    fn count_traffic(&self, index: Index, bytes: usize, opened: bool);

    /// Adds one to a reason's counter.
    fn count(&self, reason: Reason);
}

/// Maps keyed by an address family's types.
pub trait FamilyMaps<Vip, Flow> {
    /// The service of a VIP.
    fn service(&self, vip: &Vip) -> Option<Service>;

    /// What is remembered of a flow.
    fn flow(&self, flow: &Flow) -> Option<FlowEntry>;

    /// Remembers a flow, instead of what was remembered of it; false if the map refused it.
    fn remember(&self, flow: &Flow, entry: FlowEntry) -> bool;

    /// Notes in place that a flow has spoken again; false if it is no longer remembered for `entry`'s owner.
    ///
    /// An LRU map takes a new entry for every [`Self::remember`], and when it is full a silent flow's place: flows
    /// that go on speaking must not cost the silent ones theirs.
    fn refresh(&self, flow: &Flow, entry: FlowEntry) -> bool;
}
