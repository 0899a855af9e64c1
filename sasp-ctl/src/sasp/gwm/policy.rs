//! What the operator wants of a GWM, as data: who may speak, what members weigh, how much is too much.
//!
//! A policy is replaced as a whole ([`super::Gwm::set_policy`]); where it comes from (a file, probes of servers) is
//! not known here.

use std::collections::BTreeMap;
use std::time::Duration;

use super::connection::Connection;
use super::identity::{MemberRule, PeerRule};
use super::refusal::Refusal;
use super::weights::Weights;
use crate::sasp::code::LB_UID_MAX;
use crate::sasp::msg::Name;

/// Everything that an operator decides.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Policy {
    /// Time between two Send Weights, and what Get Weights replies suggest for polling.
    pub interval: Duration,
    /// How long a balancer's groups outlive its connection (RFC 4678 section 9.1).
    pub grace: Duration,
    /// Who may speak for which LB UID.
    pub admission: Admission,
    /// A member may only speak for members that have its own address, by its connection or by its certificate.
    pub members_speak_for_themselves: bool,
    /// If there are any, members are spoken for by these peers only.
    pub member_rules: Vec<MemberRule>,
    /// What members weigh.
    pub weights: Weights,
    /// How much is too much.
    pub limits: Limits,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(10),
            grace: Duration::from_secs(120),
            admission: Admission::Open,
            members_speak_for_themselves: false,
            member_rules: Vec::new(),
            weights: Weights::default(),
            limits: Limits::default(),
        }
    }
}

impl Policy {
    /// The interval as Get Weights replies carry it: whole seconds, and never the 0 that says nothing.
    pub fn interval_seconds(&self) -> u16 {
        let rounded_up = self.interval.as_millis().div_ceil(1000).max(1);
        u16::try_from(rounded_up).unwrap_or(u16::MAX)
    }
}

/// Who may speak for which LB UID.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Admission {
    /// Anybody for any.
    Open,
    /// Only these UIDs exist, each with what its balancer must have.
    Listed(BTreeMap<Name, PeerRule>),
}

impl Admission {
    /// May a message from anyone name this UID?
    pub(super) fn admits_uid(&self, uid: &Name) -> Result<(), Refusal> {
        let admitted = match self {
            Self::Open => true,
            Self::Listed(balancers) => balancers.contains_key(uid),
        };
        Refusal::UnlistedBalancer.unless(admitted)
    }

    /// May the balancer of this UID speak on this connection?
    pub(super) fn admits_balancer(
        &self,
        uid: &Name,
        connection: &Connection,
    ) -> Result<(), Refusal> {
        let Self::Listed(balancers) = self else {
            return Ok(());
        };
        let Some(rule) = balancers.get(uid) else {
            return Err(Refusal::UnlistedBalancer);
        };
        rule.admits(connection.peer.ip(), connection.identity.as_ref())
    }
}

/// How much is too much. What exceeds a limit is refused or disconnected, never queued.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Open connections of balancers and members together.
    pub connections: usize,
    /// LB UIDs with state. Those without a connection give way to new ones.
    pub balancers: usize,
    /// Groups of one balancer.
    pub groups: usize,
    /// Members of all groups of one balancer.
    pub members: usize,
    /// Members of all balancers.
    pub members_total: usize,
    /// Bytes of one balancer's own Get Weights reply for all groups.
    pub reply_bytes: usize,
    /// Bytes of an LB UID.
    pub uid_bytes: usize,
    /// How long a connection may stay silent before its first message.
    pub first_message: Duration,
    /// How long a connection that speaks for no balancer may stay silent after that.
    pub idle: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 2048,
            // Those that have gone count for the grace time, or until others need their place.
            balancers: 1024,
            groups: 4096,
            // What `reply_bytes` has room for.
            members: 524_288,
            members_total: 1_000_000,
            // What our own balancer accepts in one message.
            reply_bytes: 16 << 20,
            uid_bytes: LB_UID_MAX,
            first_message: Duration::from_secs(30),
            idle: Duration::from_secs(300),
        }
    }
}
