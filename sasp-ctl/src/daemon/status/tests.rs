use sasp_xdp_common::abi::counters::Reason;

use super::*;
use crate::balance::model::report::WordReport;
use crate::datapath::nexthop::Unresolved;
use crate::datapath::{RunsIn, State};

fn member(address: &str, index: u16) -> MemberReport {
    MemberReport {
        address: address.to_owned(),
        index,
        generation: 1,
        state: "active",
        why: "gwm",
        reason: "weight from GWM",
        usable: true,
        origin: "config",
        static_weight: 10,
        gwm: Some(WordReport {
            contact: true,
            quiesce: false,
            confident: true,
            registered_by_lb: true,
            weight: 40,
            state: 0,
        }),
        quiesced: false,
        effective_weight: 40,
        ramped_weight: 20.0,
        applied_weight: 22.5,
        why_applied: "slow_start",
        applied_reason: "slow start: 30 s left".to_owned(),
        table_weight: 40,
        slots: 32_768,
        share_wanted: 0.5,
        share: 0.5,
        remembered_flows: 3,
        translated_flows: 0,
        trouble: None,
        forward: "dsr",
        client_mtu: None,
        via_gateway: false,
        warning: None,
        ifindex: 2,
        mac: Some("02:00:00:00:00:01".to_owned()),
    }
}

fn traffic(packets: u64) -> Traffic {
    Traffic {
        packets,
        bytes: packets * 100,
        opened: packets / 10,
        reserved: 0,
    }
}

/// One service, two members (the second without next hop), a former member, and some packets that were not for us.
pub(crate) fn status() -> Status {
    let report = Report {
        services: vec![ServiceReport {
            vip: "203.0.113.10:80".to_owned(),
            protocol: "tcp",
            group: "FARM1".to_owned(),
            id: 7,
            weights: "gwm",
            slots: SlotsReport {
                total: 65_536,
                tracked: 5,
                fresh: 2,
                settled: 3,
                unowned: 0,
                to_move: 0,
            },
            remembered_flows: 6,
            members: vec![member("10.0.0.1:80", 1), member("10.0.0.2:80", 2)],
            turned_away: vec![TurnedAwayReport {
                address: "10.0.0.3:81".to_owned(),
                why: "other_port",
                reason: "its port is not that of the VIP",
            }],
            turned_away_total: 1,
        }],
    };
    let draft = Draft {
        process: Process {
            instance: "eth0".to_owned(),
            version: "1.2.3",
            pid: 42,
            uptime_seconds: 1.5,
            lb_uid: "edge-1".to_owned(),
            config_file: Some("/etc/sasp-ctl.toml".into()),
        },
        interfaces: vec![Attached {
            name: "eth0".to_owned(),
            ifindex: 2,
            mode: RunsIn::Native,
            frags: true,
            state: State::Running,
        }],
        health: 0x7f,
        gwms: Vec::new(),
        combine: Combine::FailOver,
        sources: BTreeMap::from([("FARM1".to_owned(), vec!["g:3860".to_owned()])]),
        report,
        hops: Arc::new(NextHops::from([(
            IpAddr::from([10, 0, 0, 2]),
            Err(Unresolved::NoRoute),
        )])),
        translations: TranslationsStatus {
            limit: 1024,
            ..TranslationsStatus::default()
        },
        tables: TablesStatus {
            published: 9,
            last_publish_seconds: 0.004,
        },
        reload: None,
    };
    draft.finish(&Counters {
        backends: vec![(1, traffic(100)), (2, traffic(50)), (3, traffic(7))],
        retired: vec![(7, traffic(1000)), (8, traffic(1))],
        reasons: vec![
            (Reason::NotVip, 11),
            (Reason::NoBackend, 12),
            (Reason::FlowRemembered, 13),
        ],
    })
}

#[test]
fn a_service_counts_its_members_and_its_former_ones() {
    let status = status();
    let service = &status.services[0];
    assert_eq!(service.traffic.packets, 1150);
    assert_eq!(service.traffic.bytes, 115_000);
    assert_eq!(service.traffic.opened, 115);
    let packets: Vec<_> = service
        .members
        .iter()
        .map(|member| member.traffic.packets)
        .collect();
    assert_eq!(packets, [100, 50]);
}

#[test]
fn a_member_without_next_hop_says_why() {
    let status = status();
    let errors: Vec<_> = status.services[0]
        .members
        .iter()
        .map(|member| member.next_hop_error.as_deref())
        .collect();
    assert_eq!(errors, [None, Some("no route")]);
}

/// The names that scripts rely on: a change here breaks them.
#[test]
fn json_names_are_stable() {
    let json = serde_json::to_value(status()).unwrap();
    let expected = serde_json::json!({
        "instance": "eth0", "version": "1.2.3", "pid": 42, "uptime_seconds": 1.5, "lb_uid": "edge-1",
        "config_file": "/etc/sasp-ctl.toml",
        "interfaces": [{ "name": "eth0", "ifindex": 2, "mode": "native", "frags": true, "state": "attached" }],
        "health": 127, "gwm": null, "gwms": [], "combine": "fail-over",
        "services": [{
            "vip": "203.0.113.10:80", "protocol": "tcp", "group": "FARM1", "id": 7, "weights": "gwm",
            "gwms": ["g:3860"],
            "slots": { "total": 65536, "tracked": 5, "fresh": 2, "settled": 3, "unowned": 0, "to_move": 0 },
            "remembered_flows": 6, "packets": 1150, "bytes": 115_000, "opened": 115,
            "members": json["services"][0]["members"],
            "turned_away": [{
                "address": "10.0.0.3:81", "why": "other_port", "reason": "its port is not that of the VIP",
            }],
            "turned_away_total": 1,
        }],
        "reasons": { "pass": { "not_vip": 11 }, "drop": { "no_backend": 12 }, "note": { "flow_remembered": 13 } },
        "tables": { "published": 9, "last_publish_seconds": 0.004 },
        "translations": { "ipv4": 0, "ipv6": 0, "limit": 1024, "pool": null },
        "reload": null,
    });
    assert_eq!(json, expected);
    assert_eq!(
        json["services"][0]["members"][1],
        serde_json::json!({
            "address": "10.0.0.2:80", "index": 2, "generation": 1, "state": "active", "why": "gwm",
            "reason": "weight from GWM", "usable": true, "origin": "config", "static_weight": 10,
            "gwm": {
                "contact": true, "quiesce": false, "confident": true, "registered_by_lb": true, "weight": 40,
                "state": 0,
            },
            "quiesced": false, "effective_weight": 40, "ramped_weight": 20.0, "applied_weight": 22.5,
            "why_applied": "slow_start", "applied_reason": "slow start: 30 s left",
            "table_weight": 40, "slots": 32768, "share_wanted": 0.5,
            "share": 0.5, "remembered_flows": 3, "translated_flows": 0, "forward": "dsr", "client_mtu": null,
            "via_gateway": false, "warning": null, "ifindex": 2, "mac": "02:00:00:00:00:01",
            "next_hop_error": "no route", "gateway": null, "mtu": null, "packets": 50, "bytes": 5000, "opened": 5,
        })
    );
}
