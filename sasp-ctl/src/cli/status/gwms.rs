//! The GWMs for people: how each session stands, and whose weights count.

use super::table::{Paint, span};
use super::view::{Gwm, Service, Status};

pub(super) fn render(status: &Status, paint: &Paint) -> String {
    if status.gwms.is_empty() {
        return "GWM none: static weights stand\n".to_owned();
    }
    let lines = status.gwms.iter().map(|gwm| line(status, gwm, paint));
    lines.collect()
}

fn line(status: &Status, gwm: &Gwm, paint: &Paint) -> String {
    let state = match gwm.state.as_str() {
        "active" => paint.good(&gwm.state),
        "backoff" | "duplicate" => paint.bad(&gwm.state),
        _ => gwm.state.clone(),
    };
    let mut text = format!(
        "GWM {}  {state} for {}",
        gwm.address,
        span(gwm.since_seconds)
    );
    if let Some(seconds) = gwm.retry_in_seconds {
        text.push_str(&format!(", next attempt in {}", span(seconds)));
    }
    if status.gwms.len() > 1 {
        text.push_str(match (status.combine.as_str(), gwm.in_charge) {
            ("fail-over", true) => "  in charge",
            ("fail-over", false) => "  standby",
            (_, true) => "  counts",
            (_, false) => "  does not count",
        });
    }
    // An error that is over is for the log.
    let failing = !matches!(gwm.state.as_str(), "converging" | "active");
    if let Some(error) = gwm.last_error.as_ref().filter(|_| failing) {
        text.push_str(&format!("  last error: {error}"));
    }
    text.push('\n');
    if gwm.duplicate_uid {
        text.push_str(&paint.bad("another balancer seems to use our LB UID: choose another uid"));
        text.push('\n');
    }
    text
}

/// Where a service's weights come from, if there is a choice.
pub(super) fn whose(status: &Status, service: &Service) -> String {
    let combined = status.combine != "fail-over";
    match (&service.gwms[..], status.gwms.len()) {
        ([], _) | (_, 0 | 1) => String::new(),
        (gwms, _) if combined => format!(" ({} of {})", status.combine, gwms.join(", ")),
        (gwms, _) => format!(" ({})", gwms.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn status(combine: &str) -> Status {
        let gwm = |address: &str, state: &str, in_charge: bool| {
            json!({
                "address": address, "in_charge": in_charge, "state": state, "since_seconds": 61.0,
                "retry_in_seconds": null, "last_error": "late", "duplicate_uid": state == "duplicate",
            })
        };
        serde_json::from_value(json!({
            "instance": "eth0", "version": "0.1.0", "lb_uid": "edge-1", "uptime_seconds": 1.0, "health": 127,
            "interfaces": [], "combine": combine,
            "gwms": [gwm("a:3860", "duplicate", false), gwm("b:3860", "active", true)],
            "services": [{
                "vip": "203.0.113.10:80", "protocol": "tcp", "group": "F", "weights": "gwm",
                "gwms": ["a:3860", "b:3860"], "remembered_flows": 0, "packets": 0, "bytes": 0, "opened": 0,
                "slots": { "total": 65536, "tracked": 0, "fresh": 0, "settled": 0, "unowned": 0 }, "members": [],
            }],
            "reasons": { "pass": {}, "drop": {}, "note": {} }, "reload": null,
        }))
        .unwrap()
    }

    #[test]
    fn of_several_gwms_it_is_said_which_count() {
        let plain = Paint { colours: false };
        assert_eq!(
            render(&status("fail-over"), &plain),
            "GWM a:3860  duplicate for 1m 1s  standby  last error: late\n\
             another balancer seems to use our LB UID: choose another uid\n\
             GWM b:3860  active for 1m 1s  in charge\n"
        );
        let combined = status("mean");
        let text = render(&combined, &plain);
        assert!(text.contains("active for 1m 1s  counts\n"), "{text}");
        let service = &combined.services[0];
        assert_eq!(whose(&combined, service), " (mean of a:3860, b:3860)");
    }

    #[test]
    fn with_one_gwm_nothing_is_said_about_others() {
        let mut status = status("fail-over");
        status.gwms.remove(0);
        let text = render(&status, &Paint { colours: false });
        assert_eq!(text, "GWM b:3860  active for 1m 1s\n");
        assert_eq!(whose(&status, &status.services[0]), "");
    }
}
