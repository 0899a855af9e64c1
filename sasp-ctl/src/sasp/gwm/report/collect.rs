//! From a GWM's state to a report of it. Nothing is changed, and no more is copied than the report has room for.

use std::time::{Duration, Instant};

use super::{
    BalancerReport, ConnectionReport, Entry, GroupReport, LeftOut, MemberOf, MemberReport,
    QuiescedBy, Report, Scope, Tally, Totals,
};
use crate::sasp::code::weight_flags;
use crate::sasp::gwm::Gwm;
use crate::sasp::gwm::balancer::{Balancer, Link, Members};
use crate::sasp::gwm::connection::Connection;
use crate::sasp::gwm::member::{Registered, Shown, Speaker};
use crate::sasp::msg::{MemberKey, Name};
use crate::sasp::saturate::{Later as _, Tally as _};

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
