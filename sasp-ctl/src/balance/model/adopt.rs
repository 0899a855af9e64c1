//! Starting from what the maps hold: pinned ones outlive their daemon, which may have been killed between any two
//! writes, and the config may have changed since.

use std::collections::{BTreeMap, BTreeSet};

use sasp_xdp_common::abi::backend::{Backend, Index, NOBODY};
use sasp_xdp_common::abi::limits::BACKENDS_MAX;
use sasp_xdp_common::abi::slot::Table;

use super::batch::Batch;
use super::lookups::CurrentLookups;
use super::member::Member;
use super::pool::{Generations, Pool};
use super::service::Service;
use super::{Balancer, LimitError, Limits, Wanted, vip};
use crate::balance::change::{Adopted, Change, Vip};
use crate::balance::move_limit::Budget;
use crate::balance::slots::Slots;
use crate::balance::spec::ServiceSpec;

/// What is left of the maps' content, by service id.
struct Leftovers {
    tables: BTreeMap<u32, Box<Table>>,
    backends: BTreeMap<u32, Vec<(Index, Backend)>>,
}

impl Balancer {
    /// Starts from what is in the maps (nothing, on a first start) and makes it what is `wanted`.
    ///
    /// The words of the GWM, next hops and quiesced members come from the backends' records and stand until
    /// [`Balancer::update`] says otherwise, so that a restart changes no table. `seed` is that of the maps.
    pub fn adopt(
        limits: Limits,
        seed: u64,
        adopted: Adopted,
        wanted: impl Into<Wanted>,
        now_ns: u64,
    ) -> Result<(Self, Vec<Change>), LimitError> {
        let wanted = wanted.into();
        let backends = limits.backends.min(BACKENDS_MAX);
        let generations = adopted.backends.iter().map(|(_, record)| record.generation);
        let mut balancer = Self {
            limits: Limits { backends, ..limits },
            seed,
            indices: Pool::new((NOBODY + 1..).take(backends.saturating_sub(1))),
            ids: Pool::new((0..).take(limits.services)),
            generations: Generations::after(generations.max().unwrap_or(0)),
            services: BTreeMap::new(),
            globals: wanted.globals.clone(),
            lookups: CurrentLookups::adopt(adopted.lookups),
            inputs: None,
            now_ns,
        };
        let mut batch = Batch::default();
        let mut leftovers = Leftovers::new(adopted.tables, adopted.backends);
        let specs = wanted.services.iter();
        let by_vip: BTreeMap<Vip, &ServiceSpec> = specs.map(|spec| (vip(spec), spec)).collect();
        for (vip, installed) in adopted.services {
            match by_vip.get(&vip) {
                Some(spec) if balancer.ids.claim(installed.id) => {
                    let mut service = Service::new(spec, installed.id);
                    service.installed = Some(installed);
                    balancer.take_over(service, spec, &mut leftovers, now_ns);
                }
                // Its id is another's, which can only be a broken map: it gets a new one.
                Some(_) => {}
                None => batch.remove_vip(vip),
            }
        }
        leftovers.remove(&mut batch);
        balancer.forget_removed(&mut batch);
        let mut changes = batch.into_changes();
        changes.extend(balancer.set_services(wanted, now_ns)?);
        Ok((balancer, changes))
    }

    fn take_over(
        &mut self,
        mut service: Service,
        spec: &ServiceSpec,
        leftovers: &mut Leftovers,
        now_ns: u64,
    ) {
        if let Some(table) = leftovers.tables.remove(&service.id) {
            service.slots = Slots::adopt(table, now_ns);
            service.published = true;
            service.budget = Budget::spent(now_ns);
        }
        for (index, record) in leftovers.backends.remove(&service.id).unwrap_or_default() {
            if self.indices.claim(index) {
                service.adopt(Member::adopt(index, record), spec, now_ns);
            }
        }
        self.services.insert(service.vip, service);
    }
}

impl Leftovers {
    fn new(tables: Vec<(u32, Box<Table>)>, records: Vec<(Index, Backend)>) -> Self {
        let mut backends: BTreeMap<u32, Vec<(Index, Backend)>> = BTreeMap::new();
        for (index, record) in records {
            if !record.retired() {
                backends
                    .entry(record.service)
                    .or_default()
                    .push((index, record));
            }
        }
        Self {
            tables: tables.into_iter().collect(),
            backends,
        }
    }

    fn remove(self, batch: &mut Batch) {
        let ids: BTreeSet<u32> = self
            .tables
            .keys()
            .chain(self.backends.keys())
            .copied()
            .collect();
        for id in ids {
            let backends = self.backends.get(&id).into_iter().flatten();
            let indices: Vec<Index> = backends.map(|&(index, _)| index).collect();
            batch.remove_service(id, self.tables.contains_key(&id), &indices);
        }
    }
}
