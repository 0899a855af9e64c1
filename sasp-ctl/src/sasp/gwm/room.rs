//! The limit of balancers: who gives way when it is reached.
//!
//! Whoever connects often enough under ever new LB UIDs would otherwise keep newcomers out for the grace time.

use super::balancer::Link;
use super::{Event, Gwm};
use crate::sasp::msg::Name;

impl Gwm {
    /// True if state for one more LB UID may be made, be it in place of a balancer that is not connected.
    pub(super) fn has_room_for(&self, uid: &Name) -> bool {
        let limit = self.policy.limits.balancers;
        let is_connected = |link: Link| matches!(link, Link::Up(_));
        self.balancers.contains_key(uid)
            || self.balancers.len() < limit
            || self
                .balancers
                .values()
                .filter(|balancer| is_connected(balancer.link))
                .count()
                < limit
    }

    /// Forgets as many disconnected balancers as stand in the way of a new one with this LB UID.
    pub(super) fn make_room_for(&mut self, uid: &Name) {
        if self.balancers.contains_key(uid) {
            return;
        }
        // More than one only if a reload has lowered the limit.
        while self.balancers.len() >= self.policy.limits.balancers {
            if !self.discard_one() {
                return;
            }
        }
    }

    /// Forgets the balancer that has been disconnected longest; one with members only if all have some, because
    /// without members there is nothing to come back for. False if all are connected.
    fn discard_one(&mut self) -> bool {
        let disconnected = self.balancers.iter().filter_map(|(uid, b)| match b.link {
            Link::Lost { since, peer } => Some((b.members(), since, peer, uid)),
            Link::Up(_) => None,
        });
        let first = disconnected.min_by_key(|(members, since, ..)| (*members > 0, *since));
        let Some((members, _, peer, uid)) = first else {
            return false;
        };
        let uid = uid.clone();
        self.balancers.remove(&uid);
        self.events
            .push_back(Event::BalancerDiscarded { uid, peer, members });
        true
    }
}
