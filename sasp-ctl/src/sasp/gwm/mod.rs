//! A Group Workload Manager, sans-io: every request of RFC 4678 with the codes and the order of checks that
//! `refusal` lists, groups that survive a lost connection for the grace time, and pushed weights.
//!
//! It knows no sockets, clocks, files or ways to find out what a server is worth: [`Policy`] says what members
//! weigh. A driver follows one rule: before it hands in a connection's next request, it has sent what
//! [`Gwm::poll_transmit`] had for that connection. Pushes are made when they are taken out, so a slow reader gets
//! the latest state late, never a queue of old ones.
//!
//! # Layout
//! * [`Policy`], [`Weights`]: what the operator wants. [`Refusal`]: every reason to say no.
//! * `dispatch`: one request in, one reply out. `admission`: who may speak for which LB UID. `room`: at the
//!   limit of balancers. `check`: shared checks.
//! * `registration`, `deregistration`, `get_weights`, `lb_state`, `member_state`: one file per request;
//!   each checks everything first and then changes everything, so a refused request changes nothing.
//! * `push`: Send Weights. `timers`: grace, silence, intervals. `reload`: a new policy.
//! * `balancer`, `member`, `connection`: the state. [`Identity`]: who a peer's certificate says it is.

mod admission;
mod balancer;
mod check;
mod connection;
mod counters;
mod deregistration;
mod dispatch;
mod event;
mod get_weights;
mod identity;
mod lb_state;
mod member;
mod member_state;
mod policy;
mod push;
mod refusal;
mod registration;
mod reload;
mod room;
mod timers;
mod weights;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::time::Instant;

use balancer::{Balancer, Link};
use connection::Connection;

use super::codec::Cause;
use super::frame::FrameError;
use super::msg::{MemberKey, Name};

pub use connection::{CloseReason, ConnectionId};
pub use counters::Counters;
pub use event::Event;
pub use identity::{Identity, MemberRule, PeerRule};
pub use member::Speaker;
pub use policy::{Admission, Limits, Policy};
pub use refusal::Refusal;
pub use reload::Reassessed;
pub use weights::{Assessment, Conflict, WeightChange, Weights};

/// The state of a GWM.
#[derive(Debug)]
pub struct Gwm {
    policy: Policy,
    balancers: BTreeMap<Name, Balancer>,
    connections: BTreeMap<ConnectionId, Connection>,
    counters: Counters,
    events: VecDeque<Event>,
    /// Connections that may have something to send.
    ready: BTreeSet<ConnectionId>,
    closing: VecDeque<(ConnectionId, CloseReason)>,
}

impl Gwm {
    /// A GWM that nobody has spoken to.
    pub fn new(policy: Policy) -> Self {
        Self {
            policy,
            balancers: BTreeMap::new(),
            connections: BTreeMap::new(),
            counters: Counters::default(),
            events: VecDeque::new(),
            ready: BTreeSet::new(),
            closing: VecDeque::new(),
        }
    }

    /// A peer has connected. At the limit of connections, the one that has been silent longest among those that
    /// speak for no balancer gives way; if there is none, the new one does.
    pub fn handle_connect(&mut self, id: ConnectionId, peer: SocketAddr, now: Instant) {
        self.counters.opened += 1;
        let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
        if self.connections.len() >= self.policy.limits.connections {
            let unbound = self.connections.iter().filter(|(_, c)| c.bound.is_none());
            let Some((&idlest, _)) = unbound.min_by_key(|(_, c)| c.heard) else {
                self.counters.count_close(CloseReason::TooManyConnections);
                self.closing
                    .push_back((id, CloseReason::TooManyConnections));
                return;
            };
            self.close(idlest, CloseReason::TooManyConnections, None, now);
        }
        self.connections.insert(id, Connection::new(peer, now));
    }

    /// A connection's peer has proved who it is. To be told before its first message, if ever.
    pub fn handle_identity(&mut self, id: ConnectionId, identity: Identity) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.identity = Some(identity);
        }
    }

    /// The connection is gone, whoever ended it. Unknown ones, such as those that the GWM closed, are ignored.
    pub fn handle_disconnect(&mut self, id: ConnectionId, now: Instant) {
        if let Some(connection) = self.connections.remove(&id) {
            self.ready.remove(&id);
            self.release(id, connection, now);
        }
    }

    /// The peer's bytes cannot be cut into messages any more: the connection is closed (RFC 4678 section 9.2).
    pub fn handle_framing_lost(&mut self, id: ConnectionId, error: FrameError, now: Instant) {
        self.close(id, CloseReason::FramingLost, Some(error.into()), now);
    }

    /// A connection for which [`Gwm::poll_transmit`] may have something; each once until it has something again.
    pub fn poll_ready(&mut self) -> Option<ConnectionId> {
        self.ready.pop_first()
    }

    /// A connection that must be closed. It is forgotten already, and nothing more will be sent on it.
    pub fn poll_close(&mut self) -> Option<(ConnectionId, CloseReason)> {
        self.closing.pop_front()
    }

    /// The next thing to log. To be drained after every other call.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// What was counted since the start.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Every registered member, with the balancer and the group that it is registered in.
    pub fn registered(&self) -> impl Iterator<Item = (&Name, &Name, &MemberKey)> {
        self.balancers.iter().flat_map(|(uid, balancer)| {
            let groups = balancer.groups().iter();
            groups
                .flat_map(move |(group, members)| members.keys().map(move |key| (uid, group, key)))
        })
    }

    /// The policy in force.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    fn close(&mut self, id: ConnectionId, reason: CloseReason, cause: Option<Cause>, now: Instant) {
        let Some(connection) = self.connections.remove(&id) else {
            return;
        };
        self.ready.remove(&id);
        self.counters.count_close(reason);
        self.closing.push_back((id, reason));
        self.events.push_back(Event::Closed {
            uid: connection.bound.clone(),
            peer: connection.peer,
            reason,
            cause,
        });
        self.release(id, connection, now);
    }

    /// Starts the grace time of the balancer that spoke on `id`, unless a newer connection speaks for it.
    fn release(&mut self, id: ConnectionId, connection: Connection, now: Instant) {
        let Connection {
            peer,
            bound: Some(uid),
            ..
        } = connection
        else {
            return;
        };
        if let Some(balancer) = self.balancers.get_mut(&uid)
            && balancer.link == Link::Up(id)
        {
            balancer.link = Link::Lost { since: now, peer };
            self.events.push_back(Event::BalancerLost {
                uid,
                peer,
                members: balancer.members(),
            });
        }
    }
}
