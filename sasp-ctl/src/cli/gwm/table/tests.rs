use serde_json::{Value, json};

use super::*;

fn member(address: &str, weight: u16, more: Value) -> Value {
    let entry = json!({
        "weight": weight, "contact": true, "confident": true, "quiesced": false, "state": 0,
    });
    let mut member = json!({
        "member": address, "label": "web-1", "registered_by": "balancer",
        "quiesced_by": { "balancer": false, "member": false, "gwm": false }, "assessed_weight": weight,
        "sent": entry,
    });
    for from in [entry, more] {
        let fields = from.as_object().unwrap().clone();
        member.as_object_mut().unwrap().extend(fields);
    }
    member
}

fn status() -> Value {
    json!({
        "instance": "gwm", "version": "0.1.0", "uptime_seconds": 3725.0, "listen": "0.0.0.0:3860",
        "config_file": "/etc/gwm.toml", "reload": { "seconds_ago": 61.0, "error": null },
        "totals": { "connections": 3, "balancers_connected": 1, "balancers_lost": 1, "groups": 2, "members": 5 },
        "balancers": [
            {
                "uid": "edge-1", "state": "connected", "peer": "192.0.2.1:40112", "since_seconds": 3700.0,
                "heard_seconds": 4.0, "grace_left_seconds": null, "health": 127, "push": true, "trust": true,
                "no_change": false, "members": 4,
                "groups": [{
                    "group": "FARM1", "total": 4, "confident": 3, "quiesced": 1, "weight": 60,
                    "members": [
                        member("10.0.0.1:80", 40, json!({})),
                        member("10.0.0.2:80", 0, json!({
                            "quiesced": true, "assessed_weight": 20, "sent": null,
                            "quiesced_by": { "balancer": true, "member": false, "gwm": true },
                        })),
                        member("10.0.0.3:80", 20, json!({ "registered_by": "member", "state": 7 })),
                        member("[2001:db8::4]:80", 0, json!({ "contact": false, "confident": false })),
                    ],
                }],
            },
            {
                "uid": "edge-2", "state": "lost", "peer": "[2001:db8::2]:5", "since_seconds": 10.0,
                "heard_seconds": null, "grace_left_seconds": 110.0, "health": 0, "push": false, "trust": false,
                "no_change": false, "members": 1, "groups": [],
            },
        ],
        "connections": [{ "peer": "10.0.0.3:5555", "since_seconds": 9.0, "heard_seconds": null }],
        "left_out": { "balancers": 0, "groups": 1, "members": 0, "connections": 2 },
        "overrides": [
            {
                "group": "FARM1", "member": "10.0.0.1:80", "uid": null, "weight": 40, "quiesced": false,
                "seconds_ago": 75.0,
            },
            {
                "group": "FARM1", "member": "10.0.0.2:80", "uid": "edge-1", "weight": null, "quiesced": true,
                "seconds_ago": 5.0,
            },
        ],
        "sources": [{
            "group": "FARM1", "uid": null, "source": "probe", "asked": "TCP port 80 every 5s", "members": 4,
            "not_confident": 1, "down": 1, "left_out": 0,
            "errors": [{ "member": "[2001:db8::4]:80", "error": "connection refused", "seconds": 12.0 }],
        }],
    })
}

fn rendered(status: Value, colours: bool) -> String {
    render(&serde_json::from_value(status).unwrap(), colours)
}

#[test]
fn balancers_come_first_then_groups_then_what_the_weights_come_from() {
    let expected = "\
GWM gwm  listens on 0.0.0.0:3860  version 0.1.0  up 1h 2m
balancers: 1 connected, 1 lost  groups: 2  members: 5  connections: 3
config /etc/gwm.toml, reloaded 1m 1s ago

BALANCER  STATE  PEER             SINCE  HEARD  HEALTH  MEMBERS  WANTS
edge-1    up     192.0.2.1:40112  1h 1m     4s     127        4  push trust
edge-2    lost   [2001:db8::2]:5    10s      -       0        1  forgotten in 1m 50s

group FARM1 of edge-1: 4 members, 1 not confident, 1 quiesced, weights 60
  MEMBER                 WEIGHT    SENT  FLAGS                                           LABEL
  10.0.0.1:80                40     yes  contact, confident                              web-1
  10.0.0.2:80       0 (else 20)   never  contact, confident, quiesced by balancer + GWM  web-1
  10.0.0.3:80                20  no, 20  contact, confident, registered itself, state 7  web-1
  [2001:db8::4]:80            0   no, 0  no contact, not confident                       web-1

OVERRIDDEN   GROUP  BALANCER  WEIGHT  QUIESCED       SINCE
10.0.0.1:80  FARM1  any           40  no        1m 15s ago
10.0.0.2:80  FARM1  edge-1      auto  yes           5s ago

source probe  for group FARM1: 4 members, 1 down, 1 not confident
  asks TCP port 80 every 5s
  [2001:db8::4]:80  connection refused (12s)

connections that speak for no balancer
  10.0.0.3:5555  for 9s, silent
  and 2 more

not shown: 1 group; choose with --uid and --group
";
    assert_eq!(rendered(status(), false), expected);
}

#[test]
fn what_is_not_there_takes_no_room() {
    let mut empty = status();
    for list in ["balancers", "connections", "overrides", "sources"] {
        empty[list] = json!([]);
    }
    empty["left_out"] = json!({ "balancers": 0, "groups": 0, "members": 0, "connections": 0 });
    empty["reload"] = json!({ "seconds_ago": 2.0, "error": "gwm.toml:3: bad" });
    empty["config_file"] = Value::Null;
    let text = rendered(empty, false);
    let (_, rest) = text.split_once("connections: 3\n").unwrap();
    assert_eq!(rest, "config none\nreload failed 2s ago: gwm.toml:3: bad\n");
}

#[test]
fn labels_are_shown_if_there_are_any() {
    let mut status = status();
    for member in status["balancers"][0]["groups"][0]["members"]
        .as_array_mut()
        .unwrap()
    {
        member["label"] = json!("");
    }
    let text = rendered(status, false);
    assert!(!text.contains("LABEL"), "{text}");
}

#[test]
fn members_and_balancers_in_trouble_are_painted() {
    let text = rendered(status(), true);
    for (line, is_painted) in [
        ("10.0.0.1:80 ", false),
        ("10.0.0.2:80 ", true),
        ("[2001:db8::4]:80 ", true),
        ("edge-1 ", false),
        ("edge-2 ", true),
    ] {
        let found = text
            .lines()
            .find(|text| text.contains(line) && !text.contains("OVER"))
            .unwrap();
        assert_eq!(found.contains("\x1b[31m"), is_painted, "{found:?}");
    }
}
