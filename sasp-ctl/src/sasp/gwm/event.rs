//! What happened, for logs. No event asks its reader to do anything.

use std::net::SocketAddr;

use super::connection::CloseReason;
use super::member::Speaker;
use super::refusal::Refusal;
use crate::sasp::code::{Reason, Type};
use crate::sasp::codec::Cause;
use crate::sasp::msg::Name;

/// Something worth a line in the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// A connection speaks for a balancer from now on.
    BalancerConnected {
        /// Its LB UID.
        uid: Name,
        /// Where it connects from.
        peer: SocketAddr,
        /// Members that the GWM remembered from an earlier connection.
        remembered_members: usize,
    },
    /// A balancer's connection gave way to a newer one with the same LB UID.
    BalancerReplaced {
        /// Its LB UID.
        uid: Name,
        /// The connection that was closed.
        old: SocketAddr,
        /// The connection that speaks now.
        new: SocketAddr,
    },
    /// A balancer's connection ended; its groups stay for the grace time.
    BalancerLost {
        /// Its LB UID.
        uid: Name,
        /// Where it was connected from.
        peer: SocketAddr,
        /// Members that stay.
        members: usize,
    },
    /// A balancer did not come back within the grace time and is forgotten.
    GraceExpired {
        /// Its LB UID.
        uid: Name,
        /// Where it was connected from.
        peer: SocketAddr,
        /// Members that are forgotten with it.
        members: usize,
    },
    /// A balancer without a connection was forgotten before its grace time ended, to make room for another.
    BalancerDiscarded {
        /// Its LB UID.
        uid: Name,
        /// Where it was connected from.
        peer: SocketAddr,
        /// Members that are forgotten with it.
        members: usize,
    },
    /// A balancer said how it is and what it wants, and that is new.
    BalancerState {
        /// Its LB UID.
        uid: Name,
        /// Where it is connected from.
        peer: SocketAddr,
        /// 0 to 127.
        health: u8,
        /// Send weights unasked.
        push: bool,
        /// Take messages of members.
        trust: bool,
        /// Leave out what has not changed.
        no_change: bool,
    },
    /// Members were registered.
    Registered {
        /// LB UID.
        uid: Name,
        /// Where the message came from.
        peer: SocketAddr,
        /// How many.
        members: usize,
        /// How many of them no rule gives a weight.
        unmatched: usize,
        /// By whom.
        by: Speaker,
    },
    /// Members were deregistered.
    Deregistered {
        /// LB UID.
        uid: Name,
        /// Where the message came from.
        peer: SocketAddr,
        /// How many.
        members: usize,
        /// As given by the sender.
        reason: Reason,
        /// By whom.
        by: Speaker,
    },
    /// Members' states were set and show in their weight entries.
    MemberStates {
        /// LB UID.
        uid: Name,
        /// Where the message came from.
        peer: SocketAddr,
        /// How many changed.
        members: usize,
        /// By whom.
        by: Speaker,
    },
    /// A request was refused: reported once per cause and connection.
    Refused {
        /// The balancer that the connection speaks for.
        uid: Option<Name>,
        /// The sender.
        peer: SocketAddr,
        /// The request.
        kind: Type,
        /// Why.
        refusal: Refusal,
        /// What was wrong with its bytes.
        cause: Option<Cause>,
    },
    /// The GWM ended a connection.
    Closed {
        /// The balancer that it spoke for.
        uid: Option<Name>,
        /// The other end.
        peer: SocketAddr,
        /// Why.
        reason: CloseReason,
        /// What was wrong with its bytes.
        cause: Option<Cause>,
    },
}
