//! A balancer, the maps that it fills, and the packet path that reads them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use sasp_xdp_common::abi::backend::{Backend, Index};
use sasp_xdp_common::abi::counters::{Class, Reason};
use sasp_xdp_common::abi::flow::FlowEntry;
use sasp_xdp_common::maps::host::HostMaps;
use sasp_xdp_common::packet::Frame;
use sasp_xdp_common::parse::TCP;
use sasp_xdp_common::pipeline;

use super::frames::{Says, frame};
use super::lookups;
use crate::balance::change::{Adopted, Change, FlowKey, Vip};
use crate::balance::inputs::{Freshness, GroupInput, Inputs, NextHop, Word};
use crate::balance::model::report::{MemberReport, ServiceReport};
use crate::balance::model::{Balancer, Limits};
use crate::balance::spec::{Affinity, AllZero, Forward, MemberSpec, OnDown, ServiceSpec, Track};
use crate::sasp::msg::{MemberKey, Name};

pub(super) const SEED: u64 = 0x0dd_5eed;
pub(super) const LIMITS: Limits = Limits {
    services: 8,
    backends: 64,
};
pub(super) const TCP_IDLE: Duration = Duration::from_secs(900);

/// A word that gives a member new flows.
pub(super) const fn word(weight: u16) -> Word {
    Word {
        contact: true,
        quiesce: false,
        confident: true,
        by_lb: true,
        weight,
        state: 0,
    }
}

/// Such a word about a member that has registered itself.
pub(super) const fn own_word(weight: u16) -> Word {
    Word {
        by_lb: false,
        ..word(weight)
    }
}

/// The GWM knows that the member is not there.
pub(super) const DOWN: Word = Word {
    contact: false,
    ..word(0)
};

pub(super) fn group(name: &str) -> Name {
    Name::new(name.as_bytes()).unwrap()
}

/// Member `number` of any service of `protocol`.
pub(super) fn key(protocol: u8, number: u8) -> MemberKey {
    MemberKey {
        protocol,
        port: 80,
        address: IpAddr::V4(Ipv4Addr::new(10, 0, 0, number)),
    }
}

/// A service over the members of these numbers.
pub(super) fn service(name: &str, vip: &str, protocol: u8, members: &[u8]) -> ServiceSpec {
    ServiceSpec {
        group: group(name),
        vip: vip.parse().unwrap(),
        protocol,
        forward: Forward::Dsr,
        on_down: OnDown::Keep,
        track: Track::Exceptions,
        affinity: Affinity::Flow,
        all_zero: AllZero::Equal,
        quic: false,
        quic_lb: None,
        sources: crate::balance::spec::SourceRules::default(),
        idle: if protocol == TCP {
            TCP_IDLE
        } else {
            Duration::from_secs(60)
        },
        dead_band_permille: 0,
        self_registered: Vec::new(),
        slow_start: None,
        move_limit: None,
        members: members
            .iter()
            .map(|&number| MemberSpec {
                forward: crate::balance::spec::Forward::Dsr,
                server_id: None,
                key: key(protocol, number),
                weight: 10,
            })
            .collect(),
    }
}

/// See the module.
#[derive(Clone)]
pub(super) struct World {
    pub(super) maps: HostMaps,
    pub(super) balancer: Balancer,
    pub(super) specs: Vec<ServiceSpec>,
    pub(super) inputs: Inputs,
    /// The daemon is killed when it has made so many more changes of one list.
    pub(super) fuse: Option<usize>,
}

impl World {
    /// Starts with empty maps at second 100. Every member has a next hop; groups are [`Freshness::Held`].
    pub(super) fn new(specs: Vec<ServiceSpec>) -> Self {
        let mut maps = HostMaps::new(SEED);
        maps.now_ns = 100_000_000_000;
        let (balancer, changes) = start(&maps, &specs);
        let mut world = Self {
            maps,
            balancer,
            specs,
            inputs: Inputs::default(),
            fuse: None,
        };
        world.apply(changes);
        for spec in &world.specs {
            let held = GroupInput {
                freshness: Freshness::Held,
                ..GroupInput::default()
            };
            world.inputs.groups.insert(spec.group.clone(), held);
            for member in &spec.members {
                let hop = next_hop(member.key.address);
                world.inputs.next_hops.insert(member.key.address, Some(hop));
            }
        }
        world.update();
        world
    }

    /// Tells the balancer everything, as the daemon does after every event.
    pub(super) fn update(&mut self) -> Vec<Change> {
        let changes = self.balancer.update(self.inputs.clone(), self.maps.now_ns);
        self.apply(changes.clone());
        changes
    }

