//! Taking stock of the remembered flows: which may be forgotten, which keep a slot from becoming stable.

use std::collections::{BTreeMap, HashMap};

use sasp_xdp_common::abi::backend::Index;
use sasp_xdp_common::abi::flow::FlowEntry;
use sasp_xdp_common::abi::limits::SLOTS;
use sasp_xdp_common::abi::slot::slot_of;
use sasp_xdp_common::hash::Hash;

use super::batch::Batch;
use super::member::Member;
use super::service::Service;
use super::{Balancer, Sweep};
use crate::balance::change::{FlowKey, Vip};
use crate::balance::spec::{Affinity, Track};
use crate::balance::translations::{self, Judge};
use crate::sasp::msg::MemberKey;

/// What the flows of one service come to.
#[derive(Default)]
struct Tally {
    live: u64,
    /// By slot; empty if there is nothing to say.
    disagrees: Vec<bool>,
}

/// What the flows come to.
struct Stock {
    tallies: BTreeMap<Vip, Tally>,
    /// Generation and live flows of each backend.
    owners: HashMap<Index, (u32, u64)>,
}

impl Balancer {
    /// Takes stock of the remembered flows (all of both maps, read not before `now_ns`), every few seconds: settles
    /// and stabilises slots, finds the flows that may be forgotten.
    pub fn sweep(
        &mut self,
        flows: impl IntoIterator<Item = (FlowKey, FlowEntry)>,
        now_ns: u64,
    ) -> Sweep {
        self.now_ns = now_ns;
        let mut stock = Stock::new(&self.services);
        let mut forget = Vec::new();
        for (key, entry) in flows {
            let live = service_of(&self.services, key.vip())
                .filter(|service| is_live(service, entry, now_ns));
            match live {
                Some(service) => stock.add(service, self.seed, &key, entry),
                None => forget.push((key, entry.seen_ns)),
            }
        }
        let mut batch = Batch::default();
        for (vip, service) in &mut self.services {
            let tally = stock.tallies.remove(vip).unwrap_or_default();
            service.take_stock(&tally, &stock.owners, now_ns, &mut batch);
        }
        Sweep {
            forget,
            changes: batch.into_changes(),
        }
    }
}

impl Balancer {
    /// Who is to judge the translations of `full-nat` now; `scarce` as in [`Judge::scarce`].
    pub fn translation_judge(&self, now_ns: u64, scarce: bool) -> Judge {
        let members = self.services.values().flat_map(|service| &service.members);
        Judge {
            owners: members.map(owner).collect(),
            now_ns,
            scarce,
        }
    }

    /// Takes in how many flows each member has, after a walk through all translations.
    pub fn count_translations(&mut self, tally: &translations::Tally) {
        let services = self.services.values_mut();
        for member in services.flat_map(|service| &mut service.members) {
            member.translated = tally.flows.get(&owner(member)).copied().unwrap_or(0);
        }
    }
}

/// As the entries of translations have it.
fn owner(member: &Member) -> u64 {
    FlowEntry::new(member.index, member.generation, 0).owner
}

impl Balancer {
    /// The member to which most flows are translated, and how many; `None` if there are none at all.
    pub fn most_translated(&self) -> Option<(MemberKey, u64)> {
        let members = self.services.values().flat_map(|service| &service.members);
        members
            .map(|member| (member.key, member.translated))
            .filter(|(_, flows)| *flows > 0)
            .max_by_key(|(_, flows)| *flows)
    }
}

/// The service that packets to a VIP belong to, the most precise one.
fn service_of(services: &BTreeMap<Vip, Service>, vip: Vip) -> Option<&Service> {
    [vip, vip.any_port(), vip.system_level()]
        .iter()
        .find_map(|vip| services.get(vip))
}

/// Whether what is remembered of a flow still counts.
fn is_live(service: &Service, entry: FlowEntry, now_ns: u64) -> bool {
    service.spec.track != Track::Never && now_ns.saturating_sub(entry.seen_ns) <= service.idle_ns()
}

impl Stock {
    fn new(services: &BTreeMap<Vip, Service>) -> Self {
        let members = services.values().flat_map(|service| &service.members);
        Self {
            tallies: BTreeMap::new(),
            owners: members
                .map(|member| (member.index, (member.generation, 0)))
                .collect(),
        }
    }

    fn add(&mut self, service: &Service, seed: u64, key: &FlowKey, entry: FlowEntry) {
        let tally = self.tallies.entry(service.vip).or_default();
        tally.live += 1;
        let Some((generation, live)) = self.owners.get_mut(&entry.backend()) else {
            return;
        };
        if *generation != entry.generation() {
            return;
        }
        *live += 1;
        let slot = slot_of(hash(service, seed, key));
        if service.slots.table()[slot].cur() != entry.backend() {
            tally.disagrees.resize(SLOTS, false);
            tally.disagrees[slot] = true;
        }
    }
}

/// The same hash as the packet path's.
fn hash(service: &Service, seed: u64, key: &FlowKey) -> u32 {
    let client = service.spec.affinity == Affinity::Client;
    match key {
        FlowKey::V4(flow) if client => flow.hash_client(seed),
        FlowKey::V4(flow) => flow.hash_flow(seed),
        FlowKey::V6(flow) if client => flow.hash_client(seed),
        FlowKey::V6(flow) => flow.hash_flow(seed),
    }
}

impl Service {
    fn take_stock(
        &mut self,
        tally: &Tally,
        owners: &HashMap<Index, (u32, u64)>,
        now_ns: u64,
        batch: &mut Batch,
    ) {
        self.remembered = tally.live;
        for member in &mut self.members {
            member.remembered = owners.get(&member.index).map_or(0, |&(_, live)| live);
        }
        let disagrees = |slot: usize| tally.disagrees.get(slot).copied().unwrap_or(false);
        if self.slots.age(now_ns, self.idle_ns(), disagrees) {
            self.publish(batch);
        }
    }
}
