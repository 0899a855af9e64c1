//! What happens because time passes: grace times end, silent connections are closed, pushes fall due.

use std::net::SocketAddr;
use std::time::Instant;

use super::balancer::Link;
use super::connection::{CloseReason, Connection, ConnectionId};
use super::{Event, Gwm};
use crate::sasp::msg::Name;
use crate::sasp::saturate::Later as _;

impl Gwm {
    /// When [`Gwm::handle_timeout`] wants to be called next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let grace = self
            .balancers
            .values()
            .filter_map(|balancer| match balancer.link {
                Link::Lost { since, .. } => Some(since.later(self.policy.grace)),
                Link::Up(_) => None,
            });
        let silence = self.connections.values().filter_map(|c| self.silent_at(c));
        let pushes = self.connections.values().filter_map(|c| self.push_at(c));
        grace.chain(silence).chain(pushes).min()
    }

    /// Does what is due at `now`.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.expire_grace(now);
        self.close_silent(now);
        let due: Vec<ConnectionId> = self
            .connections
            .iter()
            .filter(|(_, connection)| self.push_at(connection).is_some_and(|at| at <= now))
            .map(|(id, _)| *id)
            .collect();
        for id in due {
            if let Some(connection) = self.connections.get_mut(&id) {
                connection.push_due = true;
                self.ready.insert(id);
            }
        }
    }

    fn expire_grace(&mut self, now: Instant) {
        let grace = self.policy.grace;
        let expired: Vec<(Name, SocketAddr)> = self
            .balancers
            .iter()
            .filter_map(|(uid, balancer)| match balancer.link {
                Link::Lost { since, peer } if since.later(grace) <= now => {
                    Some((uid.clone(), peer))
                }
                Link::Lost { .. } | Link::Up(_) => None,
            })
            .collect();
        for (uid, peer) in expired {
            if let Some(balancer) = self.balancers.remove(&uid) {
                self.events.push_back(Event::GraceExpired {
                    uid,
                    peer,
                    members: balancer.members(),
                });
            }
        }
    }

    fn close_silent(&mut self, now: Instant) {
        let silent: Vec<ConnectionId> = self
            .connections
            .iter()
            .filter(|(_, connection)| self.silent_at(connection).is_some_and(|at| at <= now))
            .map(|(id, _)| *id)
            .collect();
        for id in silent {
            self.close(id, CloseReason::Silent, None, now);
        }
    }

    /// When a connection counts as silent. A balancer never does: with Push it may have nothing to say for days.
    fn silent_at(&self, connection: &Connection) -> Option<Instant> {
        let limits = &self.policy.limits;
        match (&connection.bound, connection.has_spoken) {
            (Some(_), _) => None,
            (None, false) => Some(connection.heard.later(limits.first_message)),
            (None, true) => Some(connection.heard.later(limits.idle)),
        }
    }

    /// When the interval or news ask for a push; `None` while one that is due waits to be taken.
    fn push_at(&self, connection: &Connection) -> Option<Instant> {
        let balancer = self.balancers.get(connection.bound.as_ref()?)?;
        let at = match balancer.unpushed {
            true => connection.push_at.min(connection.push_after),
            false => connection.push_at,
        };
        (balancer.wishes.push() && !connection.push_due).then_some(at)
    }
}
