//! The balancer's state: services, members, their indices, generations and slot tables; from every event to the list
//! of map changes that it asks for.
//!
//! It believes that every list it returns is carried out, whole and in order. If that fails, the way on is
//! [`Balancer::adopt`] from what the maps hold.
//!
//! One clock: every `now_ns` is `CLOCK_MONOTONIC` in nanoseconds, the packet path's `seen_ns`.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use sasp_xdp_common::abi::backend::Index;
use thiserror::Error;

use self::batch::Batch;
use self::lookups::CurrentLookups;
use self::member::Member;
use self::pool::{Generations, Pool};
use self::service::Service;
use super::change::{Change, FlowKey, Vip};
use super::inputs::Inputs;
use super::self_registered::TurnedAway;
use super::spec::{Globals, ServiceSpec};
use crate::sasp::msg::{MemberKey, Name};

mod admit;
mod adopt;
mod applied;
mod batch;
pub mod cut;
pub mod drain;
mod lookups;
mod member;
mod pool;
pub mod report;
mod service;
mod sweep;
pub mod tight;
pub mod troubles;
mod way;
mod weigh;

/// Sizes of the maps.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Services.
    pub services: usize,
    /// Backends, nobody (index 0) included.
    pub backends: usize,
}

/// What the config wants.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Wanted {
    /// Of the packet path as a whole.
    pub globals: Globals,
    /// Of each service.
    pub services: Vec<ServiceSpec>,
}

impl From<Vec<ServiceSpec>> for Wanted {
    /// Without anything that concerns the packet path as a whole.
    fn from(services: Vec<ServiceSpec>) -> Self {
        Self {
            globals: Globals::default(),
            services,
        }
    }
}

/// More than the maps hold. Nothing was changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum LimitError {
    /// Too many services.
    #[error("{wanted} services, but the maps hold {limit}: remove some")]
    Services {
        /// How many there would be.
        wanted: usize,
        /// How many there may be.
        limit: usize,
    },
    /// Too many backends.
    #[error(
        "{wanted} members of all services together (replaced ones count until the new ones are in place), \
         but the maps hold {limit}: remove some"
    )]
    Backends {
        /// How many there would be.
        wanted: usize,
        /// How many there may be.
        limit: usize,
    },
}

/// No service of the group has such a member.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("no service of group {group} has a member {address} port {port}: see `sasp-ctl status`")]
pub struct UnknownMember {
    /// The group asked for.
    pub group: Name,
    /// The member's address.
    pub address: IpAddr,
    /// Its port.
    pub port: u16,
}

/// What a sweep asks for: first the flows to forget, then the changes.
#[derive(Clone, Debug, Default)]
pub struct Sweep {
    /// Flows to delete from the flow maps, before the changes, and when each last spoke.
    pub forget: Vec<(FlowKey, u64)>,
    /// Then these.
    pub changes: Vec<Change>,
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Balancer {
    limits: Limits,
    /// Of the flow hash and of the tables.
    seed: u64,
    indices: Pool<Index>,
    ids: Pool<u32>,
    generations: Generations,
    services: BTreeMap<Vip, Service>,
    globals: Globals,
    lookups: CurrentLookups,
    /// `None` until the daemon has spoken: what was adopted stands.
    inputs: Option<Inputs>,
    /// The last time that was told.
    now_ns: u64,
}

impl Balancer {
    /// A new config. On an error everything stays as it was.
    ///
    /// Flows stay where they are, except that those of a member or service that is gone lose it, and that another
    /// affinity finds flows in other slots.
    pub fn set_services(
        &mut self,
        wanted: impl Into<Wanted>,
        now_ns: u64,
    ) -> Result<Vec<Change>, LimitError> {
        let Wanted { globals, services } = wanted.into();
        let surplus = self.check(&services)?;
        self.globals = globals;
        Ok(self.configure(services, surplus, now_ns))
    }

    /// New words of a GWM, new next hops: all of them, as they stand now.
    pub fn update(&mut self, inputs: Inputs, now_ns: u64) -> Vec<Change> {
        self.inputs = Some(inputs);
        self.refresh(|_| true, now_ns)
    }

    /// When [`Self::tick`] has something to do.
    pub fn deadline(&self) -> Option<u64> {
        self.services.values().filter_map(Service::deadline).min()
    }

    /// Lets time pass: slow starts and limited moves go on. Early calls change nothing.
    pub fn tick(&mut self, now_ns: u64) -> Vec<Change> {
        let is_due = |service: &Service| service.deadline().is_some_and(|due| due <= now_ns);
        self.refresh(is_due, now_ns)
    }

    /// The operator takes a member out of all services of a group (it keeps its flows), or lets it back in.
    pub fn quiesce(
        &mut self,
        group: &Name,
        member: &MemberKey,
        quiesced: bool,
        now_ns: u64,
    ) -> Result<Vec<Change>, UnknownMember> {
        let mut known = false;
        for service in self.services.values_mut() {
            if service.spec.group != *group {
                continue;
            }
            for candidate in &mut service.members {
                if candidate.key == *member {
                    candidate.quiesced = quiesced;
                    known = true;
                }
            }
        }
        if !known {
            return Err(UnknownMember {
                group: group.clone(),
                address: member.address,
                port: member.port,
            });
        }
        Ok(self.refresh(|service| service.spec.group == *group, now_ns))
    }

