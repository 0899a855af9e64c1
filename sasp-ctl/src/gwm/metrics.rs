//! The GWM as Prometheus sees it.
//!
//! Members have time series of their own as long as there are at most [`SERIES_MAX`] of them in all groups, groups as
//! long as there are as many of them; beyond that only sums are told, and `sasp_gwm_series_shown` says so.

use std::time::Instant;

use serde::Serialize;
use serde_json::Value;

use super::control::Context;
use super::control::sources::SourceStatus;
use super::record::Record;
use crate::control::openmetrics::{Labels, Page, with};
use crate::sasp::gwm::report::{BalancerReport, GroupReport, MemberReport, Report, Totals};
use crate::sasp::gwm::{Counters, Gwm, Scope};

/// Members, or groups, that are told apart. A Prometheus server keeps all of them, four series each.
const SERIES_MAX: usize = 2_000;

/// All that there is, on one page.
pub(super) fn of(context: &Context) -> Result<String, std::fmt::Error> {
    let report = context.hub.look(|gwm| {
        let scope = Scope {
            rows: rows(gwm),
            ..Scope::EVERYTHING
        };
        gwm.report(&scope, Instant::now())
    });
    let overrides = context.overrides().counts();
    let about = vec![
        ("version", env!("CARGO_PKG_VERSION").to_owned()),
        ("instance_name", context.about.instance.clone()),
    ];
    let mut page = Page::new("sasp_gwm");
    page.gauge("build_info", "Always 1", [(about, 1.0)]);
    process(&mut page, context.hub.record(), overrides);
    totals(&mut page, &report.totals);
    counters(&mut page, &report.counters);
    groups(&mut page, &report);
    members(&mut page, &report);
    sources(&mut page, &context.sources());
    page.render()
}

/// Enough for every balancer and group, or for every member too, or for nobody.
fn rows(gwm: &Gwm) -> usize {
    let totals = gwm.totals();
    let balancers = totals.balancers_connected + totals.balancers_lost;
    match totals {
        Totals { groups, .. } if groups > SERIES_MAX => 0,
        Totals { members, .. } if members > SERIES_MAX => balancers + totals.groups,
        _ => usize::MAX,
    }
}

fn process(page: &mut Page, record: &Record, (weights, quiesced): (usize, usize)) {
    page.value(
        "uptime_seconds",
        "Since the GWM started",
        record.uptime().as_secs_f64(),
    );
    let reloads = record.reloads();
    page.counter(
        "reloads",
        "Reloads of the configuration",
        [("done", reloads.done), ("refused", reloads.refused)]
            .map(|(outcome, count)| (label("outcome", outcome), count)),
    );
    let is_good = reloads.last.is_none_or(|(_, refused)| refused.is_none());
    page.value(
        "last_reload_successful",
        "0 if the configuration file is not what is in effect",
        f64::from(u8::from(is_good)),
    );
    page.gauge(
        "overrides",
        "Members of which the operator says something else than the rules, by what",
        [("weight", weights), ("quiesce", quiesced)]
            .map(|(kind, count)| (label("kind", kind), count as f64)),
    );
    page.count(
        "push_bytes",
        "Bytes of Send Weights messages",
        record.pushed_bytes(),
    );
}

fn totals(page: &mut Page, totals: &Totals) {
    let others = totals.connections_without_balancer;
    page.gauge(
        "connections",
        "Open connections, by who speaks on them",
        [("balancer", totals.connections - others), ("other", others)]
            .map(|(role, count)| (label("role", role), count as f64)),
    );
    page.gauge(
        "balancers",
        "Balancers that are connected, or lost and within their grace time",
        [
            ("connected", totals.balancers_connected),
            ("lost", totals.balancers_lost),
        ]
        .map(|(state, count)| (label("state", state), count as f64)),
    );
    page.value("groups", "Groups of all balancers", totals.groups as f64);
    page.value("members", "Members of all groups", totals.members as f64);
    let shown = [
        ("group", totals.groups <= SERIES_MAX),
        (
            "member",
            totals.groups <= SERIES_MAX && totals.members <= SERIES_MAX,
        ),
    ];
    page.gauge(
        "series_shown",
        "0 if there are too many of these to tell them apart",
        shown.map(|(what, is)| (label("of", what), f64::from(u8::from(is)))),
    );
}

fn counters(page: &mut Page, counters: &Counters) {
    let known = counters.received.iter();
    let known = known.map(|(kind, count)| (label("type", &kind.to_string()), *count));
    let unknown = (label("type", "unknown"), counters.received_unknown);
    page.counter(
        "messages_received",
        "SASP messages received, by type",
        known.chain([unknown]),
    );
    page.counter(
        "odd_messages_received",
        "Messages in a form that other RFC readers use, accepted",
        [
            ("figure 11", counters.received_figure_11),
            ("mapped IPv4", counters.received_mapped_ipv4),
        ]
        .map(|(form, count)| (label("form", form), count)),
    );
    let replies = counters.replied.iter().flat_map(|(kind, codes)| {
        let labels = move |code: &dyn ToString| {
            with(label("type", &kind.to_string()), "code", &code.to_string())
        };
        codes
            .iter()
            .map(move |(code, count)| (labels(code), *count))
    });
    page.counter(
        "replies",
        "Replies by type of the request and return code",
        replies,
    );
    let refused = counters.refused.iter();
    page.counter(
        "refusals",
        "Refused requests by reason",
        refused.map(|(reason, count)| (label("reason", &stable_name(reason)), *count)),
    );
    page.count("pushes", "Send Weights messages", counters.pushed);
    page.count(
        "connections_opened",
        "Connections accepted",
        counters.opened,
    );
    let closed = counters.closed.iter();
    page.counter(
        "connections_closed",
        "Connections that the GWM ended, by reason",
        closed.map(|(reason, count)| (label("reason", &stable_name(reason)), *count)),
    );
}

