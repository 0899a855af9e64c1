//! One group and its members.

use super::table;
use crate::cli::columns::Align;
use crate::cli::gwm::view::{Group, Member};
use crate::cli::paint::Paint;

const HEADINGS: [(&str, Align); 5] = [
    ("MEMBER", Align::Left),
    ("WEIGHT", Align::Right),
    ("SENT", Align::Right),
    ("SAYS", Align::Left),
    ("LABEL", Align::Left),
];

pub(super) fn render(uid: &str, group: &Group, paint: Paint) -> String {
    let mut counts = vec![format!("{} members", group.total)];
    let not_confident = group.total - group.confident.min(group.total);
    for (count, words) in [
        (not_confident, "not confident"),
        (group.quiesced, "quiesced"),
    ] {
        if count > 0 {
            counts.push(format!("{count} {words}"));
        }
    }
    let mut text = format!(
        "{}  balancer {uid}: {}, weights sum up to {}\n",
        paint.bold(&format!("group {}", group.group)),
        counts.join(", "),
        group.weight
    );
    let rows = group.members.iter().map(|member| {
        let entry = &member.entry;
        let is_bad = !entry.contact || !entry.confident || entry.quiesced;
        (row(member), is_bad)
    });
    text.push_str(&table(&HEADINGS, rows, 2, paint));
    text
}

fn row(member: &Member) -> Vec<String> {
    let entry = &member.entry;
    let sent = match &member.sent {
        None => "-".to_owned(),
        Some(sent) if sent == entry => "same".to_owned(),
        Some(sent) => sent.weight.to_string(),
    };
    vec![
        member.member.clone(),
        entry.weight.to_string(),
        sent,
        says(member),
        member.label.clone(),
    ]
}

/// Flags and what else is out of the ordinary, in words.
fn says(member: &Member) -> String {
    let entry = &member.entry;
    let mut words = Vec::new();
    let by = &member.quiesced_by;
    let by: Vec<_> = [
        (by.balancer, "balancer"),
        (by.member, "member"),
        (by.gwm, "GWM"),
    ]
    .into_iter()
    .filter_map(|(is, who)| is.then_some(who))
    .collect();
    if !by.is_empty() {
        words.push(format!(
            "quiesced by {}, else {}",
            by.join(" and "),
            member.assessed_weight
        ));
    }
    words.push(
        match (entry.contact, entry.confident) {
            (true, true) => "contact, confident",
            (true, false) => "contact, not confident",
            (false, true) => "no contact, confident",
            (false, false) => "no contact, not confident",
        }
        .to_owned(),
    );
    if member.registered_by == "member" {
        words.push("by itself".to_owned());
    }
    if entry.state != 0 {
        words.push(format!("state {}", entry.state));
    }
    words.join(", ")
}
