//! The status page: for people who have no shell on the GWM. Everything on it is in `/status` as well.

use std::fmt::{self, Write as _};

use super::status::Status;
use crate::control::html::{Escaped, HEAD};
use crate::sasp::gwm::report::{BalancerReport, GroupReport, MemberReport};

pub(super) fn render(status: &Status) -> String {
    let mut page = HEAD.to_owned();
    write(&mut page, status).unwrap_or_else(|_| unreachable!("a String takes everything"));
    page
}

fn write(page: &mut String, status: &Status) -> fmt::Result {
    let totals = &status.report.totals;
    writeln!(
        page,
        "<h1>GWM {}</h1><p>listens on {} · version {} · up {} s</p>\
         <p>{} balancers connected, {} lost · {} groups · {} members · {} connections, {} without a balancer</p>",
        Escaped(&status.instance),
        status.listen,
        status.version,
        status.uptime_seconds as u64,
        totals.balancers_connected,
        totals.balancers_lost,
        totals.groups,
        totals.members,
        totals.connections,
        totals.connections_without_balancer,
    )?;
    if let Some(error) = status
        .reload
        .as_ref()
        .and_then(|reload| reload.error.as_ref())
    {
        writeln!(page, "<p class=bad>reload failed: {}</p>", Escaped(error))?;
    }
    for by_hand in &status.overrides {
        writeln!(
            page,
            "<p>overridden: {} of group {}, balancer {}: {}</p>",
            by_hand.member,
            Escaped(&by_hand.group.to_string()),
            Escaped(
                &by_hand
                    .uid
                    .as_ref()
                    .map_or("any".to_owned(), ToString::to_string)
            ),
            by_hand.words(),
        )?;
    }
    for balancer in &status.report.balancers {
        write_balancer(page, balancer)?;
    }
    let left_out = &status.report.left_out;
    if left_out.balancers + left_out.groups + left_out.members > 0 {
        writeln!(
            page,
            "<p class=dim>not shown: {} balancers, {} groups and {} members more</p>",
            left_out.balancers, left_out.groups, left_out.members
        )?;
    }
    writeln!(page, "</body></html>")
}

fn write_balancer(page: &mut String, balancer: &BalancerReport) -> fmt::Result {
    let class = match balancer.grace_left_seconds {
        Some(_) => "bad",
        None => "",
    };
    write!(
        page,
        "<h2>{}</h2><p><span class=\"{class}\">{}</span> for {} s · {} · health {}",
        Escaped(&balancer.uid.to_string()),
        balancer.state,
        balancer.since_seconds as u64,
        balancer.peer,
        balancer.health,
    )?;
    for (flag, word) in [
        (balancer.push, "push"),
        (balancer.trust, "trust"),
        (balancer.no_change, "no change"),
    ] {
        if flag {
            write!(page, " · {word}")?;
        }
    }
    writeln!(page, "</p>")?;
    balancer
        .groups
        .iter()
        .try_for_each(|group| write_group(page, group))
}

fn write_group(page: &mut String, group: &GroupReport) -> fmt::Result {
    let tally = &group.tally;
    writeln!(
        page,
        "<p class=dim>group {}: {} members, {} confident, {} quiesced, weights sum up to {}</p>\
         <table><tr><th>member<th class=n>weight<th><th>contact<th>confident<th>quiesced<th>registered by<th>label</tr>",
        Escaped(&group.group.to_string()),
        tally.total,
        tally.confident,
        tally.quiesced,
        tally.weight,
    )?;
    for member in &group.members {
        write_member(page, member, tally.weight)?;
    }
    writeln!(page, "</table>")
}

fn write_member(page: &mut String, member: &MemberReport, sum: u64) -> fmt::Result {
    let yes = |is: bool| if is { "yes" } else { "no" };
    let class = |good: bool| if good { "" } else { "bad" };
    let entry = &member.entry;
    let share = f64::from(entry.weight) * 100.0 / (sum.max(1) as f64);
    writeln!(
        page,
        "<tr><td>{}<td class=n>{}<td class=bar><i style=\"width:{share:.1}%\"></i><td class=\"{}\">{}<td class=\"{}\">{}\
         <td class=\"{}\">{}<td>{}<td>{}</tr>",
        member.member,
        entry.weight,
        class(entry.contact),
        yes(entry.contact),
        class(entry.confident),
        yes(entry.confident),
        class(!entry.quiesced),
        yes(entry.quiesced),
        member.registered_by,
        Escaped(&member.label.to_string()),
    )
}