fn groups(page: &mut Page, report: &Report) {
    type Field = fn(&GroupReport) -> f64;
    let fields: [(&str, &str, Field); 5] = [
        ("members", "Members", |g| g.tally.total as f64),
        ("members_in_contact", "Members that can be reached", |g| {
            g.tally.in_contact as f64
        }),
        ("members_confident", "Members whose weight counts", |g| {
            g.tally.confident as f64
        }),
        ("members_quiesced", "Members without new flows", |g| {
            g.tally.quiesced as f64
        }),
        ("weight", "Sum of its members' weights", |g| {
            g.tally.weight as f64
        }),
    ];
    for (name, help, field) in fields {
        let samples = all_groups(report)
            .map(|(balancer, group)| (group_labels(balancer, group), field(group)));
        page.gauge(&format!("group_{name}"), help, samples);
    }
}

fn members(page: &mut Page, report: &Report) {
    type Field = fn(&MemberReport) -> f64;
    let fields: [(&str, &str, Field); 4] = [
        ("weight", "As weight entries have it", |m| {
            f64::from(m.entry.weight)
        }),
        ("in_contact", "1 if the GWM can reach it", |m| {
            f64::from(u8::from(m.entry.contact))
        }),
        ("confident", "1 if the GWM stands behind it", |m| {
            f64::from(u8::from(m.entry.confident))
        }),
        ("quiesced", "1 if it is to get no new flows", |m| {
            f64::from(u8::from(m.entry.quiesced))
        }),
    ];
    for (name, help, field) in fields {
        let samples = all_groups(report).flat_map(|(balancer, group)| {
            group.members.iter().map(move |member| {
                let labels = group_labels(balancer, group);
                let labels = with(labels, "member", &member.member.to_string());
                (labels, field(member))
            })
        });
        page.gauge(&format!("member_{name}"), help, samples);
    }
}

fn sources(page: &mut Page, sources: &[SourceStatus]) {
    type Field = fn(&SourceStatus) -> u64;
    let counters: [(&str, &str, Field); 2] = [
        ("answers", "Answers about members", |s| s.answers),
        (
            "failures",
            "Answers that a member is down, and questions without an answer",
            |s| s.failures,
        ),
    ];
    for (name, help, field) in counters {
        // Several rules of a kind for one group share a series.
        let samples = sources
            .iter()
            .map(|source| (source_labels(source), field(source)));
        page.counter(&format!("source_{name}"), help, samples);
    }
    let gauges: [(&str, &str, Field); 4] = [
        ("members", "Members that a source is asked about", |s| {
            s.members as u64
        }),
        (
            "members_not_confident",
            "Members of which a source says nothing that counts",
            |s| s.not_confident as u64,
        ),
        ("members_down", "Members that cannot be reached", |s| {
            s.down as u64
        }),
        (
            "members_left_out",
            "Members for which there was no room",
            |s| s.left_out as u64,
        ),
    ];
    for (name, help, field) in gauges {
        let mut sums = std::collections::BTreeMap::<Labels, u64>::new();
        for source in sources {
            *sums.entry(source_labels(source)).or_default() += field(source);
        }
        let samples = sums.into_iter().map(|(labels, sum)| (labels, sum as f64));
        page.gauge(&format!("source_{name}"), help, samples);
    }
}

fn all_groups(report: &Report) -> impl Iterator<Item = (&BalancerReport, &GroupReport)> {
    let balancers = report.balancers.iter();
    balancers.flat_map(|balancer| balancer.groups.iter().map(move |group| (balancer, group)))
}

fn group_labels(balancer: &BalancerReport, group: &GroupReport) -> Labels {
    with(
        label("uid", &balancer.uid.to_string()),
        "group",
        &group.group.to_string(),
    )
}

fn source_labels(source: &SourceStatus) -> Labels {
    let uid = source.uid.as_ref().map(ToString::to_string);
    with(
        with(
            label("source", source.source),
            "group",
            &source.group.to_string(),
        ),
        "uid",
        &uid.unwrap_or_default(),
    )
}

fn label(name: &'static str, value: &str) -> Labels {
    vec![(name, value.to_owned())]
}

/// A variant as JSON has it.
fn stable_name(variant: &impl Serialize) -> String {
    match serde_json::to_value(variant) {
        Ok(Value::String(name)) => name,
        _ => unreachable!("variants without fields serialize as strings"),
    }
}

#[cfg(test)]
mod tests;
