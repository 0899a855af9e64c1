//! The maps as plain collections: the reference that the kernel's are held against, and the stage for tests of the
//! whole pipeline. Nothing is evicted: a flow map that is full refuses newcomers.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::hash::Hash;

use super::{Added, FamilyMaps, Maps, Question, WAY_LOCAL, Way};
use crate::abi::backend::{Backend, Index};
use crate::abi::counters::{REASONS, Reason, Traffic};
use crate::abi::flow::FlowEntry;
use crate::abi::fragment::FragmentEntry;
use crate::abi::limits::{BACKENDS, FLOWS, FRAGMENTS, TRANSLATIONS};
use crate::abi::nat::{REPLY, then};
use crate::abi::quic::ServerId;
use crate::abi::service::Service;
use crate::abi::settings::{LIMITERS, Limiter, Settings, take};
use crate::abi::slot::{Slot, Table, slot_of};
use crate::family::{Family, V4, V6};
use crate::pipeline::Job;
use crate::verdict::Verdict;

/// All maps of one balancer. What the packet path only reads is public and plain; what it writes sits in cells, since
/// the pipeline holds the maps by shared reference.
#[derive(Clone, Debug)]
pub struct HostMaps {
    /// Key of the flow hash.
    pub seed: u64,
    /// What the packet path takes for `CLOCK_MONOTONIC`, nanoseconds.
    pub now_ns: u64,
    /// The config as a whole.
    pub settings: Settings,
    /// Tables, by service id.
    pub tables: HashMap<u32, Box<Table>>,
    /// Records, by index.
    pub backends: Vec<Backend>,
    /// Backends that have a QUIC server id.
    pub quic_ids: HashMap<ServerId, Index>,
    /// Flows that the flow map of a family takes.
    pub flows_max: usize,
    /// MTUs by interface.
    pub mtus: HashMap<u32, u32>,
    /// Translations that the map of a family takes.
    pub translations_max: usize,
    /// What is keyed by IPv4.
    pub v4: OfFamily<V4>,
    /// What is keyed by IPv6.
    pub v6: OfFamily<V6>,
    traffic: RefCell<HashMap<Index, Traffic>>,
    reasons: Cell<[u64; REASONS]>,
    buckets: Cell<[u64; LIMITERS]>,
}

/// Maps keyed by an address family's types.
#[derive(Clone, Debug)]
pub struct OfFamily<F: Family> {
    /// Services.
    pub services: HashMap<F::Vip, Service>,
    /// Addresses that are VIPs, and [`crate::abi::settings::WILDCARD`] or 0.
    pub vips: HashMap<F::Address, u32>,
    /// Rules: service id, prefix, its length in bits, and the verdict.
    pub sources: Vec<(u32, F::Address, u32, u32)>,
    /// Members of `nat`, and the VIPs whose replies they send.
    pub replies: HashMap<F::Vip, F::Vip>,
    /// The kernel's ways, by destination; others are the host's own or nowhere.
    pub ways: HashMap<F::Address, Way>,
    /// Remembered flows.
    pub flows: RefCell<HashMap<F::Flow, FlowEntry>>,
    /// Packets in fragments.
    pub fragments: RefCell<HashMap<F::Fragment, FragmentEntry>>,
    /// Translations.
    pub nat: RefCell<HashMap<F::Flow, F::NatEntry>>,
}

impl<F: Family> Default for OfFamily<F> {
    fn default() -> Self {
        Self {
            services: HashMap::new(),
            vips: HashMap::new(),
            sources: Vec::new(),
            replies: HashMap::new(),
            ways: HashMap::new(),
            flows: RefCell::default(),
            fragments: RefCell::default(),
            nat: RefCell::default(),
        }
    }
}

impl HostMaps {
    /// Empty maps of the default sizes, at time 0.
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            now_ns: 0,
            settings: Settings::default(),
            tables: HashMap::new(),
            backends: vec![Backend::default(); BACKENDS],
            quic_ids: HashMap::new(),
            flows_max: FLOWS,
            mtus: HashMap::new(),
            translations_max: TRANSLATIONS,
            v4: OfFamily::default(),
            v6: OfFamily::default(),
            traffic: RefCell::default(),
            reasons: Cell::new([0; REASONS]),
            buckets: Cell::new([0; LIMITERS]),
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

    /// How often the pipeline counted a reason.
    pub fn counted(&self, reason: Reason) -> u64 {
        self.reasons.get()[reason as usize]
    }

