//! The status page: one HTML document that needs nothing else and loads itself again. For people who have no shell on
//! the balancer; everything on it is in `/status` as well.

use std::fmt::{self, Write as _};

use crate::control::html::{Escaped, HEAD};
use crate::sasp::client::State;

use super::super::status::{MemberStatus, ServiceStatus, Status};

pub(super) fn render(status: &Status) -> String {
    let mut page = HEAD.to_owned();
    write(&mut page, status).unwrap_or_else(|_| unreachable!("a String takes everything"));
    page
}

fn write(page: &mut String, status: &Status) -> fmt::Result {
    let process = &status.process;
    writeln!(
        page,
        "<h1>{}</h1><p>LB UID {} · version {} · up {} s · health {}/127",
        Escaped(&process.instance),
        Escaped(&process.lb_uid),
        process.version,
        process.uptime_seconds as u64,
        status.health
    )?;
    for interface in &status.interfaces {
        let frags = if interface.frags { ", frags" } else { "" };
        write!(
            page,
            " · {} ({}{frags})",
            Escaped(&interface.name),
            interface.mode
        )?;
    }
    writeln!(page, "</p>")?;
    write_gwms(page, status)?;
    for service in &status.services {
        write_service(page, status, service)?;
    }
    for (what, counts) in [
        ("Passed", &status.reasons.pass),
        ("Dropped", &status.reasons.drop),
        ("Noted", &status.reasons.note),
    ] {
        let counted: Vec<_> = counts
            .iter()
            .filter(|(_, count)| **count > 0)
            .map(|(reason, count)| format!("{reason} {count}"))
            .collect();
        if !counted.is_empty() {
            writeln!(page, "<p>{what}: {}</p>", counted.join(", "))?;
        }
    }
    writeln!(page, "</body></html>")
}

fn write_gwms(page: &mut String, status: &Status) -> fmt::Result {
    if status.gwms.is_empty() {
        return writeln!(page, "<p>No GWM: static weights stand.</p>");
    }
    for gwm in &status.gwms {
        let part = match (&status.gwms[..], status.combine, gwm.in_charge) {
            ([_], _, _) => String::new(),
            (_, "fail-over", true) => " · in charge".to_owned(),
            (_, "fail-over", false) => " · standby".to_owned(),
            (_, combine, _) => format!(" · {combine}"),
        };
        let session = &gwm.session;
        writeln!(
            page,
            "<p>GWM {}: <b>{:?}</b> for {} s{part} <span class=bad>{}</span></p>",
            Escaped(&gwm.address),
            session.state,
            gwm.since_seconds as u64,
            Escaped(match session.state {
                State::Converging | State::Active => "",
                State::Duplicate => "another balancer seems to use our LB UID",
                _ => session.last_error.as_deref().unwrap_or_default(),
            })
        )?;
    }
    Ok(())
}

fn write_service(page: &mut String, status: &Status, service: &ServiceStatus) -> fmt::Result {
    writeln!(
        page,
        "<h2>{}/{}</h2><p class=dim>group {} · weights: {}{} · {} of {} slots tracked · {} flows remembered</p>",
        service.vip,
        service.protocol,
        Escaped(&service.group),
        service.weights,
        Escaped(&match (&status.gwms[..], service.gwms.join(", ")) {
            ([_, _, ..], gwms) if !gwms.is_empty() => format!(" ({gwms})"),
            _ => String::new(),
        }),
        service.slots.tracked,
        service.slots.total,
        service.remembered_flows
    )?;
    writeln!(
        page,
        "<table><tr><th>member<th>state<th class=n>weight<th class=n>wanted<th class=n>share<th><th class=n>packets<th class=n>bytes<th class=n>opened<th>why</tr>"
    )?;
    for member in &service.members {
        write_member(page, member)?;
    }
    writeln!(page, "</table>")
}

fn write_member(page: &mut String, member: &MemberStatus) -> fmt::Result {
    let report = &member.report;
    let class = if report.state == "active" { "" } else { "bad" };
    let mut why = member
        .next_hop_error
        .as_deref()
        .unwrap_or(report.reason)
        .to_owned();
    if report.forward != "dsr" {
        why = format!("{why}; by {}", report.forward);
    }
    if let Some(gateway) = member.gateway.filter(|_| member.next_hop_error.is_none()) {
        why = format!("{why} via {gateway}");
    }
    if let Some(warning) = &report.warning {
        why = format!("{why}; {warning}");
    }
    if report.why_applied != "as_weighed" {
        why = format!("{why}; {}", report.applied_reason);
    }
    writeln!(
        page,
        "<tr><td>{}<td class=\"{class}\">{}<td class=n>{}<td class=n>{:.1}%<td class=n>{:.1}%\
         <td class=bar><i style=\"width:{:.1}%\"></i><td class=n>{}<td class=n>{}<td class=n>{}<td>{}</tr>",
        report.address,
        report.state,
        report.effective_weight,
        report.share_wanted * 100.0,
        report.share * 100.0,
        report.share * 100.0,
        member.traffic.packets,
        member.traffic.bytes,
        member.traffic.opened,
        Escaped(&why),
    )
}
