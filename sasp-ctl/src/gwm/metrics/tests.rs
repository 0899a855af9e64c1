use super::super::bed::{Bed, RULES, key};
use super::*;
use crate::sasp::msg::MemberKey;

fn lines(bed: &Bed) -> Vec<String> {
    let text = of(&bed.context()).unwrap();
    assert!(text.ends_with("# EOF\n"));
    text.lines().map(str::to_owned).collect()
}

fn value(lines: &[String], series: &str) -> Option<f64> {
    let line = lines.iter().find_map(|line| line.strip_prefix(series))?;
    line.trim().parse().ok()
}

#[test]
fn everything_has_a_name_and_a_value() {
    let bed = Bed::new(RULES);
    bed.balancer("A", &[1, 2, 9]);
    bed.hub.connect(([192, 0, 2, 7], 7).into());
    bed.hub.record().push(100);
    bed.hub.record().reload(None);
    bed.hub.record().reload(Some("bad".to_owned()));
    let lines = lines(&bed);
    for (series, expected) in [
        ("build_info{version=\"0.1.0\",instance_name=\"gwm\"}", 1.0),
        ("connections{role=\"balancer\"}", 1.0),
        ("connections{role=\"other\"}", 1.0),
        ("balancers{state=\"connected\"}", 1.0),
        ("balancers{state=\"lost\"}", 0.0),
        ("groups ", 1.0),
        ("members ", 3.0),
        (
            "messages_received_total{type=\"Registration Request\"}",
            1.0,
        ),
        ("messages_received_total{type=\"unknown\"}", 0.0),
        (
            "replies_total{type=\"Set LB State Request\",code=\"success\"}",
            1.0,
        ),
        ("pushes_total ", 1.0),
        ("push_bytes_total ", 100.0),
        ("connections_opened_total ", 2.0),
        ("reloads_total{outcome=\"done\"}", 1.0),
        ("reloads_total{outcome=\"refused\"}", 1.0),
        ("last_reload_successful ", 0.0),
        ("overrides{kind=\"weight\"}", 0.0),
        ("series_shown{of=\"member\"}", 1.0),
        ("group_members{uid=\"A\",group=\"G\"}", 3.0),
        ("group_members_confident{uid=\"A\",group=\"G\"}", 2.0),
        ("group_weight{uid=\"A\",group=\"G\"}", 30.0),
        (
            "member_weight{uid=\"A\",group=\"G\",member=\"10.0.0.2:80\"}",
            20.0,
        ),
        (
            "member_confident{uid=\"A\",group=\"G\",member=\"10.0.0.9:80\"}",
            0.0,
        ),
    ] {
        assert_eq!(
            value(&lines, &format!("sasp_gwm_{series}")),
            Some(expected),
            "{series}"
        );
    }
    let nameless = lines
        .iter()
        .filter(|line| line.starts_with("# HELP") && line.split(' ').count() < 4);
    assert_eq!(nameless.count(), 0);
}

#[test]
fn refusals_and_closed_connections_are_told_by_reason() {
    let bed = Bed::new("[limits]\nconnections = 1\nmembers = 2\n");
    let a = bed.balancer("A", &[1, 2]);
    let (second, _) = bed.hub.connect(([192, 0, 2, 7], 7).into());
    assert!(bed.try_register(a, "A", "H", &[key(3)]).is_err());
    assert!(bed.try_register(second, "B", "G", &[key(3)]).is_err());
    let lines = lines(&bed);
    let refused = "sasp_gwm_refusals_total{reason=\"too_many_members\"}";
    assert_eq!(value(&lines, refused), Some(1.0));
    let closed = "sasp_gwm_connections_closed_total{reason=\"too_many_connections\"}";
    assert_eq!(value(&lines, closed), Some(1.0));
}

#[test]
fn too_many_members_are_told_by_group_and_too_many_groups_not_at_all() {
    let bed = Bed::new(RULES);
    let a = bed.balancer("A", &[1]);
    let ports: Vec<_> = (1..=u16::try_from(SERIES_MAX).unwrap())
        .map(|port| MemberKey { port, ..key(5) })
        .collect();
    let (last, others) = ports.split_last().unwrap();
    bed.register(a, "A", "G", others);
    let count = |series: &str| {
        lines(&bed)
            .iter()
            .filter(|line| line.starts_with(series))
            .count()
    };
    assert_eq!(count("sasp_gwm_member_weight{"), SERIES_MAX);
    bed.register(a, "A", "G", &[*last]);
    assert_eq!(count("sasp_gwm_member_weight{"), 0);
    assert_eq!(
        value(
            &lines(&bed),
            "sasp_gwm_group_members{uid=\"A\",group=\"G\"}"
        ),
        Some(2_001.0)
    );
    assert_eq!(
        value(&lines(&bed), "sasp_gwm_series_shown{of=\"member\"}"),
        Some(0.0)
    );
    for number in 0..SERIES_MAX {
        bed.register(a, "A", &format!("G{number}"), &[key(1)]);
    }
    assert_eq!(count("sasp_gwm_group_members{"), 0);
    assert_eq!(
        value(&lines(&bed), "sasp_gwm_series_shown{of=\"group\"}"),
        Some(0.0)
    );
    assert_eq!(value(&lines(&bed), "sasp_gwm_members "), Some(4_001.0));
}
