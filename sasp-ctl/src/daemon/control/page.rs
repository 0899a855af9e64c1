//! The status page: one HTML document that needs nothing else and loads itself again. For people who have no shell on
//! the balancer; everything on it is in `/status` as well.

use std::fmt::{self, Display, Write as _};

use crate::sasp::client::State;

use super::super::status::{MemberStatus, ServiceStatus, Status};

const HEAD: &str = r#"<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="2">
<meta name="viewport" content="width=device-width"><title>sasp-ctl</title><style>
body{font:15px/1.5 system-ui,sans-serif;margin:2em auto;max-width:75em;padding:0 1em;color:#222;background:#fff}
h2{margin:1.5em 0 .3em}table{border-collapse:collapse;width:100%}th,td{padding:.25em .6em;border-bottom:1px solid #ddd}
th{text-align:left;font-weight:600}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
.bar{background:#e8eef5;min-width:8em}.bar i{display:block;background:#4a7fb5;height:.8em}.bad{color:#b00020}.dim{color:#666}
@media(prefers-color-scheme:dark){body{color:#ddd;background:#181a1b}th,td{border-color:#333}.bar{background:#2a3038}.bad{color:#ff6b6b}.dim{color:#999}}
</style></head><body>
"#;

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
        write!(page, " · {} ({})", Escaped(&interface.name), interface.mode)?;
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

/// Names come from files and from the GWM: they are text, not markup.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                _ => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Escaped;

    #[test]
    fn names_are_text_and_not_markup() {
        assert_eq!(
            Escaped("<b>\"F&1\"</b>").to_string(),
            "&lt;b&gt;&quot;F&amp;1&quot;&lt;/b&gt;"
        );
    }
}