    /// Members that the operator has quiesced; after a restart the ones from before.
    pub fn quiesced(&self) -> BTreeSet<(Name, MemberKey)> {
        let mut quiesced = BTreeSet::new();
        for service in self.services.values() {
            let members = service.members.iter().filter(|member| member.quiesced);
            quiesced.extend(members.map(|member| (service.spec.group.clone(), member.key)));
        }
        quiesced
    }

    /// Addresses of all members, those that have registered themselves too: whose next hops are to be watched.
    pub fn member_addresses(&self) -> BTreeSet<IpAddr> {
        let members = self.services.values().flat_map(|service| &service.members);
        members.map(|member| member.key.address).collect()
    }

    /// Addresses of the members that the network here is judged by: those of the configuration. Whoever registers
    /// itself may name addresses that nobody has, and counts only where a service has no other members.
    pub fn vouched_addresses(&self) -> BTreeSet<IpAddr> {
        let mut addresses = BTreeSet::new();
        for service in self.services.values() {
            let configured = &service.spec.members;
            match configured.is_empty() {
                true => addresses.extend(service.members.iter().map(|member| member.key.address)),
                false => addresses.extend(configured.iter().map(|member| member.key.address)),
            }
        }
        addresses
    }

    /// Refreshes the services that `concerned` picks.
    fn refresh(&mut self, concerned: impl Fn(&Service) -> bool, now_ns: u64) -> Vec<Change> {
        let mut batch = Batch::default();
        self.refresh_into(&mut batch, concerned, now_ns);
        batch.into_changes()
    }

    fn refresh_into(
        &mut self,
        batch: &mut Batch,
        concerned: impl Fn(&Service) -> bool,
        now_ns: u64,
    ) {
        self.now_ns = now_ns;
        let quiesced = self.quiesced();
        let mut claims = self.claims();
        let inputs = self.inputs.as_ref();
        let mut freed = Vec::new();
        for service in self.services.values_mut() {
            if !concerned(service) {
                continue;
            }
            let group = service.spec.group.clone();
            let before = service.members.len();
            service.follow_registrations(inputs, |spec, key| {
                claims.claim(spec, key)?;
                let index = self.indices.take().ok_or(TurnedAway::NoRoom)?;
                let mut member = Member::new(*key, index, self.generations.next());
                member.forward = spec.forward;
                member.quiesced = quiesced.contains(&(group.clone(), *key));
                Ok(member)
            });
            let former = service.refresh(inputs, self.seed, now_ns, batch);
            self.lookups.stale |= !former.is_empty() || service.members.len() != before;
            freed.extend(former);
        }
        // Not before: whoever took one now would be written first and retired last.
        give_back(&mut self.indices, freed);
        self.write_lookups(batch);
    }

    fn configure(&mut self, specs: Vec<ServiceSpec>, surplus: usize, now_ns: u64) -> Vec<Change> {
        let mut changes = self.make_room(&specs, surplus, now_ns);
        let mut batch = Batch::default();
        let wanted: BTreeSet<Vip> = specs.iter().map(vip).collect();
        let gone = self.services.extract_if(.., |vip, _| !wanted.contains(vip));
        for (vip, service) in gone {
            let indices: Vec<Index> = service.indices().collect();
            batch.remove_vip(vip);
            batch.remove_service(service.id, service.published, &indices);
            give_back(&mut self.indices, indices);
            self.ids.give_back(service.id);
        }
        self.forget_removed(&mut batch);
        let quiesced = self.quiesced();
        for spec in specs {
            self.set_spec(spec, &quiesced);
        }
        self.give_way();
        self.lookups.stale = true;
        self.refresh_into(&mut batch, |_| true, now_ns);
        changes.extend(batch.into_changes());
        changes
    }

    fn set_spec(&mut self, spec: ServiceSpec, quiesced: &BTreeSet<(Name, MemberKey)>) {
        let ids = &mut self.ids;
        let service = self.services.entry(vip(&spec)).or_insert_with(|| {
            Service::new(&spec, ids.take().expect("`check` has counted the ids"))
        });
        let group = spec.group.clone();
        service.set_spec(spec, |key| {
            let index = self
                .indices
                .take()
                .expect("`check` has counted the indices");
            let mut member = Member::new(*key, index, self.generations.next());
            member.quiesced = quiesced.contains(&(group.clone(), *key));
            member
        });
    }

    /// Fails if `specs` do not fit; else says how many members that have registered themselves must make room.
    fn check(&self, specs: &[ServiceSpec]) -> Result<usize, LimitError> {
        let limit = self.limits.services;
        if specs.len() > limit {
            return Err(LimitError::Services {
                wanted: specs.len(),
                limit,
            });
        }
        let (mut wanted, mut evictable) = (0, 0);
        for spec in specs {
            match self.services.get(&vip(spec)) {
                Some(service) => {
                    wanted += service.indices().count() + service.newcomers(&spec.members);
                    evictable += service.evictable(spec);
                }
                None => wanted += spec.members.len(),
            }
        }
        let limit = self.limits.backends.saturating_sub(1);
        let surplus = wanted.saturating_sub(limit);
        if surplus > evictable {
            let wanted = wanted - evictable;
            return Err(LimitError::Backends { wanted, limit });
        }
        Ok(surplus)
    }
}

fn vip(spec: &ServiceSpec) -> Vip {
    Vip::new(spec.vip, spec.protocol)
}

fn give_back(pool: &mut Pool<Index>, indices: Vec<Index>) {
    for index in indices {
        pool.give_back(index);
    }
}
