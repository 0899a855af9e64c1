//! From what is heard to the weights that count, and from these to the table: words → rules → slow start → dead-band →
//! table → move limit.

use std::collections::BTreeMap;

use sasp_xdp_common::abi::backend::Index;

use super::member::Member;
use super::service::Service;
use crate::balance::dead_band;
use crate::balance::effective::effective;
use crate::balance::hear::{Listener, hear};
use crate::balance::inputs::{Freshness, GroupInput, Inputs};
use crate::balance::maglev::{self, Weighted};
use crate::balance::move_limit;
use crate::balance::slow_start::{Ramping, ramped};
use crate::balance::spec::Track;

/// What a group's input is before the daemon has said anything: the last words stand.
const NOT_YET: GroupInput = GroupInput {
    freshness: Freshness::Held,
    converging: false,
    members: BTreeMap::new(),
};

impl Service {
    /// Hears what counts of what is said.
    pub(super) fn take_in(&mut self, inputs: Option<&Inputs>) {
        for member in &mut self.members {
            let told = inputs.and_then(|inputs| inputs.next_hops.get(&member.key.address));
            member.follow(told);
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
                available: member.way.is_ok() && !member.quiesced,
            })
            .collect();
        let (source, words) = hear(group, &listeners);
        self.source = source;
        for (member, word) in self.members.iter_mut().zip(words) {
            member.word = word;
        }
    }

    /// Makes weights of it.
    pub(super) fn weigh(&mut self, now_ns: u64) {
        let candidates: Vec<_> = self.members.iter().map(Member::candidate).collect();
        let (all_zero, on_down) = (self.spec.all_zero, self.spec.on_down);
        let outcomes = effective(self.source, all_zero, on_down, &candidates);
        let slow_start = self.spec.slow_start;
        for (member, outcome) in self.members.iter_mut().zip(outcomes) {
            member.outcome = outcome;
            member.ramp = member.ramp.at(outcome.weight > 0, slow_start, now_ns);
            member.steps = member.ramp.steps(slow_start, now_ns);
        }
        let ramping: Vec<Ramping> = self
            .members
            .iter()
            .map(|member| Ramping {
                weight: member.outcome.weight,
                steps: member.steps,
            })
            .collect();
        for (member, weight) in self.members.iter_mut().zip(ramped(&ramping)) {
            member.ramped_weight = weight;
        }
    }

    /// Lets the table be made of these weights if they are worth it; true if that makes it another one.
    ///
    /// They are compared with those that the table is made of, not with the last ones: weights that creep leave the
    /// band at some time. A slow start is no noise: each of its steps counts.
    pub(super) fn take_weights(&mut self) -> bool {
        let (in_force, wanted) = (self.table_weights(), self.ramped_weights());
        let stepped = self
            .members
            .iter()
            .any(|member| member.ramped_weight > 0 && member.steps != member.table_steps);
        let same = dead_band::within(&in_force, &wanted, 0);
        if !same && !stepped && dead_band::within(&in_force, &wanted, self.spec.dead_band_permille)
        {
            return false;
        }
        for member in &mut self.members {
            member.table_weight = member.ramped_weight;
            member.table_steps = member.steps;
        }
        !same
    }

    /// The weights that the table is made of.
    pub(super) fn table_weights(&self) -> Vec<u32> {
        let members = self.members.iter();
        members.map(|member| member.table_weight).collect()
    }

    /// The weights that count now.
    pub(super) fn ramped_weights(&self) -> Vec<u32> {
        let members = self.members.iter();
        members.map(|member| member.ramped_weight).collect()
    }

    /// Whether the move limit lets slots move.
    pub(super) fn may_move(&self, now_ns: u64) -> bool {
        let limit = self.spec.move_limit.as_ref();
        limit.is_none_or(|limit| self.budget.left(limit, now_ns) > 0)
    }

    /// When something is to change without anybody saying anything.
    pub(super) fn deadline(&self) -> Option<u64> {
        let length = self.spec.slow_start;
        let step = |member: &Member| member.ramp.next_step_ns(length, member.steps);
        let ramp = self.members.iter().filter_map(step).min();
        let limit = self.spec.move_limit.filter(|_| self.left_to_move > 0);
        let moves = limit.map(|limit| self.budget.whole_ns(&limit));
        ramp.into_iter().chain(moves).min()
    }

    /// Makes the table of its weights, or goes towards it as far as the move limit allows; true if it has changed.
    pub(super) fn build(&mut self, seed: u64, now_ns: u64) -> bool {
        let weighted: Vec<Weighted> = self
            .members
            .iter()
            .map(|member| Weighted {
                key: member.key,
                index: member.index,
                weight: member.table_weight,
            })
            .collect();
        let wanted = maglev::owners(&weighted, seed);
        self.set_goals(&wanted);
        let owners = self.limit(wanted, now_ns);
        let exists = self.mark(|_| true);
        let track = self.spec.track != Track::Never;
        let exists = |index: Index| exists[usize::from(index)];
        self.slots.set_owners(&owners, exists, track, now_ns)
    }

    fn set_goals(&mut self, wanted: &[Index]) {
        let mut goals = vec![0; usize::from(Index::MAX) + 1];
        for &owner in wanted {
            goals[usize::from(owner)] += 1;
        }
        for member in &mut self.members {
            member.goal_slots = goals[usize::from(member.index)];
        }
    }

    /// What the move limit lets through of a table.
    fn limit(&mut self, wanted: Vec<Index>, now_ns: u64) -> Vec<Index> {
        self.left_to_move = 0;
        let Some(limit) = self.spec.move_limit else {
            return wanted;
        };
        let present: Vec<Index> = self.slots.table().iter().map(|slot| slot.cur()).collect();
        let gets_flows = self.mark(|member| member.table_weight > 0);
        let gets_flows = |index: Index| gets_flows[usize::from(index)];
        let budget = self.budget.left(&limit, now_ns);
        let step = move_limit::step(&present, &wanted, gets_flows, budget);
        self.budget.spend(step.moved, &limit, now_ns);
        self.left_to_move = step.left;
        step.owners
    }

    /// The backends of some members, by index.
    fn mark(&self, which: impl Fn(&Member) -> bool) -> Vec<bool> {
        let mut marked = vec![false; usize::from(Index::MAX) + 1];
        for member in self.members.iter().filter(|member| which(member)) {
            marked[usize::from(member.index)] = true;
        }
        marked
    }
}
