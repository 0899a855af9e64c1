use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::super::status::{GwmStatus, tests::status};
use super::super::words::charge::Why;
use super::*;
use crate::sasp::client::{Counters, Snapshot, State};
use crate::sasp::code::{Code, Type};

fn gwm(address: &str, in_charge: bool) -> GwmStatus {
    GwmStatus {
        address: address.to_owned(),
        priority: 1,
        in_charge,
        live_seconds: None,
        since_seconds: 3.0,
        retry_in_seconds: None,
        session: Snapshot {
            state: State::Active,
            since: Instant::now(),
            retry_at: None,
            duplicate_uid: false,
            last_error: None,
            interval_seconds: Some(10),
            registered_groups: 1,
            registered_members: 2,
            counters: Counters {
                connects: 1,
                sent: BTreeMap::from([(Type::GET_WEIGHTS_REQUEST, 4)]),
                codes: BTreeMap::from([(
                    Type::GET_WEIGHTS_REPLY,
                    BTreeMap::from([(Code::SUCCESS, 3), (Code::UNKNOWN_LB, 1)]),
                )]),
                ..Counters::default()
            },
        },
    }
}

#[test]
fn every_number_of_the_status_has_a_name_a_unit_and_help() {
    let mut status = status();
    status.gwms = vec![gwm("192.0.2.1:3860", false), gwm("192.0.2.2:3860", true)];
    let mut stats = Stats::new(&crate::datapath::Sizes {
        flows: 2048,
        ..crate::datapath::Sizes::default()
    });
    stats.handovers.insert(Why::Lost, 3);
    stats.weights_to_table.observe(0.004);
    stats.published(2, Duration::from_millis(3));
    let text = render(&status, &stats).unwrap();
    let member = r#"vip="203.0.113.10:80",protocol="tcp",group="FARM1",member="10.0.0.2:80""#;
    for line in [
        r#"sasp_ctl_build_info{version="1.2.3",instance_name="eth0",lb_uid="edge-1"} 1.0"#,
        "sasp_ctl_tables_published_total 9",
        "sasp_ctl_last_reload_successful 1.0",
        r#"sasp_ctl_remembered_flows{family="ipv6"} 0.0"#,
        "sasp_ctl_remembered_flows_limit 2048.0",
        r#"sasp_ctl_weights_to_table_seconds_bucket{le="0.005"} 1"#,
        r#"sasp_ctl_service_packets_total{vip="203.0.113.10:80",protocol="tcp",group="FARM1"} 1150"#,
        r#"sasp_ctl_service_slots{vip="203.0.113.10:80",protocol="tcp",group="FARM1",phase="tracked"} 5.0"#,
        r#"sasp_ctl_service_slots_to_move{vip="203.0.113.10:80",protocol="tcp",group="FARM1"} 0.0"#,
        r#"sasp_ctl_service_turned_away_members{vip="203.0.113.10:80",protocol="tcp",group="FARM1"} 1.0"#,
        &format!("sasp_ctl_member_bytes_total{{{member}}} 5000"),
        &format!("sasp_ctl_member_opened_flows_total{{{member}}} 5"),
        &format!("sasp_ctl_member_state{{{member},state=\"active\"}} 1.0"),
        &format!("sasp_ctl_member_effective_weight{{{member}}} 40.0"),
        &format!("sasp_ctl_member_ramped_weight{{{member}}} 20.0"),
        &format!("sasp_ctl_member_applied_weight{{{member}}} 22.5"),
        &format!("sasp_ctl_member_gwm_weight{{{member}}} 40.0"),
        &format!("sasp_ctl_member_slots{{{member}}} 32768.0"),
        r#"sasp_ctl_passed_packets_total{reason="not_vip"} 11"#,
        r#"sasp_ctl_dropped_packets_total{reason="no_backend"} 12"#,
        r#"sasp_ctl_gwm_state{gwm="192.0.2.1:3860",state="active"} 1.0"#,
        r#"sasp_ctl_gwm_in_charge{gwm="192.0.2.1:3860"} 0.0"#,
        r#"sasp_ctl_gwm_in_charge{gwm="192.0.2.2:3860"} 1.0"#,
        r#"sasp_ctl_gwm_duplicate_uid{gwm="192.0.2.2:3860"} 0.0"#,
        r#"sasp_ctl_gwm_handovers_total{reason="lost"} 3"#,
        r#"sasp_ctl_gwm_handovers_total{reason="fail_back"} 0"#,
        r#"sasp_ctl_gwm_connects_total{gwm="192.0.2.2:3860"} 1"#,
        "sasp_ctl_health_ratio 1.0",
        r#"sasp_ctl_sasp_messages_sent_total{gwm="192.0.2.1:3860",type="Get Weights Request"} 4"#,
        r#"sasp_ctl_sasp_replies_total{gwm="192.0.2.1:3860",type="Get Weights Reply",code="unknown LB UID"} 1"#,
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    for sample in text.lines().filter(|line| !line.starts_with('#')) {
        let name = sample.split(['{', ' ']).next().unwrap();
        let base = ["_total", "_bucket", "_sum", "_count"]
            .iter()
            .find_map(|suffix| name.strip_suffix(suffix))
            .unwrap_or(name);
        let help = format!("# HELP {base} ");
        assert!(text.contains(&help), "no help for {name}");
    }
    assert!(text.ends_with("# EOF\n"));
}

#[test]
fn without_a_gwm_there_are_no_numbers_about_one() {
    let text = render(
        &status(),
        &Stats::new(&crate::datapath::Sizes {
            flows: 2048,
            ..crate::datapath::Sizes::default()
        }),
    )
    .unwrap();
    assert!(!text.contains("sasp_ctl_gwm") && !text.contains("sasp_ctl_sasp"));
}
