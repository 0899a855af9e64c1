//! One group and its members.

use super::counted;
use crate::cli::columns::{Align, table};
use crate::cli::gwm::view::{Group, Member};
use crate::cli::paint::Paint;

const HEADINGS: [(&str, Align); 5] = [
    ("MEMBER", Align::Left),
    ("WEIGHT", Align::Right),
    ("SENT", Align::Right),
    ("FLAGS", Align::Left),
    ("LABEL", Align::Left),
];

pub(super) fn render(uid: &str, group: &Group, paint: Paint) -> String {
    let mut counts = vec![counted(group.total, "member")];
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
        "{} of {uid}: {}, weights {}\n",
        paint.bold(&format!("group {}", group.group)),
        counts.join(", "),
        group.weight
    );
    // Most balancers give none.
    let has_labels = group.members.iter().any(|member| !member.label.is_empty());
    let columns = HEADINGS.len() - usize::from(!has_labels);
    let rows = group.members.iter().map(|member| {
        let entry = &member.entry;
        let is_bad = !entry.contact || !entry.confident || entry.quiesced;
        let mut row = row(member);
        row.truncate(columns);
        (row, is_bad)
    });
    text.push_str(&table(&HEADINGS[..columns], rows, 2, paint));
    text
}

fn row(member: &Member) -> Vec<String> {
    let entry = &member.entry;
    let sent = match &member.sent {
        None => "never".to_owned(),
        Some(sent) if sent == entry => "yes".to_owned(),
        Some(sent) => format!("no, {}", sent.weight),
    };
    let weight = match entry.quiesced {
        true => format!("0 (else {})", member.assessed_weight),
        false => entry.weight.to_string(),
    };
    vec![
        member.member.clone(),
        weight,
        sent,
        flags(member),
        member.label.clone(),
    ]
}

/// Flags and what else is out of the ordinary, in words.
fn flags(member: &Member) -> String {
    let entry = &member.entry;
    let contact = if entry.contact {
        "contact"
    } else {
        "no contact"
    };
    let confident = if entry.confident {
        "confident"
    } else {
        "not confident"
    };
    let mut words = vec![contact.to_owned(), confident.to_owned()];
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
        words.push(format!("quiesced by {}", by.join(" + ")));
    }
    if member.registered_by == "member" {
        words.push("registered itself".to_owned());
    }
    if entry.state != 0 {
        words.push(format!("state {}", entry.state));
    }
    words.join(", ")
}
