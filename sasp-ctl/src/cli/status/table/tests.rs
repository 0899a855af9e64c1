use serde_json::json;

use super::*;

fn status() -> Status {
    let gwm = json!({
        "address": "192.0.2.1:3860", "in_charge": true, "state": "backoff", "since_seconds": 61.0, "retry_in_seconds": 19.2,
        "last_error": "the GWM closed the connection", "duplicate_uid": false,
    });
    let members = json!([
        {
            "address": "10.0.0.1:80", "state": "active", "reason": "as the GWM says", "next_hop_error": null,
            "static_weight": 10, "gwm": { "weight": 40 }, "effective_weight": 40, "applied_weight": 2.5,
            "why_applied": "slow_start", "applied_reason": "slow start: 56 s left", "origin": "config",
            "share_wanted": 1.0,
            "share": 1.0, "slots": 65536, "packets": 12, "bytes": 720, "opened": 2, "remembered_flows": 5,
        },
        {
            "address": "10.0.0.2:80", "state": "unresolved", "reason": "no next hop",
            "next_hop_error": "no route",
            "static_weight": 10, "gwm": null, "effective_weight": 0, "applied_weight": 0.0,
            "why_applied": "as_weighed", "applied_reason": "as weighed", "origin": "self", "share_wanted": 0.0,
            "share": 0.0, "slots": 0, "packets": 0, "bytes": 0, "opened": 0, "remembered_flows": 0,
        },
    ]);
    serde_json::from_value(json!({
        "instance": "eth0", "version": "0.1.0", "lb_uid": "edge-1", "uptime_seconds": 3725.0, "health": 64,
        "interfaces": [{ "name": "eth0", "mode": "native", "state": "attached", "ifindex": 2 }],
        "combine": "fail-over", "gwms": [gwm],
        "services": [{
            "vip": "203.0.113.10:80", "protocol": "tcp", "group": "FARM1", "weights": "held", "gwms": ["192.0.2.1:3860"],
            "slots": { "total": 65536, "tracked": 7, "fresh": 3, "settled": 4, "unowned": 0 },
            "remembered_flows": 5, "packets": 12, "bytes": 720, "opened": 2,
            "members": members,
            "turned_away": [{ "address": "10.0.0.3:81", "reason": "its port is not that of the VIP" }],
        }],
        "reasons": { "pass": { "not_vip": 3, "vlan": 0 }, "drop": { "no_backend": 1 }, "note": {} },
        "reload": { "seconds_ago": 2.0, "error": null },
    }))
    .unwrap()
}

#[test]
fn the_table_shows_who_gets_what_and_why() {
    let text = render(&status(), false);
    let expected = "\
instance eth0  LB UID edge-1  version 0.1.0  up 1h 2m  health 50%
interfaces eth0 (native)
GWM 192.0.2.1:3860  backoff for 1m 1s, next attempt in 19s  last error: the GWM closed the connection
reloaded 2s ago

203.0.113.10:80/tcp  group FARM1  weights: held
  MEMBER       STATE       STATIC  GWM  WEIGHT  APPLIED  WANTED   SHARE  SLOTS  PACKETS  BYTES  OPENED  REMEMBERED  WHY
  10.0.0.1:80  active          10   40      40      2.5  100.0%  100.0%  65536       12    720       2           5  as the GWM says; slow start: 56 s left
  10.0.0.2:80  unresolved      10    -       0        0    0.0%    0.0%      0        0      0       0           0  no route; has registered itself
  10.0.0.3:81 registered itself in vain: its port is not that of the VIP
  65536 slots: 7 tracked (3 fresh, 4 settled), 0 without owner; 5 flows remembered
  all members, former ones too: 12 packets, 720 bytes, 2 flows opened

passed: not_vip 3
dropped: no_backend 1
";
    assert_eq!(text, expected);
}

#[test]
fn an_interface_that_is_gone_says_so() {
    let mut status = status();
    status.interfaces[0].state = "gone".to_owned();
    let text = render(&status, false);
    assert!(
        text.contains("interfaces eth0 (gone: no packets are balanced there)\n"),
        "{text}"
    );
}

#[test]
fn colours_are_the_only_difference_on_a_terminal() {
    let coloured = render(&status(), true);
    assert!(coloured.contains("\x1b[31m"));
    let mut plain = String::new();
    let mut rest = coloured.as_str();
    while let Some((before, after)) = rest.split_once('\x1b') {
        plain.push_str(before);
        rest = after.split_once('m').unwrap().1;
    }
    plain.push_str(rest);
    assert_eq!(plain, render(&status(), false));
}

#[test]
fn a_span_shows_its_two_largest_units() {
    for (seconds, text) in [
        (0.0, "0s"),
        (59.9, "59s"),
        (60.0, "1m 0s"),
        (3_600.0, "1h 0m"),
        (90_061.0, "1d 1h"),
        (-1.0, "0s"),
    ] {
        assert_eq!(span(seconds), text);
    }
}
