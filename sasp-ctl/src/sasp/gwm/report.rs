//! What a GWM knows, for people and for metrics. Field names are a contract: scripts read them.
//!
//! A report of everything may be long: whoever asks says how many rows it may have, and what does not fit is counted
//! instead. Durations are seconds before or after the moment of the report.

mod collect;

use std::net::SocketAddr;

use serde::Serialize;

use super::Counters;
use crate::sasp::msg::{MemberKey, Name};

/// What of a GWM to report.
#[derive(Clone, Debug)]
pub struct Scope {
    /// Only this balancer.
    pub uid: Option<Name>,
    /// Only groups of this name.
    pub group: Option<Name>,
    /// How many balancers, groups, members and connections without a balancer to list, all together.
    pub rows: usize,
}

impl Scope {
    /// All that there is.
    pub const EVERYTHING: Self = Self {
        uid: None,
        group: None,
        rows: usize::MAX,
    };
}

/// See the module.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Report {
    /// Of everything, whatever the scope.
    pub totals: Totals,
    /// Balancers in the scope, by LB UID.
    pub balancers: Vec<BalancerReport>,
    /// Connections that speak for no balancer (members, and those that have not said yet), the oldest first; only if
    /// the scope is not one balancer or group.
    pub connections: Vec<ConnectionReport>,
    /// What is in the scope and not listed, because the report would have too many rows.
    pub left_out: LeftOut,
    /// Since the start.
    pub counters: Counters,
}

/// How many there are.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug, Serialize)]
pub struct Totals {
    /// Open connections.
    pub connections: usize,
    /// Those of them that speak for no balancer.
    pub connections_without_balancer: usize,
    /// Balancers that are connected.
    pub balancers_connected: usize,
    /// Balancers whose grace time runs.
    pub balancers_lost: usize,
    /// Groups of all balancers.
    pub groups: usize,
    /// Members of all groups.
    pub members: usize,
}

/// How many are in the scope but not listed.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug, Serialize)]
pub struct LeftOut {
    /// Balancers; their groups and members are in no other number.
    pub balancers: usize,
    /// Groups of listed balancers; their members are in no other number.
    pub groups: usize,
    /// Members of listed groups.
    pub members: usize,
    /// Connections without a balancer.
    pub connections: usize,
}

/// A balancer.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct BalancerReport {
    /// LB UID.
    pub uid: Name,
    /// `connected`, or `lost`: its grace time runs.
    pub state: &'static str,
    /// Where it is, or was, connected from.
    pub peer: SocketAddr,
    /// Since its connection was made or lost.
    pub since_seconds: f64,
    /// Since its last message; `null` if it is lost.
    pub heard_seconds: Option<f64>,
    /// Until it is forgotten; `null` if it is connected.
    pub grace_left_seconds: Option<f64>,
    /// 0 to 127, as it says.
    pub health: u8,
    /// It wants to be sent weights unasked.
    pub push: bool,
    /// It takes messages of members.
    pub trust: bool,
    /// It wants to be told of changes only.
    pub no_change: bool,
    /// Something that it has not been pushed yet has changed, and it wants pushes.
    pub push_waits: bool,
    /// Members of all its groups.
    pub members: usize,
    /// Its groups in the scope, by name.
    pub groups: Vec<GroupReport>,
}

/// A group.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct GroupReport {
    /// Its name.
    pub group: Name,
    /// Counts of its members.
    #[serde(flatten)]
    pub tally: Tally,
    /// Its members, by key.
    pub members: Vec<MemberReport>,
}

/// Counts of the members of a group.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug, Serialize)]
pub struct Tally {
    /// Members.
    pub total: usize,
    /// Those that the GWM can reach.
    pub in_contact: usize,
    /// Those whose weight it stands behind.
    pub confident: usize,
    /// Those that get no new flows because somebody said so.
    pub quiesced: usize,
    /// Sum of the weights that weight entries show.
    pub weight: u64,
}

/// A member.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct MemberReport {
    /// Who it is, as [`MemberKey`]'s `Display` has it.
    pub member: MemberKey,
    /// Opaque text that came with its registration.
    pub label: Name,
    /// `balancer` or `member`.
    pub registered_by: &'static str,
    /// Who has quiesced it.
    pub quiesced_by: QuiescedBy,
    /// By the GWM's rules, before anybody's quiesce.
    pub assessed_weight: u16,
    /// What a weight entry says now.
    #[serde(flatten)]
    pub entry: Entry,
    /// What the balancer's connection was told last; `null` if nothing yet.
    pub sent: Option<Entry>,
}

/// A member of a balancer's group.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct MemberOf {
    /// The balancer.
    pub uid: Name,
    /// The member.
    #[serde(flatten)]
    pub report: MemberReport,
}

/// Who has quiesced a member; each takes back only its own word.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug, Serialize)]
pub struct QuiescedBy {
    /// The balancer.
    pub balancer: bool,
    /// The member itself.
    pub member: bool,
    /// This GWM: its operator, or what it asks about the member.
    pub gwm: bool,
}

/// The changing part of a Weight Entry (RFC 4678 section 5.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Entry {
    /// 0 while quiesced.
    pub weight: u16,
    /// The GWM can reach the member.
    pub contact: bool,
    /// The GWM stands behind contact and weight.
    pub confident: bool,
    /// No new flows, please.
    pub quiesced: bool,
    /// The opaque byte.
    pub state: u8,
}

/// A connection that speaks for no balancer.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct ConnectionReport {
    /// Its other end.
    pub peer: SocketAddr,
    /// Since it was made.
    pub since_seconds: f64,
    /// Since its last message; `null` before the first.
    pub heard_seconds: Option<f64>,
}
