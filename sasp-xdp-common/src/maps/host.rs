//! The maps as plain collections: the reference that the kernel's are held against, and the stage for tests of the
//! whole pipeline. Nothing is evicted: a flow map that is full refuses newcomers.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use super::{FamilyMaps, Maps};
use crate::abi::backend::{Backend, Index};
use crate::abi::counters::{REASONS, Reason, Traffic};
use crate::abi::flow::{Flow4, Flow6, FlowEntry};
use crate::abi::limits::{BACKENDS, FLOWS};
use crate::abi::service::{Service, Vip4, Vip6};
use crate::abi::slot::{Slot, Table, slot_of};

/// All maps of one balancer. What the packet path only reads is public and plain; what it writes sits in cells, since
/// the pipeline holds the maps by shared reference.
#[derive(Clone, Debug)]
pub struct HostMaps {
    /// Key of the flow hash.
    pub seed: u64,
    /// What the packet path takes for `CLOCK_MONOTONIC`, nanoseconds.
    pub now_ns: u64,
    /// IPv4 services.
    pub services_v4: HashMap<Vip4, Service>,
    /// IPv6 services.
    pub services_v6: HashMap<Vip6, Service>,
    /// Tables, by service id.
    pub tables: HashMap<u32, Box<Table>>,
    /// Records, by index.
    pub backends: Vec<Backend>,
    /// Flows that either flow map takes.
    pub flows_max: usize,
    /// Remembered IPv4 flows.
    pub flows_v4: RefCell<HashMap<Flow4, FlowEntry>>,
    /// Remembered IPv6 flows.
    pub flows_v6: RefCell<HashMap<Flow6, FlowEntry>>,
    traffic: RefCell<HashMap<Index, Traffic>>,
    reasons: Cell<[u64; REASONS]>,
}

impl HostMaps {
    /// Empty maps of the default sizes, at time 0.
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            now_ns: 0,
            services_v4: HashMap::new(),
            services_v6: HashMap::new(),
            tables: HashMap::new(),
            backends: vec![Backend::default(); BACKENDS],
            flows_max: FLOWS,
            flows_v4: RefCell::default(),
            flows_v6: RefCell::default(),
            traffic: RefCell::default(),
            reasons: Cell::new([0; REASONS]),
        }
    }

    /// What a backend was sent.
    pub fn traffic(&self, index: Index) -> Traffic {
        self.traffic
            .borrow()
            .get(&index)
            .copied()
            .unwrap_or_default()
    }

    /// How often the pipeline itself counted a reason; the reason why a packet was passed or dropped is its caller's
    /// to count.
    pub fn counted(&self, reason: Reason) -> u64 {
        self.reasons.get()[reason as usize]
    }

    /// Zeroes a backend's traffic.
    pub fn clear_traffic(&self, index: Index) {
        self.traffic.borrow_mut().remove(&index);
    }
}

impl Maps for HostMaps {
    fn seed(&self) -> u64 {
        self.seed
    }

    fn now_ns(&self) -> u64 {
        self.now_ns
    }

    fn slot(&self, service: u32, hash: u32) -> Option<Slot> {
        Some(self.tables.get(&service)?[slot_of(hash)])
    }

    fn backend(&self, index: Index) -> Option<&Backend> {
        self.backends.get(usize::from(index))
    }

    fn count_traffic(&self, index: Index, bytes: usize, opened: bool) {
        let mut traffic = self.traffic.borrow_mut();
        let of_backend = traffic.entry(index).or_default();
        of_backend.packets += 1;
        of_backend.bytes += bytes as u64;
        of_backend.opened += u64::from(opened);
    }

    fn count(&self, reason: Reason) {
        let mut reasons = self.reasons.get();
        reasons[reason as usize] += 1;
        self.reasons.set(reasons);
    }
}

macro_rules! family {
    ($vip:ty, $services:ident, $flow:ty, $flows:ident) => {
        impl FamilyMaps<$vip, $flow> for HostMaps {
            fn service(&self, vip: &$vip) -> Option<Service> {
                self.$services.get(vip).copied()
            }

            fn flow(&self, flow: &$flow) -> Option<FlowEntry> {
                self.$flows.borrow().get(flow).copied()
            }

            fn remember(&self, flow: &$flow, entry: FlowEntry) -> bool {
                let mut flows = self.$flows.borrow_mut();
                let fits = flows.len() < self.flows_max || flows.contains_key(flow);
                if fits {
                    flows.insert(*flow, entry);
                }
                fits
            }

            fn refresh(&self, flow: &$flow, entry: FlowEntry) -> bool {
                match self.$flows.borrow_mut().get_mut(flow) {
                    Some(known) if known.owner == entry.owner => {
                        known.seen_ns = entry.seen_ns;
                        true
                    }
                    _ => false,
                }
            }
        }
    };
}

family!(Vip4, services_v4, Flow4, flows_v4);
family!(Vip6, services_v6, Flow6, flows_v6);