    /// The group goes live with these words.
    pub(super) fn say(&mut self, name: &str, words: &[(MemberKey, Word)]) -> Vec<Change> {
        let input = self.inputs.groups.entry(group(name)).or_default();
        input.freshness = Freshness::Live;
        input.members = words.iter().copied().collect();
        self.update()
    }

    pub(super) fn configure(&mut self) -> Vec<Change> {
        let (specs, now) = (self.specs.clone(), self.maps.now_ns);
        let changes = self.balancer.set_services(specs, now).unwrap();
        self.apply(changes.clone());
        changes
    }

    /// Another daemon adopts what is in the maps.
    pub(super) fn restart(&mut self) -> Vec<Change> {
        let (balancer, changes) = start(&self.maps, &self.specs);
        self.balancer = balancer;
        self.apply(changes.clone());
        changes
    }

    pub(super) fn sweep(&mut self) {
        let sweep = self.balancer.sweep(flows(&self.maps), self.maps.now_ns);
        for (key, _) in &sweep.forget {
            let known = match key {
                FlowKey::V4(flow) => self.maps.v4.flows.borrow_mut().remove(flow).is_some(),
                FlowKey::V6(flow) => self.maps.v6.flows.borrow_mut().remove(flow).is_some(),
            };
            assert!(known, "{key:?} was to be forgotten but is not there");
        }
        self.apply(sweep.changes);
    }

    /// Time passes, and there is no daemon.
    pub(super) fn wait(&mut self, time: Duration) {
        self.maps.now_ns += time.as_nanos() as u64;
    }

    /// Time passes, and the daemon does what is due in time, until it is killed; how often that was.
    pub(super) fn pass(&mut self, time: Duration) -> usize {
        let end = self.maps.now_ns + time.as_nanos() as u64;
        let mut ticks = 0;
        while let Some(due) = self.balancer.deadline().filter(|due| *due <= end) {
            self.maps.now_ns = self.maps.now_ns.max(due);
            let changes = self.balancer.tick(self.maps.now_ns);
            self.apply(changes);
            let next = self.balancer.deadline();
            assert!(next.is_none_or(|next| next > due), "due once more at once");
            ticks += 1;
            if self.fuse.is_some() {
                break;
            }
        }
        self.maps.now_ns = end;
        ticks
    }

    /// Lets all flows go idle, sweeping as the daemon does.
    pub(super) fn calm_down(&mut self) {
        for _ in 0..4 {
            self.pass(TCP_IDLE + Duration::from_secs(13));
            self.sweep();
        }
    }

    pub(super) fn flows(&self) -> usize {
        self.maps.v4.flows.borrow().len() + self.maps.v6.flows.borrow().len()
    }

    pub(super) fn tracked(&self) -> usize {
        let slots = self.maps.tables.values().flat_map(|table| table.iter());
        slots.filter(|slot| slot.tracked()).count()
    }

    /// Sends a packet; the backend that got it.
    pub(super) fn send(
        &self,
        client: SocketAddr,
        spec: &ServiceSpec,
        says: Says,
    ) -> Result<Index, Reason> {
        let bytes = frame(client, spec.vip, spec.protocol, says);
        let mut frame = Frame {
            bytes,
            ingress_ifindex: 1,
        };
        let counted = |reason: &Reason| self.maps.counted(*reason);
        let before: Vec<_> = Reason::ALL.iter().map(counted).collect();
        let verdict = pipeline::balance(&mut frame, &self.maps);
        if verdict.ifindex().is_some() {
            return Ok(verdict.index());
        }
        let mut reasons = Reason::ALL.iter().zip(before);
        let why = reasons
            .find(|(reason, before)| reason.class() != Class::Note && counted(reason) != *before);
        Err(*why.expect("what stays is counted").0)
    }

    /// What is reported of the first service.
    pub(super) fn service_report(&self) -> ServiceReport {
        let vip = self.specs[0].vip.to_string();
        let mut services = self.balancer.report().services.into_iter();
        let service = services.find(|service| service.vip == vip);
        service.expect("the service is there")
    }

    /// What is reported of member `number` of the first service, if it has it.
    pub(super) fn member(&self, number: u8) -> Option<MemberReport> {
        let address = key(self.specs[0].protocol, number).address;
        let mut members = self.service_report().members.into_iter();
        members.find(|member| member.address == format!("{address}:80"))
    }

    /// The backend of member `number` of the first service.
    pub(super) fn index(&self, number: u8) -> Index {
        self.member(number).expect("the member is there").index
    }

