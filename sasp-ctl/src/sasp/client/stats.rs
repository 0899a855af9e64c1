//! Counters and the state of a session, for status and metrics.

use std::{collections::BTreeMap, time::Instant};

use serde::Serialize;

use super::event::State;
use crate::sasp::code::{Code, Type};

/// A session as it stands.
#[derive(Clone, Debug, Serialize)]
pub struct Snapshot {
    /// Where it stands.
    pub state: State,
    /// Since when.
    #[serde(skip)]
    pub since: Instant,
    /// When the next attempt to connect comes, in [`State::Backoff`] and [`State::Duplicate`].
    #[serde(skip)]
    pub retry_at: Option<Instant>,
    /// Another balancer seems to use our UID.
    pub duplicate_uid: bool,
    /// What last went wrong, in one line; stays when it is over.
    pub last_error: Option<String>,
    /// The GWM's interval in seconds, if it has told one.
    pub interval_seconds: Option<u16>,
    /// Groups that the GWM has of ours, as far as we know.
    pub registered_groups: usize,
    /// Members in them.
    pub registered_members: usize,
    /// What was counted since the session was made.
    pub counters: Counters,
}

/// Everything is counted since the session was made, over all connections.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// Connections that stood.
    pub connects: u64,
    /// Connections that were lost, and attempts that failed.
    pub losses: u64,
    /// Messages sent, by type.
    pub sent: BTreeMap<Type, u64>,
    /// Messages received and understood, by type.
    pub received: BTreeMap<Type, u64>,
    /// Replies by type and return code.
    pub codes: BTreeMap<Type, BTreeMap<Code, u64>>,
    /// Replies with the id of no request of ours; ignored.
    pub unknown_ids: u64,
    /// Replies of a type that does not belong to the request with their id; ignored.
    pub wrong_types: u64,
    /// Requests, which a GWM does not send; ignored.
    pub unexpected: u64,
    /// Messages that made no sense.
    pub undecodable: u64,
    /// Groups of another balancer in messages to us; ignored.
    pub foreign_groups: u64,
    /// Messages with IPv4 addresses in the form of RFC 4291's IPv4-mapped addresses; accepted.
    pub mapped_ipv4: u64,
}

impl Counters {
    pub(super) fn reply(&mut self, kind: Type, code: Code) {
        *self.codes.entry(kind).or_default().entry(code).or_default() += 1;
    }
}
