//! When nothing goes wrong any more: in bounded time everybody agrees, and then there is nothing but polls and pushes.

use std::{collections::BTreeMap, time::Duration};

use proptest::{collection::vec, prelude::*, strategy::ValueTree as _};

use super::{
    Balancer, Network,
    balancer::Belief,
    faults::{Fault, desired, fault, policy},
};
use crate::sasp::{
    client::{Desired, MemberWeight, State},
    code::weight_flags,
    gwm::Policy,
    msg::WeightEntry,
};

/// The longest chain: a torn connection shows at the next poll (a minute) by a timeout (100 s), and the wait before
/// the next attempt may be the longest (300 s), twice if the attempt fails for what is only just over.
const AGREED_WITHIN: Duration = Duration::from_secs(900);
const HOUR: Duration = Duration::from_secs(3600);
/// Steps of one balancer and its GWM: at the shortest interval of a second, a push and a poll with its reply, each
/// made, sent, carried in a few pieces and taken.
const STEPS_PER_HOUR: u64 = 3600 * 3 * 12;

impl Network {
    /// Ends all that is wrong.
    fn make_peace(&mut self) {
        while !self.twins.is_empty() {
            self.happen(super::Later::TwinLeaves);
        }
        self.later
            .retain(|(_, what)| matches!(what, super::Later::Notice(..)));
        for manager in &mut self.managers {
            (manager.is_up, manager.silent_until) = (true, self.now);
        }
        for balancer in &mut self.balancers {
            balancer.stalled_until = self.now;
        }
    }

    fn assert_agreement(&self) {
        for balancer in &self.balancers {
            let snapshot = balancer.snapshot();
            assert_eq!(
                snapshot.state,
                State::Active,
                "{}: {snapshot:?}",
                balancer.uid
            );
            let counters = &snapshot.counters;
            let odd = (
                counters.unknown_ids,
                counters.wrong_types,
                counters.unexpected,
            );
            assert_eq!(odd, (0, 0, 0), "{}: {counters:?}", balancer.uid);
            assert_eq!((counters.undecodable, counters.foreign_groups), (0, 0));
            self.assert_registered(balancer);
            self.assert_believed(balancer);
        }
    }

    /// The GWM has what is wanted, and of ours nothing else.
    fn assert_registered(&self, balancer: &Balancer) {
        let Balancer { uid, desired, .. } = balancer;
        let held = self.managers[balancer.gwm].gwm.held(uid);
        for (group, members) in &desired.groups {
            for (key, member) in members {
                let held = held.get(&(group.clone(), *key));
                let held = held.unwrap_or_else(|| panic!("{uid}: {group} {key} is missing"));
                assert_eq!(
                    held.quiesced_by_balancer, member.quiesced,
                    "{uid}: {group} {key}: quiesced"
                );
            }
        }
        for ((group, key), held) in &held {
            let is_wanted = || {
                desired
                    .groups
                    .get(group)
                    .is_some_and(|members| members.contains_key(key))
            };
            let by_lb = held.entry.flags & weight_flags::REGISTERED_BY_LB != 0;
            assert!(!by_lb || is_wanted(), "{uid}: {group} {key} is too much");
        }
    }

    /// What the balancer last said to its owner is what the GWM says now.
    fn assert_believed(&self, balancer: &Balancer) {
        let Balancer { uid, desired, .. } = balancer;
        let mut truth: BTreeMap<_, Belief> = desired
            .groups
            .keys()
            .map(|group| (group.clone(), Belief::default()))
            .collect();
        for ((group, key), held) in self.managers[balancer.gwm].gwm.held(uid) {
            let (Some(truth), Some(wanted)) = (truth.get_mut(&group), desired.groups.get(&group))
            else {
                continue;
            };
            let side = if wanted.contains_key(&key) {
                &mut truth.wanted
            } else {
                &mut truth.unknown
            };
            side.insert(key, weight(&held.entry));
        }
        for (group, truth) in truth {
            // Of a group without members nobody need have spoken.
            let believed = balancer.beliefs.get(&group).cloned().unwrap_or_default();
            assert_eq!(
                believed, truth,
                "{uid}: {group}, left: believed, right: true"
            );
        }
    }

    fn losses(&self) -> Vec<u64> {
        let losses = |balancer: &Balancer| balancer.snapshot().counters.losses;
        self.balancers.iter().map(losses).collect()
    }
}

fn weight(entry: &WeightEntry) -> MemberWeight {
    let is = |flag| entry.flags & flag != 0;
    MemberWeight {
        contact: is(weight_flags::CONTACT),
        quiesce: is(weight_flags::QUIESCE),
        confident: is(weight_flags::CONFIDENT),
        by_lb: is(weight_flags::REGISTERED_BY_LB),
        weight: entry.weight,
        state: entry.state,
    }
}

fn live_through(policies: Vec<Policy>, desired: Vec<Desired>, faults: Vec<Fault>, seed: u64) {
    let mut network = Network::new(policies, desired, seed);
    for fault in faults {
        network.suffer(fault);
    }
    network.make_peace();
    network.run(AGREED_WITHIN);
    network.assert_agreement();
    let (losses, steps) = (network.losses(), network.steps);
    network.run(HOUR);
    network.assert_agreement();
    assert_eq!(network.losses(), losses, "a connection was lost in peace");
    let most = STEPS_PER_HOUR * network.balancers.len() as u64;
    assert!(
        network.steps - steps < most,
        "{} steps in an hour",
        network.steps - steps
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn after_whatever_faults_everybody_agrees_again(
        policies in vec(policy(), 1..3),
        desired in vec(desired(), 1..4),
        faults in vec(fault(), 0..40),
        seed: u64,
    ) {
        live_through(policies, desired, faults, seed);
    }
}

#[test]
fn in_an_undisturbed_network_nothing_is_refused_and_nobody_reconnects() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut some = |seed| {
        let desired = vec(desired(), 3).new_tree(&mut runner).unwrap().current();
        let policies = vec(policy(), 2).new_tree(&mut runner).unwrap().current();
        Network::new(policies, desired, seed)
    };
    for seed in 0..10 {
        let mut network = some(seed);
        network.run(HOUR);
        network.assert_agreement();
        for balancer in &network.balancers {
            let counters = balancer.snapshot().counters;
            assert_eq!((counters.connects, counters.losses), (1, 0));
            let codes = counters.codes.values();
            assert!(
                codes
                    .clone()
                    .all(|codes| codes.keys().all(|code| code.0 == 0))
            );
        }
    }
}
