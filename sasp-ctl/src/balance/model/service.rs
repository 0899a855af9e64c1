//! A service: its members, and how their state becomes records and a table. How their weights do is in `weigh`.

use std::collections::BTreeMap;

use sasp_xdp_common::abi::backend::Index;
use sasp_xdp_common::abi::quic;
use sasp_xdp_common::abi::service::{
    AFFINITY_CLIENT, ALLOW_LISTED, QUIC, SOURCE_RULES, Service as Installed, TRACK_ALWAYS,
    TRACK_NEVER,
};

use super::admit::Refused;
use super::batch::Batch;
use super::member::Member;
use crate::balance::change::{Change, Vip};
use crate::balance::effective::Source;
use crate::balance::inputs::Inputs;
use crate::balance::move_limit::Budget;
use crate::balance::slots::Slots;
use crate::balance::spec::{Affinity, MemberSpec, ServiceSpec, Track};
use crate::sasp::msg::MemberKey;

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
    pub(super) stale: bool,
    /// Backends of former members, which the table may still name.
    pub(super) gone: Vec<Index>,
    /// Slots that the move limit keeps from the owners that the weights want.
    pub(super) left_to_move: usize,
    /// What the move limit has left.
    pub(super) budget: Budget,
    /// Members that have registered themselves in vain.
    pub(super) refused: Refused,
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
            left_to_move: 0,
            budget: Budget::default(),
            refused: Refused::default(),
        }
    }

    /// Takes over a backend that the maps hold; a second one of the same member goes. `spec` is the config, which it
    /// follows later.
    pub(super) fn adopt(&mut self, mut member: Member, spec: &ServiceSpec, now_ns: u64) {
        if self.members.iter().any(|other| other.key == member.key) {
            self.gone.push(member.index);
        } else {
            let mut wanted = spec.members.iter();
            let wanted = wanted.find(|wanted| wanted.key == member.key);
            member.server_id = wanted.and_then(|wanted| wanted.server_id.clone());
            member.table_steps = member.ramp.steps(self.spec.slow_start, now_ns);
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
        mut enlist: impl FnMut(&MemberKey) -> Member,
    ) {
        let same_group = self.spec.group == spec.group;
        let mut former: BTreeMap<MemberKey, Member> = std::mem::take(&mut self.members)
            .into_iter()
            .map(|member| (member.key, member))
            .collect();
        for wanted in &spec.members {
            let known = former.remove(&wanted.key);
            let mut member = known.unwrap_or_else(|| enlist(&wanted.key));
            member.self_registered = false;
            member.static_weight = wanted.weight;
            member.forward = wanted.forward;
            member.server_id.clone_from(&wanted.server_id);
            // Another group's words say nothing of this one.
            member.word = member.word.filter(|_| same_group);
            self.members.push(member);
        }
        if same_group {
            self.keep_registered(&mut former, &spec);
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
        self.weigh(now_ns);
        let worth_it = self.take_weights();
        let may_move = self.left_to_move > 0 && self.may_move(now_ns);
        let changed = (worth_it || self.stale || may_move) && self.build(seed, now_ns);
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
            // 0 would reclaim translations as they are made.
            idle_s: u32::try_from(self.spec.idle.as_secs().max(1)).unwrap_or(u32::MAX),
            quic_lb: self.spec.quic_lb.map_or(0, |quic_lb| {
                quic::routing(quic_lb.config_id, quic_lb.server_id_len)
            }),
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
    let flag = |set, bit| if set { bit } else { 0 };
    let (allow, deny) = (&spec.sources.allow, &spec.sources.deny);
    track
        | affinity
        | flag(spec.quic, QUIC)
        | flag(!allow.is_empty() || !deny.is_empty(), SOURCE_RULES)
        | flag(!allow.is_empty(), ALLOW_LISTED)
}
