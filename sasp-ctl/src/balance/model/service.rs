//! A service: its members, and how their state becomes records and a table.

use std::collections::BTreeMap;

use sasp_xdp_common::abi::backend::Index;
use sasp_xdp_common::abi::service::{
    AFFINITY_CLIENT, QUIC, Service as Installed, TRACK_ALWAYS, TRACK_NEVER,
};

use super::batch::Batch;
use super::member::Member;
use crate::balance::change::{Change, Vip};
use crate::balance::dead_band;
use crate::balance::effective::{Source, effective};
use crate::balance::hear::{Listener, hear};
use crate::balance::inputs::{Freshness, GroupInput, Inputs};
use crate::balance::maglev::{self, Weighted};
use crate::balance::slots::Slots;
use crate::balance::spec::{Affinity, MemberSpec, ServiceSpec, Track};
use crate::sasp::msg::MemberKey;

/// What a group's input is before the daemon has said anything: the last words stand.
const NOT_YET: GroupInput = GroupInput {
    freshness: Freshness::Held,
    converging: false,
    members: BTreeMap::new(),
};

/// A service and what the maps hold of it.
#[derive(Clone, Debug)]
pub(super) struct Service {
    pub(super) vip: Vip,
    pub(super) id: u32,
    pub(super) spec: ServiceSpec,
    pub(super) members: Vec<Member>,
    pub(super) slots: Slots,
    pub(super) source: Source,
    /// Live flows that the last sweep found remembered.
    pub(super) remembered: u64,
    /// What the map of services holds.
    pub(super) installed: Option<Installed>,
    /// There is a table in the maps, and it is `slots`.
    pub(super) published: bool,
    /// The table must be made anew whatever the weights: it may name former members or break new rules.
    stale: bool,
    /// Backends of former members, which the table may still name.
    gone: Vec<Index>,
}

impl Service {
    /// Nothing of it is in the maps, and it has no members yet.
    pub(super) fn new(spec: &ServiceSpec, id: u32) -> Self {
        Self {
            vip: Vip::new(spec.vip, spec.protocol),
            id,
            spec: ServiceSpec {
                members: Vec::new(),
                ..spec.clone()
            },
            members: Vec::new(),
            slots: Slots::default(),
            source: Source::default(),
            remembered: 0,
            installed: None,
            published: false,
            stale: true,
            gone: Vec::new(),
        }
    }

    /// Takes over a backend that the maps hold; a second one of the same member goes.
    pub(super) fn adopt(&mut self, member: Member) {
        if self.members.iter().any(|other| other.key == member.key) {
            self.gone.push(member.index);
        } else {
            self.members.push(member);
        }
    }

    /// Indices that it occupies now.
    pub(super) fn indices(&self) -> impl Iterator<Item = Index> {
        let members = self.members.iter().map(|member| member.index);
        members.chain(self.gone.iter().copied())
    }

    /// How many of `members` it does not have yet.
    pub(super) fn newcomers(&self, members: &[MemberSpec]) -> usize {
        let known = |key: &MemberKey| self.members.iter().any(|member| member.key == *key);
        members.iter().filter(|spec| !known(&spec.key)).count()
    }

    /// A new config. `enlist` makes a member of one that is new.
    pub(super) fn set_spec(
        &mut self,
        spec: ServiceSpec,
        mut enlist: impl FnMut(&MemberSpec) -> Member,
    ) {
        let same_group = self.spec.group == spec.group;
        let mut former: BTreeMap<MemberKey, Member> = std::mem::take(&mut self.members)
            .into_iter()
            .map(|member| (member.key, member))
            .collect();
        for wanted in &spec.members {
            let mut member = former.remove(&wanted.key).unwrap_or_else(|| enlist(wanted));
            member.static_weight = wanted.weight;
            // Another group's words say nothing of this one.
            member.word = member.word.filter(|_| same_group);
            self.members.push(member);
        }
        self.gone.extend(former.values().map(|member| member.index));
        // A new member is no reason: its weight is.
        self.stale |= !former.is_empty() || self.spec.track != spec.track;
        self.spec = spec;
    }

