//! What a GWM knows, for people and for metrics. Field names are a contract: scripts read them.
//!
//! A report of everything may be long: whoever asks says how many rows it may have, and what does not fit is counted
//! instead. Durations are seconds before or after the moment of the report.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::balancer::{Balancer, Link, Members};
use super::connection::Connection;
use super::member::{Registered, Shown, Speaker};
use super::{Counters, Gwm};
use crate::sasp::code::weight_flags;
use crate::sasp::msg::{MemberKey, Name};
use crate::sasp::saturate::{Later as _, Tally as _};

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

impl Gwm {
    /// How many there are of everything: quick, however many there are.
    pub fn totals(&self) -> Totals {
        let balancers = self.balancers.values();
        let is_lost = |balancer: &&Balancer| matches!(balancer.link, Link::Lost { .. });
        let lost = balancers.clone().filter(is_lost).count();
        let unbound = self.connections.values().filter(|c| c.bound.is_none());
        Totals {
            connections: self.connections.len(),
            connections_without_balancer: unbound.count(),
            balancers_connected: self.balancers.len().saturating_sub(lost),
            balancers_lost: lost,
            groups: balancers.clone().map(|b| b.groups().len()).sum(),
            members: balancers.map(Balancer::members).sum(),
        }
    }

    /// How things are at `now`.
    pub fn report(&self, scope: &Scope, now: Instant) -> Report {
        let mut rows = Rows(scope.rows);
        let mut left_out = LeftOut::default();
        let in_scope = self.balancers.iter().filter(|(uid, balancer)| {
            scope.uid.as_ref().is_none_or(|only| only == *uid)
                && scope
                    .group
                    .as_ref()
                    .is_none_or(|only| balancer.groups().contains_key(only))
        });
        let mut balancers = Vec::new();
        for (uid, balancer) in in_scope {
            match rows.take() {
                true => {
                    let groups = groups(balancer, scope, &mut rows, &mut left_out);
                    balancers.extend(self.balancer_report(uid, balancer, groups, now));
                }
                false => left_out.balancers.grow(1),
            }
        }
        let mut connections = Vec::new();
        if scope.uid.is_none() && scope.group.is_none() {
            for connection in self.connections.values().filter(|c| c.bound.is_none()) {
                match rows.take() {
                    true => connections.push(connection_report(connection, now)),
                    false => left_out.connections.grow(1),
                }
            }
        }
        Report {
            totals: self.totals(),
            balancers,
            connections,
            left_out,
            counters: self.counters.clone(),
        }
    }

    /// A member in the groups of this name of every balancer, or of one.
    pub fn members_called(
        &self,
        group: &Name,
        member: &MemberKey,
        uid: Option<&Name>,
    ) -> Vec<MemberOf> {
        let balancers = self.balancers.iter();
        let in_scope = balancers.filter(|(name, _)| uid.is_none_or(|only| only == *name));
        in_scope
            .filter_map(|(uid, balancer)| {
                let registered = balancer.groups().get(group)?.get(member)?;
                Some(MemberOf {
                    uid: uid.clone(),
                    report: member_report(*member, registered),
                })
            })
            .collect()
    }

    /// `None` never happens: a balancer loses its link together with its connection.
    fn balancer_report(
        &self,
        uid: &Name,
        balancer: &Balancer,
        groups: Vec<GroupReport>,
        now: Instant,
    ) -> Option<BalancerReport> {
        let (peer, since, heard, forgotten) = match balancer.link {
            Link::Lost { since, peer } => (peer, since, None, Some(since.later(self.policy.grace))),
            Link::Up(id) => {
                let connection = self.connections.get(&id)?;
                let heard = Some(connection.heard);
                (connection.peer, connection.since, heard, None)
            }
        };
        let wishes = balancer.wishes;
        Some(BalancerReport {
            uid: uid.clone(),
            state: match forgotten {
                Some(_) => "lost",
                None => "connected",
            },
            peer,
            since_seconds: seconds(now, since),
            heard_seconds: heard.map(|heard| seconds(now, heard)),
            grace_left_seconds: forgotten.map(|at| seconds(at, now)),
            health: balancer.health,
            push: wishes.push(),
            trust: wishes.trust(),
            no_change: wishes.no_change(),
            push_waits: wishes.push() && balancer.unpushed,
            members: balancer.members(),
            groups,
        })
    }
}

/// Room that is left in a report.
struct Rows(usize);

impl Rows {
    /// Takes a row, if there is one.
    fn take(&mut self) -> bool {
        let left = self.0.checked_sub(1);
        self.0 = left.unwrap_or_default();
        left.is_some()
    }
}

fn groups(
    balancer: &Balancer,
    scope: &Scope,
    rows: &mut Rows,
    left_out: &mut LeftOut,
) -> Vec<GroupReport> {
    let mut groups = Vec::new();
    for (name, members) in balancer.groups() {
        if scope.group.as_ref().is_some_and(|only| only != name) {
            continue;
        }
        if !rows.take() {
            left_out.groups.grow(1);
            continue;
        }
        let mut listed = Vec::new();
        for (key, member) in members {
            if !rows.take() {
                break;
            }
            listed.push(member_report(*key, member));
        }
        left_out
            .members
            .grow(members.len().saturating_sub(listed.len()));
        groups.push(GroupReport {
            group: name.clone(),
            tally: tally(members),
            members: listed,
        });
    }
    groups
}

fn tally(members: &Members) -> Tally {
    let mut tally = Tally::default();
    for member in members.values() {
        let entry = Entry::from(member.shown());
        tally.total.grow(1);
        tally.in_contact.grow(usize::from(entry.contact));
        tally.confident.grow(usize::from(entry.confident));
        tally.quiesced.grow(usize::from(entry.quiesced));
        tally.weight.grow(u64::from(entry.weight));
    }
    tally
}

fn member_report(key: MemberKey, member: &Registered) -> MemberReport {
    MemberReport {
        member: key,
        label: member.label.clone(),
        registered_by: match member.by {
            Speaker::Balancer => "balancer",
            Speaker::Member => "member",
        },
        quiesced_by: QuiescedBy {
            balancer: member.quiesced_by_balancer,
            member: member.quiesced_by_member,
            gwm: member.assessment.quiesce,
        },
        assessed_weight: member.assessment.weight,
        entry: member.shown().into(),
        sent: member.sent.map(Entry::from),
    }
}

fn connection_report(connection: &Connection, now: Instant) -> ConnectionReport {
    let heard = connection.has_spoken.then_some(connection.heard);
    ConnectionReport {
        peer: connection.peer,
        since_seconds: seconds(now, connection.since),
        heard_seconds: heard.map(|heard| seconds(now, heard)),
    }
}

impl From<Shown> for Entry {
    fn from(shown: Shown) -> Self {
        let has = |flag| shown.flags & flag != 0;
        Self {
            weight: shown.weight,
            contact: has(weight_flags::CONTACT),
            confident: has(weight_flags::CONFIDENT),
            quiesced: has(weight_flags::QUIESCE),
            state: shown.state,
        }
    }
}

/// From `earlier` to `later`; 0 if they stand the other way round.
fn seconds(later: Instant, earlier: Instant) -> f64 {
    let span: Duration = later.saturating_duration_since(earlier);
    span.as_secs_f64()
}
