//! Set Load Balancer State (RFC 4678 section 7.6).

use std::iter;
use std::time::Instant;

use super::balancer::Wishes;
use super::check::names_are_text;
use super::connection::ConnectionId;
use super::member::Speaker;
use super::refusal::Refusal;
use super::{Event, Gwm};
use crate::sasp::msg::SetLbStateRequest;

impl Gwm {
    pub(super) fn set_lb_state(
        &mut self,
        id: ConnectionId,
        request: &SetLbStateRequest,
        now: Instant,
    ) -> Result<(), Refusal> {
        let uid = &request.lb_uid;
        names_are_text(iter::once(uid))?;
        self.uids_fit(iter::once(uid))?;
        self.may_speak(id, Speaker::Balancer, iter::once(uid))?;
        Refusal::NoRoomForBalancer.unless(self.has_room_for(uid))?;

        self.bind(id, uid, now);
        let (Some(balancer), Some(connection)) =
            (self.balancers.get_mut(uid), self.connections.get(&id))
        else {
            return Ok(());
        };
        let peer = connection.peer;
        let wishes = Wishes::new(request.flags);
        if wishes.push() && !balancer.wishes.push() {
            balancer.unpushed = true;
        }
        if (balancer.wishes, balancer.health) != (wishes, request.health) {
            balancer.wishes = wishes;
            balancer.health = request.health;
            self.events.push_back(Event::BalancerState {
                uid: uid.clone(),
                peer,
                health: request.health,
                push: wishes.push(),
                trust: wishes.trust(),
                no_change: wishes.no_change(),
            });
        }
        self.wake_for_push(uid);
        Ok(())
    }
}
