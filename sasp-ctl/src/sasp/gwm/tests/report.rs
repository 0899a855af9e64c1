//! What a GWM says of itself.

use serde_json::{Value, json};

use super::*;
use crate::sasp::code::member_flags::QUIESCE;

/// A: G with 1 (quiesced by the balancer), 2 (by itself) and 9 (no rule), H with 1; it wants pushes and was pushed
/// once. B: lost ten seconds ago, G with 3. And a member's connection.
fn bed() -> Bed {
    let mut bed = Bed::new();
    let a = bed.balancer("A", PUSH | TRUST);
    assert_eq!(
        bed.code(a, register(LB, &[("A", "G", &[1, 9]), ("A", "H", &[1])])),
        Code::SUCCESS
    );
    let member = bed.connect_from("192.0.2.9:7");
    assert_eq!(
        bed.code(member, register(MEMBER, &[("A", "G", &[2])])),
        Code::SUCCESS
    );
    for (id, flags, number) in [(a, LB, 1), (member, MEMBER, 2)] {
        let quiesce = set_member_state(flags, (7, QUIESCE), &[("A", "G", &[number])]);
        assert_eq!(bed.code(id, quiesce), Code::SUCCESS);
    }
    bed.pushed(a).expect("a push");
    let b = bed.balancer("B", 0);
    assert_eq!(
        bed.code(b, register(LB, &[("B", "G", &[3])])),
        Code::SUCCESS
    );
    bed.gwm.handle_disconnect(b, bed.now);
    bed.now += SECOND * 10;
    bed
}

fn report(bed: &Bed, scope: &Scope) -> Value {
    serde_json::to_value(bed.gwm.report(scope, bed.now)).unwrap()
}

#[test]
fn a_report_says_of_each_member_what_it_weighs_who_quiesced_it_and_what_was_sent() {
    let bed = bed();
    let report = report(&bed, &Scope::EVERYTHING);
    let [a, b] = report["balancers"].as_array().unwrap().as_slice() else {
        panic!("not two balancers: {report}");
    };
    assert_eq!(a["uid"], "A");
    assert_eq!(a["state"], "connected");
    assert_eq!(a["peer"], "192.0.2.1:1024");
    assert_eq!(
        [&a["push"], &a["trust"], &a["no_change"]],
        [true, true, false]
    );
    assert_eq!(
        (&a["heard_seconds"], &a["grace_left_seconds"]),
        (&json!(10.0), &Value::Null)
    );
    assert_eq!(a["push_waits"], false);
    assert_eq!(
        a["groups"][0]["members"][0],
        json!({
            "member": "10.0.0.1:80", "label": "label", "registered_by": "balancer",
            "quiesced_by": { "balancer": true, "member": false, "gwm": false },
            "assessed_weight": 10,
            "weight": 0, "contact": true, "confident": true, "quiesced": true, "state": 7,
            "sent": { "weight": 0, "contact": true, "confident": true, "quiesced": true, "state": 7 },
        })
    );
    let second = &a["groups"][0]["members"][1];
    assert_eq!(
        (&second["member"], &second["registered_by"]),
        (&json!("10.0.0.2:80"), &json!("member"))
    );
    assert_eq!(second["quiesced_by"]["member"], true);
    let unknown = &a["groups"][0]["members"][2];
    assert_eq!(
        (&unknown["confident"], &unknown["contact"]),
        (&json!(false), &json!(false))
    );
    let group = &a["groups"][0];
    assert_eq!(
        ["total", "in_contact", "confident", "quiesced", "weight"].map(|key| group[key].as_u64()),
        [3, 2, 2, 2, 0].map(Some)
    );
    assert_eq!(b["state"], "lost");
    assert_eq!(
        (&b["since_seconds"], &b["grace_left_seconds"]),
        (&json!(10.0), &json!(110.0))
    );
    assert_eq!(b["groups"][0]["members"][0]["sent"], Value::Null);
    let member = json!({ "peer": "192.0.2.9:7", "since_seconds": 10.0, "heard_seconds": 10.0 });
    assert_eq!(report["connections"], json!([member]));
}

#[test]
fn totals_count_everything_and_counters_have_names() {
    let bed = bed();
    let nothing = Scope {
        rows: 0,
        ..Scope::EVERYTHING
    };
    let report = report(&bed, &nothing);
    assert_eq!(
        report["totals"],
        json!({
            "connections": 2, "connections_without_balancer": 1, "balancers_connected": 1, "balancers_lost": 1,
            "groups": 3, "members": 5,
        })
    );
    assert_eq!(
        report["left_out"],
        json!({ "balancers": 2, "groups": 0, "members": 0, "connections": 1 })
    );
    assert_eq!(
        report["counters"]["replied"]["Registration Request"],
        json!({ "success": 3 })
    );
    assert_eq!(report["counters"]["pushed"], 1);
}

#[test]
fn refusals_and_closed_connections_are_counted_by_reason() {
    let mut bed = bed();
    let fresh = bed.connect();
    assert_eq!(
        bed.code(fresh, get_weights(&[("C", "G")])),
        Code::UNKNOWN_LB
    );
    bed.pass(SECOND * 400);
    let counters = &report(&bed, &Scope::EVERYTHING)["counters"];
    assert_eq!(counters["refused"], json!({ "unknown_lb": 1 }));
    assert_eq!(counters["closed"], json!({ "silent": 2 }));
}

#[test]
fn a_scope_chooses_balancers_and_groups() {
    let bed = bed();
    let shown = |uid: Option<&str>, group: Option<&str>| {
        let scope = Scope {
            uid: uid.map(name),
            group: group.map(name),
            rows: usize::MAX,
        };
        let report = bed.gwm.report(&scope, bed.now);
        let of_balancer = |balancer: &super::super::report::BalancerReport| -> Vec<String> {
            let groups = balancer.groups.iter();
            groups
                .map(|group| format!("{}/{}", balancer.uid, group.group))
                .collect()
        };
        let groups: Vec<_> = report.balancers.iter().flat_map(of_balancer).collect();
        groups.join(" ")
    };
    assert_eq!(shown(None, None), "A/G A/H B/G");
    assert_eq!(shown(Some("A"), None), "A/G A/H");
    assert_eq!(shown(None, Some("G")), "A/G B/G");
    assert_eq!(shown(Some("B"), Some("H")), "");
    assert_eq!(shown(Some("C"), None), "");
}

#[test]
fn what_does_not_fit_is_counted_and_never_more_rows_are_listed() {
    let bed = bed();
    let everything = bed.gwm.report(&Scope::EVERYTHING, bed.now);
    for rows in 0..=11 {
        let scope = Scope {
            rows,
            ..Scope::EVERYTHING
        };
        let report = bed.gwm.report(&scope, bed.now);
        let groups = || {
            report
                .balancers
                .iter()
                .flat_map(|balancer| &balancer.groups)
        };
        let members: usize = groups().map(|group| group.members.len()).sum();
        let listed = report.balancers.len() + groups().count() + members + report.connections.len();
        assert_eq!(
            listed, rows,
            "two balancers, three groups, five members, one connection"
        );
        let counted: usize = groups().map(|group| group.tally.total).sum();
        assert_eq!(members + report.left_out.members, counted);
        assert_eq!(report.connections.len() + report.left_out.connections, 1);
        assert_eq!(report.balancers.len() + report.left_out.balancers, 2);
        assert_eq!(report == everything, rows == 11);
    }
}