    /// Looks at everything anew and asks for what has to change. Returns indices that are free after that.
    pub(super) fn refresh(
        &mut self,
        inputs: Option<&Inputs>,
        seed: u64,
        now_ns: u64,
        batch: &mut Batch,
    ) -> Vec<Index> {
        self.take_in(inputs);
        let candidates: Vec<_> = self.members.iter().map(Member::candidate).collect();
        let (all_zero, on_down) = (self.spec.all_zero, self.spec.on_down);
        let outcomes = effective(self.source, all_zero, on_down, &candidates);
        for (member, outcome) in self.members.iter_mut().zip(outcomes) {
            member.outcome = outcome;
        }
        let in_force = self.weights(|member| member.table_weight);
        let wanted = self.weights(|member| member.outcome.weight);
        let worth_it = !dead_band::within(&in_force, &wanted, self.spec.dead_band_permille);
        if worth_it {
            for member in &mut self.members {
                member.table_weight = member.outcome.weight;
            }
        }
        let changed = (worth_it || self.stale) && self.build(seed, now_ns);
        self.stale = false;
        self.write(changed, batch);
        std::mem::take(&mut self.gone)
    }

    /// The idle timeout in nanoseconds.
    pub(super) fn idle_ns(&self) -> u64 {
        u64::try_from(self.spec.idle.as_nanos()).unwrap_or(u64::MAX)
    }

    /// Asks for the table to be published.
    pub(super) fn publish(&mut self, batch: &mut Batch) {
        batch.tables.push(Change::SetTable {
            service: self.id,
            table: self.slots.boxed(),
        });
        self.published = true;
    }

    fn weights(&self, weight: impl Fn(&Member) -> u32) -> Vec<u32> {
        self.members.iter().map(weight).collect()
    }

    fn take_in(&mut self, inputs: Option<&Inputs>) {
        for member in &mut self.members {
            let known = inputs.and_then(|inputs| inputs.next_hops.get(&member.key.address));
            member.next_hop = known.copied().unwrap_or(member.next_hop);
        }
        let group = match inputs {
            Some(inputs) => inputs.groups.get(&self.spec.group),
            None => Some(&NOT_YET),
        };
        let listeners: Vec<Listener> = self
            .members
            .iter()
            .map(|member| Listener {
                key: member.key,
                former: member.word,
                available: member.next_hop.is_some() && !member.quiesced,
            })
            .collect();
        let (source, words) = hear(group, &listeners);
        self.source = source;
        for (member, word) in self.members.iter_mut().zip(words) {
            member.word = word;
        }
    }

    /// Makes the table of the weights in force; true if it is another one.
    fn build(&mut self, seed: u64, now_ns: u64) -> bool {
        let members = &self.members;
        let weighted: Vec<Weighted> = members
            .iter()
            .map(|member| Weighted {
                key: member.key,
                index: member.index,
                weight: member.table_weight,
            })
            .collect();
        let owners = maglev::owners(&weighted, seed);
        let mut exists = vec![false; usize::from(Index::MAX) + 1];
        for member in members {
            exists[usize::from(member.index)] = true;
        }
        let exists = |index: Index| exists[usize::from(index)];
        let track = self.spec.track != Track::Never;
        self.slots.set_owners(&owners, exists, track, now_ns)
    }

    /// Asks for whatever the maps do not hold yet.
    fn write(&mut self, table_changed: bool, batch: &mut Batch) {
        for member in &mut self.members {
            let record = member.record(self.id);
            if member.installed != Some(record) {
                let phase = if record.usable() {
                    &mut batch.usable
                } else {
                    &mut batch.unusable
                };
                phase.push(Change::SetBackend {
                    index: member.index,
                    record,
                });
                member.installed = Some(record);
            }
        }
        if table_changed || !self.published {
            self.publish(batch);
        }
        let service = Installed {
            id: self.id,
            flags: flags(&self.spec),
        };
        if self.installed != Some(service) {
            batch.services.push(Change::SetService {
                vip: self.vip,
                service,
            });
            self.installed = Some(service);
        }
        let service = self.id;
        let retire = |&index| Change::RetireBackend { index, service };
        batch.retired.extend(self.gone.iter().map(retire));
    }
}

/// What the packet path must know of a config.
fn flags(spec: &ServiceSpec) -> u32 {
    let track = match spec.track {
        Track::Exceptions => 0,
        Track::Always => TRACK_ALWAYS,
        Track::Never => TRACK_NEVER,
    };
    let affinity = match spec.affinity {
        Affinity::Flow => 0,
        Affinity::Client => AFFINITY_CLIENT,
    };
    track | affinity | if spec.quic { QUIC } else { 0 }
}
