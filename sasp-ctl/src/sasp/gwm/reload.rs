//! A new policy takes the place of the old one while balancers are connected.

use std::time::Instant;

use super::balancer::Link;
use super::connection::{CloseReason, ConnectionId};
use super::{Gwm, Policy, WeightChange};
use crate::sasp::msg::Name;

/// What a new policy changed for those who are here.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Reassessed {
    /// Members whose weight entry differs.
    pub members: usize,
    /// Balancers that have such members.
    pub balancers: usize,
}

impl Gwm {
    /// Replaces the policy. Weights that changed are pushed at once; balancers that are not admitted any more are
    /// disconnected; limits hold for what comes, not for what is there.
    pub fn set_policy(&mut self, policy: Policy, now: Instant) -> Reassessed {
        self.policy = policy;
        self.close_unadmitted(now);
        let mut total = Reassessed::default();
        let mut changed: Vec<Name> = Vec::new();
        for (uid, balancer) in &mut self.balancers {
            let weights = &self.policy.weights;
            let members = balancer.reassess(|group, key| weights.assess(uid, group, key));
            if members > 0 {
                total.members += members;
                total.balancers += 1;
                changed.push(uid.clone());
            }
        }
        for uid in changed {
            self.wake_for_push(&uid);
        }
        let next_push = now + self.policy.interval;
        for connection in self.connections.values_mut() {
            connection.push_at = connection.push_at.min(next_push);
        }
        total
    }

    /// Says something else of some members than before, and pushes at once what shows.
    pub fn update_weights(&mut self, changes: &[WeightChange]) -> Reassessed {
        let mut total = Reassessed::default();
        for change in changes {
            self.policy.weights.apply(change);
        }
        let weights = &self.policy.weights;
        let mut changed: Vec<Name> = Vec::new();
        for (uid, balancer) in &mut self.balancers {
            let concerns =
                |change: &&WeightChange| change.balancer.as_ref().is_none_or(|only| only == uid);
            let members = changes
                .iter()
                .filter(concerns)
                .filter(|change| {
                    let assessment = weights.assess(uid, &change.group, &change.member);
                    balancer.change(&change.group, &change.member, |member| {
                        member.assessment = assessment;
                    })
                })
                .count();
            if members > 0 {
                total.members += members;
                total.balancers += 1;
                changed.push(uid.clone());
            }
        }
        for uid in changed {
            self.wake_for_push(&uid);
        }
        total
    }

    fn close_unadmitted(&mut self, now: Instant) {
        let unadmitted: Vec<ConnectionId> = self
            .balancers
            .iter()
            .filter_map(|(uid, balancer)| match balancer.link {
                Link::Up(id) => {
                    let connection = self.connections.get(&id)?;
                    let admitted = self.policy.admission.admits_balancer(uid, connection);
                    admitted.is_err().then_some(id)
                }
                Link::Lost { .. } => None,
            })
            .collect();
        for id in unadmitted {
            self.close(id, CloseReason::NotAdmitted, None, now);
        }
    }
}
