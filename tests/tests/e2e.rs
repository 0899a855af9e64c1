//! The real binary between real clients and real servers: where connections go.

use std::net::SocketAddr;
use std::time::Duration;

use tests::lab::balancer::{done, status};
use tests::lab::config;
use tests::lab::counters;
use tests::lab::farm::Farm;
use tests::lab::http;
use tests::lab::judge;
use tests::lab::nginx::Nginx;
use tests::lab::site::{VIP4, VIP6};
use tests::lab::steady::Steady;
use tests::lab::wait::until_true;

const V4: (&str, SocketAddr) = ("FARM1", SocketAddr::new(std::net::IpAddr::V4(VIP4), 80));
const V6: (&str, SocketAddr) = ("FARM6", SocketAddr::new(std::net::IpAddr::V6(VIP6), 80));
const CONNECTIONS: u64 = 1500;
const DEADLINE: Duration = Duration::from_secs(30);

/// New connections are spread by weight, and none fails.
fn assert_spread(farm: &Farm, vip: SocketAddr, weights: &[u16]) {
    let client = &farm.site.client.namespace;
    let tally = http::sample(client, vip, CONNECTIONS, DEADLINE).unwrap();
    assert_eq!(tally.failed(), 0, "{vip}: {:?}", tally.failures);
    assert_eq!(
        judge::connections(&tally, &farm.asked(weights)),
        None,
        "{vip}"
    );
}

#[test]
fn connections_of_both_families_are_spread_by_static_weights() {
    let mut farm = Farm::new(3).unwrap();
    let weights = [3, 2, 1];
    let mut config = String::new();
    for (group, vip) in [V4, V6] {
        config += &config::service(&farm.site, group, vip, &weights, "");
    }
    farm.attach(&config, &[]).unwrap();
    for (_, vip) in [V4, V6] {
        farm.await_shares(vip, &weights).unwrap();
        assert_spread(&farm, vip, &weights);
    }
    let status = status(&farm.site).unwrap();
    assert_eq!(status["interfaces"][0]["mode"], "native", "{status:#}");
    for service in status["services"].as_array().unwrap() {
        assert_eq!(service["weights"], "static", "{service:#}");
        assert!(
            service["opened"].as_u64().unwrap() >= CONNECTIONS,
            "{service:#}"
        );
    }
}

#[test]
fn generic_mode_does_the_same() {
    let mut farm = Farm::new(2).unwrap();
    let (group, vip) = V4;
    let config = config::service(&farm.site, group, vip, &[1, 3], "");
    farm.attach(&config, &["--mode", "generic"]).unwrap();
    farm.await_shares(vip, &[1, 3]).unwrap();
    assert_spread(&farm, vip, &[1, 3]);
    let status = status(&farm.site).unwrap();
    assert_eq!(status["interfaces"][0]["mode"], "generic", "{status:#}");
}

#[test]
fn weights_that_change_at_the_gwm_are_pushed() {
    let mut farm = Farm::new(3).unwrap();
    let (group, vip) = V4;
    farm.start_gwm(&[farm.weights(group, vip, &[20, 20, 20])])
        .unwrap();
    let config = config::gwm(&farm.site, "") + &config::service(&farm.site, group, vip, &[], "");
    farm.attach(&config, &[]).unwrap();
    for weights in [
        [20, 20, 20],
        [40, 20, 10],
        [0, 1, 1],
        [65535, 1, 1],
        [7, 0, 7],
    ] {
        farm.set_weights(&[farm.weights(group, vip, &weights)])
            .unwrap();
        // A weight of 1 beside 65,535 gets one slot; its share of connections is not worth counting.
        if weights == [65535, 1, 1] {
            let what = "one slot for each small weight";
            until_true(DEADLINE, what, || {
                let slots = |member| Ok::<_, anyhow::Error>(farm.member(vip, member)?.slots);
                Ok(slots(0)? == 65_534 && slots(1)? == 1 && slots(2)? == 1)
            })
            .unwrap();
            continue;
        }
        farm.await_shares(vip, &weights).unwrap();
        assert_spread(&farm, vip, &weights);
    }
    assert_eq!(status(&farm.site).unwrap()["services"][0]["weights"], "gwm");
}