    /// Moves the time up to which a limiter's tokens were given out.
    pub fn spend(&mut self, limiter: Limiter, until_ns: u64) {
        self.buckets.get_mut()[limiter as usize] = until_ns;
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

    fn settings(&self) -> Option<&Settings> {
        Some(&self.settings)
    }

    fn slot(&self, service: u32, hash: u32) -> Option<Slot> {
        Some(self.tables.get(&service)?[slot_of(hash)])
    }

    fn backend(&self, index: Index) -> Option<&Backend> {
        self.backends.get(usize::from(index))
    }

    fn quic_backend(&self, id: &ServerId) -> Option<Index> {
        self.quic_ids.get(id).copied()
    }

    fn take(&self, limiter: Limiter, per_second: u32) -> bool {
        let mut buckets = self.buckets.get();
        let bucket = &mut buckets[limiter as usize];
        let taken = take(*bucket, self.now_ns, per_second);
        *bucket = taken.unwrap_or(*bucket);
        self.buckets.set(buckets);
        taken.is_some()
    }

    fn mtu(&self, ifindex: u32) -> Option<u32> {
        self.mtus.get(&ifindex).copied()
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
    ($family:ty, $own:ident) => {
        impl FamilyMaps<$family> for HostMaps {
            fn with_job(&self, work: impl FnOnce(&mut Job<$family>) -> Verdict) -> Verdict {
                work(&mut Job::default())
            }

            fn service(&self, vip: &<$family as Family>::Vip) -> Option<Service> {
                self.$own.services.get(vip).copied()
            }

            fn vip(&self, address: &<$family as Family>::Address) -> Option<u32> {
                self.$own.vips.get(address).copied()
            }

            fn flow(&self, flow: &<$family as Family>::Flow) -> Option<FlowEntry> {
                self.$own.flows.borrow().get(flow).copied()
            }

            fn remember(&self, flow: &<$family as Family>::Flow, entry: FlowEntry) -> bool {
                insert(&self.$own.flows, self.flows_max, *flow, entry)
            }

            fn refresh(&self, flow: &<$family as Family>::Flow, entry: FlowEntry) -> bool {
                match self.$own.flows.borrow_mut().get_mut(flow) {
                    Some(known) if known.owner == entry.owner => {
                        known.seen_ns = entry.seen_ns;
                        true
                    }
                    _ => false,
                }
            }

            fn fragment(&self, key: &<$family as Family>::Fragment) -> Option<FragmentEntry> {
                self.$own.fragments.borrow().get(key).copied()
            }

            fn remember_fragment(
                &self,
                key: &<$family as Family>::Fragment,
                entry: &FragmentEntry,
            ) -> bool {
                insert(&self.$own.fragments, FRAGMENTS, *key, *entry)
            }

            fn source_rule(
                &self,
                service: u32,
                client: &<$family as Family>::Address,
                unnamed: u32,
            ) -> u32 {
                let fits = |rule: &&(u32, <$family as Family>::Address, u32, u32)| {
                    rule.0 == service && share_prefix(&rule.1, client, rule.2)
                };
                let rules = self.$own.sources.iter().filter(fits);
                rules
                    .max_by_key(|rule| rule.2)
                    .map_or(unnamed, |rule| rule.3)
            }

            fn reply(&self, member: &<$family as Family>::Vip) -> Option<<$family as Family>::Vip> {
                self.$own.replies.get(member).copied()
            }

            fn nat<R>(
                &self,
                flow: &<$family as Family>::Flow,
                read: impl FnOnce(&<$family as Family>::NatEntry) -> R,
            ) -> Option<R> {
                self.$own.nat.borrow().get(flow).map(read)
            }

            fn nat_add(
                &self,
                flow: &<$family as Family>::Flow,
                entry: &<$family as Family>::NatEntry,
            ) -> Added {
                let mut nat = self.$own.nat.borrow_mut();
                if nat.contains_key(flow) {
                    return Added::Taken;
                }
                if nat.len() >= self.translations_max {
                    return Added::Full;
                }
                nat.insert(*flow, *entry);
                Added::Done
            }

            fn nat_touch(&self, flow: &<$family as Family>::Flow, seen_ns: u64, saw: u32) -> bool {
                let mut nat = self.$own.nat.borrow_mut();
                let known = nat.get_mut(flow);
                known.is_some_and(|entry| {
                    entry.seen_ns = seen_ns;
                    entry.state = then(entry.state, saw);
                    true
                })
            }

            fn nat_restart(&self, flow: &<$family as Family>::Flow, seen_ns: u64) -> bool {
                let mut nat = self.$own.nat.borrow_mut();
                let known = nat.get_mut(flow);
                known.is_some_and(|entry| {
                    entry.seen_ns = seen_ns;
                    entry.state &= REPLY;
                    true
                })
            }

            fn nat_move(
                &self,
                flow: &<$family as Family>::Flow,
                ifindex: u32,
                macs: &[u8; 12],
            ) -> bool {
                let mut nat = self.$own.nat.borrow_mut();
                let known = nat.get_mut(flow);
                known.is_some_and(|entry| {
                    (entry.ifindex, entry.macs) = (ifindex, *macs);
                    true
                })
            }

            fn nat_remove(&self, flow: &<$family as Family>::Flow) {
                self.$own.nat.borrow_mut().remove(flow);
            }

            fn way(&self, question: &Question<$family>) -> Way {
                let known = self.$own.ways.get(&question.destination);
                known.copied().unwrap_or(Way {
                    answer: WAY_LOCAL,
                    ifindex: 0,
                    macs: [0; 12],
                })
            }
        }
    };
}

family!(V4, v4);
family!(V6, v6);

fn insert<K: Eq + Hash, V>(map: &RefCell<HashMap<K, V>>, max: usize, key: K, value: V) -> bool {
    let mut map = map.borrow_mut();
    let fits = map.len() < max || map.contains_key(&key);
    if fits {
        map.insert(key, value);
    }
    fits
}

/// Whether two addresses have their first `bits` bits in common.
fn share_prefix(one: &[u8], other: &[u8], bits: u32) -> bool {
    (0..bits as usize).all(|bit| {
        let mask = 0x80 >> (bit % 8);
        one[bit / 8] & mask == other[bit / 8] & mask
    })
}