    /// Slots of the first service that member `number` owns.
    pub(super) fn slots(&self, number: u8) -> usize {
        let index = self.index(number);
        let Vip::V4(vip) = Vip::new(self.specs[0].vip, self.specs[0].protocol) else {
            panic!("the first service is one of IPv4");
        };
        let table = &self.maps.tables[&self.maps.v4.services[&vip].id];
        table.iter().filter(|slot| slot.cur() == index).count()
    }

    pub(super) fn record(&self, index: Index) -> &Backend {
        &self.maps.backends[usize::from(index)]
    }

    /// Carries changes out, and refuses those that a packet would notice half-made.
    pub(super) fn apply(&mut self, changes: Vec<Change>) {
        let maps = &mut self.maps;
        for change in changes.into_iter().take(self.fuse.unwrap_or(usize::MAX)) {
            match change {
                Change::AddLookups(lookups) => lookups::add(maps, &lookups),
                Change::PruneLookups(lookups) => lookups::prune(maps, &lookups),
                Change::SetBackend { index, record } => {
                    assert_ne!(record.generation, 0, "{index}: no generation");
                    maps.backends[usize::from(index)] = record;
                }
                Change::SetTable { service, table } => {
                    maps.tables.insert(service, table);
                }
                Change::SetService { vip, service } => {
                    assert!(
                        maps.tables.contains_key(&service.id),
                        "{vip:?}: no table yet"
                    );
                    match vip {
                        Vip::V4(vip) => maps.v4.services.insert(vip, service),
                        Vip::V6(vip) => maps.v6.services.insert(vip, service),
                    };
                }
                Change::RemoveService { vip } => {
                    let removed = match vip {
                        Vip::V4(vip) => maps.v4.services.remove(&vip),
                        Vip::V6(vip) => maps.v6.services.remove(&vip),
                    };
                    assert!(removed.is_some(), "{vip:?}: not there");
                }
                Change::RemoveTable { service } => {
                    let ids = maps.v4.services.values().chain(maps.v6.services.values());
                    assert!(
                        ids.clone().all(|other| other.id != service),
                        "{service}: in use"
                    );
                    assert!(
                        maps.tables.remove(&service).is_some(),
                        "{service}: no table"
                    );
                }
                Change::RetireBackend { index, service } => {
                    let table = maps.tables.get(&service);
                    let named = table.is_some_and(|table| {
                        table
                            .iter()
                            .any(|slot| slot.cur() == index || slot.prev() == index)
                    });
                    assert!(!named, "{index}: a table still names it");
                    maps.clear_traffic(index);
                    let record = &mut maps.backends[usize::from(index)];
                    *record = Backend {
                        generation: record.generation,
                        ..Backend::default()
                    };
                }
                Change::RetireService { service } => {
                    assert!(
                        !maps.tables.contains_key(&service),
                        "{service}: has a table"
                    );
                }
            }
        }
    }
}

fn start(maps: &HostMaps, specs: &[ServiceSpec]) -> (Balancer, Vec<Change>) {
    let adopted = content(maps);
    Balancer::adopt(LIMITS, SEED, adopted, specs.to_vec(), maps.now_ns).unwrap()
}

/// What a daemon finds when it starts.
pub(super) fn content(maps: &HostMaps) -> Adopted {
    let v4 = maps
        .v4
        .services
        .iter()
        .map(|(vip, service)| (Vip::V4(*vip), *service));
    let v6 = maps
        .v6
        .services
        .iter()
        .map(|(vip, service)| (Vip::V6(*vip), *service));
    let backends = (0..).zip(maps.backends.iter().copied());
    Adopted {
        services: v4.chain(v6).collect(),
        lookups: lookups::read(maps),
        backends: backends
            .filter(|(_, record)| record.generation != 0)
            .collect(),
        tables: maps
            .tables
            .iter()
            .map(|(id, table)| (*id, table.clone()))
            .collect(),
    }
}

fn flows(maps: &HostMaps) -> Vec<(FlowKey, FlowEntry)> {
    let v4 = maps.v4.flows.borrow();
    let v6 = maps.v6.flows.borrow();
    let v4 = v4.iter().map(|(key, entry)| (FlowKey::V4(*key), *entry));
    let v6 = v6.iter().map(|(key, entry)| (FlowKey::V6(*key), *entry));
    v4.chain(v6).collect()
}

pub(super) fn next_hop(address: IpAddr) -> NextHop {
    let last = match address {
        IpAddr::V4(v4) => v4.octets()[3],
        IpAddr::V6(v6) => v6.octets()[15],
    };
    NextHop {
        ifindex: 7,
        macs: [2, 0, 0, 0, 0, last, 2, 0, 0, 0, 0, 0xfe],
        mtu: 1500,
        clients_mtu: 1500,
        source: None,
        via_gateway: false,
    }
}
