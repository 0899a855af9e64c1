use serde_json::json;

use super::*;

fn rendered(outcome: Value) -> String {
    render(&serde_json::from_value(outcome).unwrap(), "FARM1")
}

fn said(uid: &str, weight: u16, quiesced: bool, confident: bool) -> Value {
    json!({ "uid": uid, "weight": weight, "contact": true, "confident": confident, "quiesced": quiesced })
}

#[test]
fn what_all_balancers_are_told_alike_is_one_line() {
    let text = rendered(json!({
        "member": "10.0.0.1:80",
        "overridden": { "weight": 7, "quiesced": false },
        "said": [said("A", 7, false, true), said("B", 0, true, false), said("C", 7, false, true)],
        "notes": ["a restart of this GWM forgets it"],
    }));
    assert_eq!(
        text,
        "10.0.0.1:80 in group FARM1: overridden: weight 7\n\
         \x20 balancer B is told: weight 0, quiesced, not confident\n\
         \x20 balancers A, C are told: weight 7\n\
         \x20 note: a restart of this GWM forgets it\n"
    );
}

#[test]
fn a_member_without_overrides_is_left_to_the_rules() {
    let text = rendered(json!({
        "member": "10.0.0.1:80", "overridden": null, "said": [said("A", 40, false, true)], "notes": [],
    }));
    assert_eq!(
        text,
        "10.0.0.1:80 in group FARM1: nothing is overridden, the rules count\n  balancer A is told: weight 40\n"
    );
}

#[test]
fn a_weight_is_a_number_of_sixteen_bits_or_auto() {
    for (text, expected) in [
        ("auto", Some(Weight::Auto)),
        ("0", Some(Weight::Is(0))),
        ("65535", Some(Weight::Is(u16::MAX))),
    ] {
        assert_eq!(weight(text).ok(), expected, "{text}");
    }
    for wrong in ["", "-1", "65536", "1.5", "AUTO", "full"] {
        assert!(weight(wrong).is_err(), "{wrong}");
    }
}