#[test]
fn a_quiesced_member_keeps_its_connections_and_gets_no_new_ones() {
    let mut farm = Farm::new(2).unwrap();
    let (group, vip) = V4;
    let config = config::service(&farm.site, group, vip, &[1, 1], "");
    farm.attach(&config, &[]).unwrap();
    farm.await_shares(vip, &[1, 1]).unwrap();
    let steady = Steady::open(&farm.site.client.namespace, vip, 16).unwrap();
    let before = steady.report();
    assert_eq!(before.open.len(), 2, "both members: {before:?}");
    let member = farm.site.members[0].address_for(vip).to_string();
    done(&farm.site, &["quiesce", group, &member]).unwrap();
    farm.await_shares(vip, &[0, 1]).unwrap();
    assert_eq!(farm.member(vip, 0).unwrap().state, "draining");
    assert_spread(&farm, vip, &[0, 1]);
    let answers = steady.report().answers;
    until_true(DEADLINE, "more answers", || {
        Ok(steady.report().answers > answers + 100)
    })
    .unwrap();
    assert_eq!(steady.report().open, before.open);
    done(&farm.site, &["resume", group, &member]).unwrap();
    farm.await_shares(vip, &[1, 1]).unwrap();
    assert_spread(&farm, vip, &[1, 1]);
    let after = steady.close().unwrap();
    assert_eq!(after.open, before.open);
    assert!(after.broken.is_empty(), "{after:?}");
}

#[test]
fn a_member_that_nobody_can_reach_is_kept_out_of_the_table() {
    let mut farm = Farm::new(2).unwrap();
    let (group, vip) = V4;
    let members = "{ address = \"192.0.2.11:80\" }, { address = \"192.0.2.12:80\" }, \
                   { address = \"192.0.2.77:80\" }";
    let config = config::service_of(group, vip, "tcp", members, "");
    farm.attach(&config, &[]).unwrap();
    farm.await_shares(vip, &[1, 1]).unwrap();
    assert_spread(&farm, vip, &[1, 1]);
    let status = status(&farm.site).unwrap();
    let missing = &status["services"][0]["members"][2];
    assert_eq!(missing["state"], "unresolved", "{missing:#}");
    assert_eq!(missing["slots"], 0, "{missing:#}");
    assert!(missing["next_hop_error"].is_string(), "{missing:#}");
}

#[test]
fn a_member_that_dies_leaves_the_table_and_comes_back() {
    let mut farm = Farm::new(2).unwrap();
    farm.notice_dead_neighbours_soon().unwrap();
    let (group, vip) = V4;
    let config = config::service(&farm.site, group, vip, &[1, 1], "");
    farm.attach(&config, &[]).unwrap();
    farm.await_shares(vip, &[1, 1]).unwrap();
    let server = farm.servers[1].take().unwrap();
    server.kill().unwrap();
    farm.site.plug(&farm.site.members[1], false).unwrap();
    farm.await_state(vip, 1, "unresolved").unwrap();
    farm.await_shares(vip, &[1, 0]).unwrap();
    assert_spread(&farm, vip, &[1, 0]);
    farm.site.plug(&farm.site.members[1], true).unwrap();
    farm.servers[1] = Some(Nginx::start(&farm.site, &farm.site.members[1]).unwrap());
    farm.await_shares(vip, &[1, 1]).unwrap();
    assert_spread(&farm, vip, &[1, 1]);
}

#[test]
fn receivers_find_no_wrong_checksum() {
    for mode in ["native", "generic"] {
        let mut farm = Farm::new(2).unwrap();
        let mut config = String::new();
        for (group, vip) in [V4, V6] {
            config += &config::service(&farm.site, group, vip, &[1, 1], "");
        }
        farm.attach(&config, &["--mode", mode]).unwrap();
        for (_, vip) in [V4, V6] {
            farm.await_shares(vip, &[1, 1]).unwrap();
            assert_spread(&farm, vip, &[1, 1]);
        }
        for host in farm.site.members.iter().chain([&farm.site.client]) {
            let read = |protocol, name| counters::read(&host.namespace, protocol, name).unwrap();
            assert_eq!(read("Tcp", "InCsumErrors"), 0, "{}, {mode}", host.name);
            assert_eq!(read("Ip", "InHdrErrors"), 0, "{}, {mode}", host.name);
            assert!(read("Tcp", "InSegs") > 0, "{}, {mode}", host.name);
        }
    }
}
