//! Members that have registered themselves: they come when the GWM speaks of them, and go when it no longer does. That
//! nobody hears the GWM is no reason to go.

use std::collections::{BTreeMap, BTreeSet};

use super::Balancer;
use super::batch::Batch;
use super::member::Member;
use super::service::Service;
use super::vip;
use crate::balance::change::Change;
use crate::balance::inputs::{Freshness, GroupInput, Inputs};
use crate::balance::self_registered::{MOST, STATIC_WEIGHT, TurnedAway, judge, registered_itself};
use crate::balance::spec::ServiceSpec;
use crate::sasp::msg::MemberKey;

/// So many of those that were turned away are told by name.
const TOLD: usize = 32;

/// Members that were not taken in.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Refused {
    /// The first of them, in order.
    pub(super) members: Vec<(MemberKey, TurnedAway)>,
    /// All of them.
    pub(super) total: usize,
}

impl Refused {
    fn add(&mut self, key: MemberKey, why: TurnedAway) {
        self.total += 1;
        if self.members.len() < TOLD {
            self.members.push((key, why));
        }
    }
}

impl Balancer {
    /// Members of a config come before those that have registered themselves: `surplus` of the latter make room.
    pub(super) fn make_room(
        &mut self,
        specs: &[ServiceSpec],
        mut surplus: usize,
        now_ns: u64,
    ) -> Vec<Change> {
        let mut batch = Batch::default();
        for spec in specs.iter().rev() {
            let Some(service) = self.services.get_mut(&vip(spec)) else {
                continue;
            };
            let evicted = service.evict(spec, surplus);
            surplus -= evicted;
            if evicted > 0 {
                let inputs = self.inputs.as_ref();
                let freed = service.refresh(inputs, self.seed, now_ns, &mut batch);
                super::give_back(&mut self.indices, freed);
            }
        }
        batch.into_changes()
    }

    /// Members that have registered themselves give way to a new config that has their address as a VIP, or wants their
    /// replies for another one.
    pub(super) fn give_way(&mut self) {
        let mut claims = self.claims_of_config();
        for service in self.services.values_mut() {
            let spec = &service.spec;
            let (stay, go): (Vec<_>, Vec<_>) = std::mem::take(&mut service.members)
                .into_iter()
                .partition(|member| {
                    !member.self_registered || claims.claim(spec, &member.key).is_ok()
                });
            service.members = stay;
            service.stale |= !go.is_empty();
            service.gone.extend(go.iter().map(|member| member.index));
        }
    }
}

impl Service {
    /// Members that a new config would not miss.
    pub(super) fn evictable(&self, spec: &ServiceSpec) -> usize {
        let members = self.members.iter();
        members.filter(|member| is_evictable(member, spec)).count()
    }

    /// Takes up to `surplus` of these out, the last first; says how many. The others get their static weights, which
    /// adopted ones do not have yet.
    fn evict(&mut self, spec: &ServiceSpec, surplus: usize) -> usize {
        for wanted in &spec.members {
            let mut members = self.members.iter_mut();
            if let Some(member) = members.find(|member| member.key == wanted.key) {
                member.static_weight = wanted.weight;
            }
        }
        let mut evicted = 0;
        let members = std::mem::take(&mut self.members);
        for member in members.into_iter().rev() {
            if evicted < surplus && is_evictable(&member, spec) {
                evicted += 1;
                self.gone.push(member.index);
            } else {
                self.members.push(member);
            }
        }
        self.members.reverse();
        self.stale |= evicted > 0;
        evicted
    }

    /// The members among the `former` ones that have registered themselves and may stay under a new config.
    pub(super) fn keep_registered(
        &mut self,
        former: &mut BTreeMap<MemberKey, Member>,
        spec: &ServiceSpec,
    ) {
        let stay = former.extract_if(.., |key, member| {
            let registered = member.word.as_ref().is_some_and(registered_itself);
            (member.self_registered || registered) && judge(spec, key).is_ok()
        });
        for (_, mut member) in stay {
            member.self_registered = true;
            member.static_weight = STATIC_WEIGHT;
            member.forward = spec.forward;
            member.server_id = None;
            self.members.push(member);
        }
    }

    /// Takes members in that have registered themselves, and lets those go that no longer are. `enlist` makes a member
    /// of one, unless there is no room or its replies are another service's.
    pub(super) fn follow_registrations(
        &mut self,
        inputs: Option<&Inputs>,
        enlist: impl FnMut(&ServiceSpec, &MemberKey) -> Result<Member, TurnedAway>,
    ) {
        self.refused = Refused::default();
        let input = inputs.and_then(|inputs| inputs.groups.get(&self.spec.group));
        let Some(input) = input.filter(|input| input.freshness == Freshness::Live) else {
            return;
        };
        if !input.converging {
            self.let_go(input);
        }
        if !self.spec.self_registered.is_empty() {
            self.admit(input, enlist);
        }
    }

    fn let_go(&mut self, input: &GroupInput) {
        let gone = &mut self.gone;
        let before = self.members.len();
        self.members.retain(|member| {
            let word = input.members.get(&member.key);
            let stays = !member.self_registered || word.is_some_and(registered_itself);
            if !stays {
                gone.push(member.index);
            }
            stays
        });
        self.stale |= self.members.len() < before;
    }

    fn admit(
        &mut self,
        input: &GroupInput,
        mut enlist: impl FnMut(&ServiceSpec, &MemberKey) -> Result<Member, TurnedAway>,
    ) {
        let known: BTreeSet<MemberKey> = self.members.iter().map(|member| member.key).collect();
        let members = self.members.iter();
        let mut registered = members.filter(|member| member.self_registered).count();
        let of_config = self.members.len() - registered;
        for (key, word) in &input.members {
            if !registered_itself(word) || known.contains(key) {
                continue;
            }
            let judged = judge(&self.spec, key).and_then(|()| match registered < MOST {
                true => enlist(&self.spec, key),
                false => Err(TurnedAway::TooMany),
            });
            match judged {
                Ok(mut member) => {
                    member.self_registered = true;
                    member.static_weight = STATIC_WEIGHT;
                    self.members.push(member);
                    registered += 1;
                }
                Err(why) => self.refused.add(*key, why),
            }
        }
        self.members[of_config..].sort_unstable_by_key(|member| member.key);
    }
}

fn is_evictable(member: &Member, spec: &ServiceSpec) -> bool {
    let wanted = |key: &MemberKey| spec.members.iter().any(|member| member.key == *key);
    member.self_registered && !wanted(&member.key)
}
