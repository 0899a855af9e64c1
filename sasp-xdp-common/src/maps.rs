//! What the pipeline asks of the maps and of the kernel: the kernel answers with BPF maps and helpers, the host with
//! plain collections.

#[cfg(any(test, feature = "user"))]
pub mod host;

use crate::abi::backend::{Backend, Index};
use crate::abi::counters::Reason;
use crate::abi::flow::FlowEntry;
use crate::abi::fragment::FragmentEntry;
use crate::abi::quic::ServerId;
use crate::abi::service::Service;
use crate::abi::settings::{Limiter, Settings};
use crate::abi::slot::Slot;
use crate::family::Family;
use crate::pipeline::Job;
use crate::verdict::Verdict;

/// Maps that do not depend on the address family.
pub trait Maps {
    /// Key of the flow hash.
    fn seed(&self) -> u64;

    /// `CLOCK_MONOTONIC`, nanoseconds.
    fn now_ns(&self) -> u64;

    /// See [`Settings`]; `None` cannot be, but the verifier does not know that.
    fn settings(&self) -> Option<&Settings>;

    /// A slot of a service's table; `None` if the service has no table.
    fn slot(&self, service: u32, hash: u32) -> Option<Slot>;

    /// A backend's record, usable or not; `None` if the index is beyond the map.
    fn backend(&self, index: Index) -> Option<&Backend>;

    /// The backend that has a QUIC server id.
    fn quic_backend(&self, id: &ServerId) -> Option<Index>;

    /// Takes a token; false if this second's are spent. `per_second` of 0: never spent.
    fn take(&self, limiter: Limiter, per_second: u32) -> bool;

    /// The MTU of an attached interface, bytes; `None` if it is not known.
    fn mtu(&self, ifindex: u32) -> Option<u32>;

    /// Adds a packet of `bytes` to a backend's traffic.
    fn count_traffic(&self, index: Index, bytes: usize, opened: bool);

    /// Adds one to a reason's counter.
    fn count(&self, reason: Reason);
}

/// Maps keyed by an address family's types.
pub trait FamilyMaps<F: Family> {
    /// Lends the place for a packet under way, as new.
    fn with_job(&self, work: impl FnOnce(&mut Job<F>) -> Verdict) -> Verdict;

    /// The service of exactly this key.
    fn service(&self, vip: &F::Vip) -> Option<Service>;

    /// Whether an address is a VIP: `None`, or [`crate::abi::settings::WILDCARD`] or 0.
    fn vip(&self, address: &F::Address) -> Option<u32>;

    /// What is remembered of a flow.
    fn flow(&self, flow: &F::Flow) -> Option<FlowEntry>;

    /// Remembers a flow, instead of what was remembered of it; false if the map refused it.
    fn remember(&self, flow: &F::Flow, entry: FlowEntry) -> bool;

    /// Notes in place that a flow has spoken again; false if it is no longer remembered for `entry`'s owner.
    ///
    /// An LRU map takes a new entry for every [`Self::remember`], and when it is full a silent flow's place: flows
    /// that go on speaking must not cost the silent ones theirs.
    fn refresh(&self, flow: &F::Flow, entry: FlowEntry) -> bool;

    /// What the first fragment of a packet has left.
    fn fragment(&self, fragment: &F::Fragment) -> Option<FragmentEntry>;

    /// Leaves it.
    fn remember_fragment(&self, fragment: &F::Fragment, entry: &FragmentEntry) -> bool;

    /// What a service's rules say of a client; `unnamed` if none names it. See [`crate::abi::source`].
    fn source_rule(&self, service: u32, client: &F::Address, unnamed: u32) -> u32;

    /// The VIP whose replies a member of `nat` (address, port, protocol) sends.
    fn reply(&self, member: &F::Vip) -> Option<F::Vip>;

    /// Reads a translation, by the packet as it arrives. In place, since a copy is large for the kernel's stack; another
    /// CPU may write it meanwhile.
    fn nat<R>(&self, flow: &F::Flow, read: impl FnOnce(&F::NatEntry) -> R) -> Option<R>;

    /// Adds a translation; never replaces one.
    fn nat_add(&self, flow: &F::Flow, entry: &F::NatEntry) -> Added;

    /// Notes in place that a packet went this way, and what it was (bits of [`crate::abi::nat`]); false if there is no
    /// such translation any more.
    fn nat_touch(&self, flow: &F::Flow, seen_ns: u64, saw: u32) -> bool;

    /// Notes in place that a flow opened anew where another had ended: nothing was seen of it yet.
    fn nat_restart(&self, flow: &F::Flow, seen_ns: u64) -> bool;

    /// Replaces where replies leave, in place: the client's packets come another way now.
    fn nat_move(&self, flow: &F::Flow, ifindex: u32, macs: &[u8; 12]) -> bool;

    /// Removes a translation.
    fn nat_remove(&self, flow: &F::Flow);

    /// The kernel's way to `destination` for a packet of `length` bytes from `source` that came in on `ingress`.
    fn way(&self, question: &Question<F>) -> Way;
}

/// What became of adding a translation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Added {
    /// It is there.
    Done,
    /// Another has its key.
    Taken,
    /// The map is full.
    Full,
}

/// What the kernel's routes are asked.
#[derive(Clone, Copy, Debug)]
pub struct Question<F: Family> {
    /// Source as the packet leaves.
    pub source: F::Address,
    /// Destination.
    pub destination: F::Address,
    /// The interface on which the packet came.
    pub ingress: u32,
    /// Length of the IP packet in bytes.
    pub length: u16,
    /// IP protocol number.
    pub protocol: u8,
    /// TOS or traffic class.
    pub tos: u8,
}

/// The kernel's answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Way {
    /// [`WAY_FOUND`], [`WAY_UNRESOLVED`], [`WAY_NONE`] or [`WAY_LOCAL`]; the rest counts only if found.
    pub answer: u32,
    /// The interface on which the packet leaves.
    pub ifindex: u32,
    /// Its MAC addresses, destination first.
    pub macs: [u8; 12],
}

/// There is a way.
pub const WAY_FOUND: u32 = 0;
/// There is one, but the next hop's MAC address is not known.
pub const WAY_UNRESOLVED: u32 = 1;
/// There is none, or the host does not forward.
pub const WAY_NONE: u32 = 2;
/// The packet is for the host itself, for nobody, or too large for the way: its stack knows what to do.
pub const WAY_LOCAL: u32 = 3;
