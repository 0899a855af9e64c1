//! A GWM's status for people: balancers first, then groups with their members, then what the weights come from.

mod group;

use super::view::{Balancer, Connection, LeftOut, Override, Source, Status};
use crate::cli::columns::{Align, table};
use crate::cli::paint::{Paint, span};

/// Connections without a balancer that are listed.
const CONNECTIONS: usize = 10;

pub(super) fn render(status: &Status, colours: bool) -> String {
    let paint = Paint { colours };
    let mut text = header(status, paint);
    if !status.balancers.is_empty() {
        text.push('\n');
        text.push_str(&balancers(&status.balancers, paint));
    }
    for balancer in &status.balancers {
        for group in &balancer.groups {
            text.push('\n');
            text.push_str(&group::render(&balancer.uid, group, paint));
        }
    }
    for part in [
        overrides(&status.overrides, paint),
        sources(&status.sources, paint),
        connections(&status.connections, status.left_out.connections, paint),
        left_out(&status.left_out),
    ] {
        if !part.is_empty() {
            text.push('\n');
            text.push_str(&part);
        }
    }
    text
}

fn header(status: &Status, paint: Paint) -> String {
    let totals = &status.totals;
    let mut text = format!(
        "GWM {}  listens on {}  version {}  up {}\n\
         balancers: {} connected, {} lost  groups: {}  members: {}  connections: {}\n",
        paint.bold(&status.instance),
        status.listen,
        status.version,
        span(status.uptime_seconds),
        totals.balancers_connected,
        totals.balancers_lost,
        totals.groups,
        totals.members,
        totals.connections,
    );
    let file = status.config_file.as_deref().unwrap_or("none");
    text.push_str(&format!("config {file}"));
    match &status.reload {
        None => {}
        Some(reload) => {
            let ago = span(reload.seconds_ago);
            text.push_str(&match &reload.error {
                None => format!(", reloaded {ago} ago"),
                Some(error) => {
                    "\n".to_owned() + &paint.bad(&format!("reload failed {ago} ago: {error}"))
                }
            });
        }
    }
    text.push('\n');
    text
}

const BALANCERS: [(&str, Align); 8] = [
    ("BALANCER", Align::Left),
    ("STATE", Align::Left),
    ("PEER", Align::Left),
    ("SINCE", Align::Right),
    ("HEARD", Align::Right),
    ("HEALTH", Align::Right),
    ("MEMBERS", Align::Right),
    ("WANTS", Align::Left),
];

fn balancers(balancers: &[Balancer], paint: Paint) -> String {
    let rows = balancers.iter().map(|balancer| {
        let row = vec![
            balancer.uid.clone(),
            // Short, so that a row fits 80 columns.
            match balancer.state.as_str() {
                "connected" => "up".to_owned(),
                other => other.to_owned(),
            },
            balancer.peer.clone(),
            span(balancer.since_seconds),
            balancer.heard_seconds.map_or("-".to_owned(), span),
            balancer.health.to_string(),
            balancer.members.to_string(),
            wants(balancer),
        ];
        (row, balancer.grace_left_seconds.is_some())
    });
    table(&BALANCERS, rows, 0, paint)
}

/// What it has asked for, or how long it is remembered.
fn wants(balancer: &Balancer) -> String {
    if let Some(left) = balancer.grace_left_seconds {
        return format!("forgotten in {}", span(left));
    }
    let wants: Vec<_> = [
        (balancer.push, "push"),
        (balancer.trust, "trust"),
        (balancer.no_change, "no-change"),
    ]
    .into_iter()
    .filter_map(|(is, word)| is.then_some(word))
    .collect();
    match wants.is_empty() {
        true => "-".to_owned(),
        false => wants.join(" "),
    }
}

const OVERRIDES: [(&str, Align); 6] = [
    ("OVERRIDDEN", Align::Left),
    ("GROUP", Align::Left),
    ("BALANCER", Align::Left),
    ("WEIGHT", Align::Right),
    ("QUIESCED", Align::Left),
    ("SINCE", Align::Right),
];

fn overrides(overrides: &[Override], paint: Paint) -> String {
    let rows = overrides.iter().map(|by_hand| {
        let row = vec![
            by_hand.member.clone(),
            by_hand.group.clone(),
            by_hand.uid.clone().unwrap_or("any".to_owned()),
            by_hand
                .weight
                .map_or("auto".to_owned(), |weight| weight.to_string()),
            if by_hand.quiesced { "yes" } else { "no" }.to_owned(),
            format!("{} ago", span(by_hand.seconds_ago)),
        ];
        (row, false)
    });
    table(&OVERRIDES, rows, 0, paint)
}

fn sources(sources: &[Source], paint: Paint) -> String {
    let mut text = String::new();
    for source in sources {
        let whose = source
            .uid
            .as_ref()
            .map_or(String::new(), |uid| format!(" of balancer {uid}"));
        let mut counts = vec![counted(source.members, "member")];
        for (count, words) in [
            (source.down, "down"),
            (source.not_confident, "not confident"),
            (source.left_out, "left out: too many"),
        ] {
            if count > 0 {
                counts.push(format!("{count} {words}"));
            }
        }
        text.push_str(&format!(
            "{}  for group {}{whose}: {}\n  asks {}\n",
            paint.bold(&format!("source {}", source.source)),
            source.group,
            counts.join(", "),
            source.asked,
        ));
        for error in &source.errors {
            let line = format!(
                "  {}  {} ({})",
                error.member,
                error.error,
                span(error.seconds)
            );
            text.push_str(&paint.bad(&line));
            text.push('\n');
        }
    }
    text
}

fn connections(connections: &[Connection], left_out: usize, paint: Paint) -> String {
    if connections.is_empty() {
        return String::new();
    }
    let mut text = paint.bold("connections that speak for no balancer") + "\n";
    for connection in connections.iter().take(CONNECTIONS) {
        let heard = match connection.heard_seconds {
            Some(seconds) => format!("last message {} ago", span(seconds)),
            None => "silent".to_owned(),
        };
        let since = span(connection.since_seconds);
        text.push_str(&format!("  {}  for {since}, {heard}\n", connection.peer));
    }
    let more = connections.len().saturating_sub(CONNECTIONS) + left_out;
    if more > 0 {
        text.push_str(&format!("  and {more} more\n"));
    }
    text
}

fn left_out(left_out: &LeftOut) -> String {
    let parts: Vec<_> = [
        (left_out.balancers, "balancer"),
        (left_out.groups, "group"),
        (left_out.members, "member"),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, what)| counted(count, what))
    .collect();
    match parts.is_empty() {
        true => String::new(),
        false => format!(
            "not shown: {}; choose with --uid and --group\n",
            parts.join(", ")
        ),
    }
}

fn counted(count: usize, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}

#[cfg(test)]
mod tests;
