//! The daemon's status for people.

use std::collections::BTreeMap;

use super::gwms;
use super::view::{Interface, Member, Service, Status, Translations, TurnedAway};
use crate::cli::columns::{self, Align};
use crate::cli::paint::{Paint, span};

const HEADINGS: [(&str, Align); 14] = [
    ("MEMBER", Align::Left),
    ("STATE", Align::Left),
    ("STATIC", Align::Right),
    ("GWM", Align::Right),
    ("WEIGHT", Align::Right),
    ("APPLIED", Align::Right),
    ("WANTED", Align::Right),
    ("SHARE", Align::Right),
    ("SLOTS", Align::Right),
    ("PACKETS", Align::Right),
    ("BYTES", Align::Right),
    ("OPENED", Align::Right),
    ("REMEMBERED", Align::Right),
    ("WHY", Align::Left),
];

pub(super) fn render(status: &Status, colours: bool) -> String {
    let paint = Paint { colours };
    let mut text = header(status, &paint);
    for service in &status.services {
        text.push('\n');
        text.push_str(&self::service(status, service, &paint));
    }
    text.push_str(&translations(&status.translations));
    let reasons = &status.reasons;
    let counted: Vec<_> = [
        ("passed", &reasons.pass),
        ("dropped", &reasons.drop),
        ("noted", &reasons.note),
    ]
    .into_iter()
    .filter_map(|(what, counts)| self::reasons(what, counts))
    .collect();
    if !counted.is_empty() {
        text.push('\n');
        text.push_str(&counted.concat());
    }
    text
}

fn header(status: &Status, paint: &Paint) -> String {
    let interfaces: Vec<_> = status
        .interfaces
        .iter()
        .map(|interface| self::interface(interface, paint))
        .collect();
    let mut text = format!(
        "instance {}  LB UID {}  version {}  up {}  health {}\ninterfaces {}\n",
        paint.bold(&status.instance),
        status.lb_uid,
        status.version,
        span(status.uptime_seconds),
        health(status.health, paint),
        interfaces.join(", ")
    );
    text.push_str(&gwms::render(status, paint));
    if let Some(reload) = &status.reload {
        let ago = span(reload.seconds_ago);
        text.push_str(&match &reload.error {
            None => format!("reloaded {ago} ago\n"),
            Some(error) => paint.bad(&format!("reload failed {ago} ago: {error}")) + "\n",
        });
    }
    text
}

/// A percentage; what the GWMs are told is finer.
fn health(health: u8, paint: &Paint) -> String {
    match u32::from(health) * 100 / 127 {
        100 => "100%".to_owned(),
        percent => paint.bad(&format!("{percent}%")),
    }
}

fn interface(interface: &Interface, paint: &Paint) -> String {
    let Interface {
        name,
        mode,
        frags,
        state,
    } = interface;
    match state.as_str() {
        "attached" if *frags => format!("{name} ({mode}, frags)"),
        "attached" => format!("{name} ({mode})"),
        _ => paint.bad(&format!("{name} ({state}: no packets are balanced there)")),
    }
}

fn service(status: &Status, service: &Service, paint: &Paint) -> String {
    let mut text = format!(
        "{}  group {}  weights: {}{}\n",
        paint.bold(&format!("{}/{}", service.vip, service.protocol)),
        service.group,
        service.weights,
        gwms::whose(status, service)
    );
    let members = service.members.iter();
    let rows = members.map(|member| (row(member), member.state != "active"));
    text.push_str(&columns::table(&HEADINGS, rows, 2, *paint));
    for TurnedAway { address, reason } in &service.turned_away {
        text.push_str(&format!(
            "  {address} registered itself in vain: {reason}\n"
        ));
    }
    let slots = &service.slots;
    text.push_str(&format!(
        "  {} slots: {} tracked ({} fresh, {} settled), {} without owner; {} flows remembered\n",
        slots.total,
        slots.tracked,
        slots.fresh,
        slots.settled,
        slots.unowned,
        service.remembered_flows
    ));
    text.push_str(&format!(
        "  all members, former ones too: {} packets, {} bytes, {} flows opened\n",
        service.packets, service.bytes, service.opened
    ));
    text
}

fn row(member: &Member) -> Vec<String> {
    let gwm = member
        .gwm
        .as_ref()
        .map_or("-".to_owned(), |word| word.weight.to_string());
    vec![
        member.address.clone(),
        member.state.clone(),
        member.static_weight.to_string(),
        gwm,
        member.effective_weight.to_string(),
        member.applied_weight.to_string(),
        percent(member.share_wanted),
        percent(member.share),
        member.slots.to_string(),
        member.packets.to_string(),
        member.bytes.to_string(),
        member.opened.to_string(),
        member.remembered_flows.to_string(),
        note(member),
    ]
}

/// Why its weights are what they are, from the GWM's to the table's.
fn note(member: &Member) -> String {
    let mut note = member
        .next_hop_error
        .as_ref()
        .unwrap_or(&member.reason)
        .clone();
    if member.why_applied != "as_weighed" {
        note.push_str("; ");
        note.push_str(&member.applied_reason);
    }
    if !matches!(member.forward.as_str(), "" | "dsr") {
        note.push_str("; by ");
        note.push_str(&member.forward);
    }
    if let Some(gateway) = member
        .gateway
        .as_ref()
        .filter(|_| member.next_hop_error.is_none())
    {
        note.push_str(&format!(" via {gateway}"));
    }
    if let Some(warning) = &member.warning {
        note.push_str("; ");
        note.push_str(warning);
    }
    if member.origin == "self" {
        note.push_str("; has registered itself");
    }
    note
}

/// Nothing without a pool.
fn translations(translations: &Translations) -> String {
    let Some(pool) = &translations.pool else {
        return String::new();
    };
    format!(
        "\nfull-nat from {} ports {} to {}: {} entries of IPv4 and {} of IPv6 in use, {} of each fit\n",
        pool.addresses.join(", "),
        pool.first_port,
        pool.last_port,
        translations.ipv4,
        translations.ipv6,
        translations.limit
    )
}

fn reasons(what: &str, counts: &BTreeMap<String, u64>) -> Option<String> {
    let counts: Vec<_> = counts
        .iter()
        .filter(|(_, count)| **count > 0)
        .map(|(reason, count)| format!("{reason} {count}"))
        .collect();
    (!counts.is_empty()).then(|| format!("{what}: {}\n", counts.join(", ")))
}

fn percent(share: f64) -> String {
    format!("{:.1}%", share * 100.0)
}

#[cfg(test)]
mod tests;
