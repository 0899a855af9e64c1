//! A service whose members are not in the config: each speaks for itself, by an agent beside its server.

use std::net::SocketAddr;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tests::lab::agent::Agent;
use tests::lab::balancer::{done, status};
use tests::lab::config;
use tests::lab::farm::Farm;
use tests::lab::site::VIP4;
use tests::lab::steady::Steady;
use tests::lab::wait::until_true;

const GROUP: &str = "FARM1";
const DEADLINE: Duration = Duration::from_secs(20);
const VIP: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(VIP4), 80);

/// A farm of three, a GWM that weighs them as given, and a balancer that lets the first two register themselves.
fn farm(weights: &[u16]) -> (Farm, String) {
    let mut farm = Farm::new(3).unwrap();
    farm.start_gwm(&[farm.weights(GROUP, VIP, weights)])
        .unwrap();
    let allowed = "self_registered = [\"192.0.2.11/32\", \"192.0.2.12/32\"]";
    let config = config::gwm(&farm.site, "trust = true")
        + &config::service_of(GROUP, VIP, "tcp", "", allowed);
    farm.attach(&config, &[]).unwrap();
    // An agent that comes before its balancer is told to come again, in 20 seconds.
    until_true(DEADLINE, "the balancer's session", || {
        Ok(status(&farm.site)?["gwm"]["live_seconds"].is_number())
    })
    .unwrap();
    (farm, config)
}

fn agent(farm: &Farm, number: usize) -> Agent {
    Agent::start(&farm.site, &farm.site.members[number], GROUP, VIP).unwrap()
}

fn service(farm: &Farm) -> Value {
    status(&farm.site).unwrap()["services"][0].clone()
}

#[test]
fn a_member_comes_falls_ill_recovers_and_goes_by_its_own_word() {
    let (farm, _) = farm(&[2, 1, 1]);
    assert_eq!(service(&farm)["members"], json!([]));
    let mut first = agent(&farm, 0);
    farm.await_spread(VIP, &[1, 0, 0]).unwrap();
    let _second = agent(&farm, 1);
    farm.await_spread(VIP, &[2, 1, 0]).unwrap();
    let members = service(&farm)["members"].clone();
    assert_eq!(members[0]["origin"], "self", "{members:#}");
    assert_eq!(members[0]["gwm"]["registered_by_lb"], false, "{members:#}");

    let steady = Steady::open(&farm.site.client.namespace, VIP, 16).unwrap();
    let before = steady.report();
    assert_eq!(before.open.len(), 2, "both members: {before:?}");
    first.set_healthy(false).unwrap();
    farm.await_spread(VIP, &[0, 1, 0]).unwrap();
    assert_eq!(farm.member(VIP, 0).unwrap().state, "draining");
    steady.more_answers().unwrap();
    first.set_healthy(true).unwrap();
    farm.await_spread(VIP, &[2, 1, 0]).unwrap();

    first.signal(Signal::SIGTERM).unwrap();
    farm.await_spread(VIP, &[0, 1, 0]).unwrap();
    assert_eq!(farm.member(VIP, 0).unwrap().state, "draining");
    steady.more_answers().unwrap();
    let after = steady.close().unwrap();
    assert_eq!(after.open, before.open);
    assert!(after.broken.is_empty(), "{after:?}");
    first.signal(Signal::SIGTERM).unwrap();
    assert!(first.wait().unwrap().success(), "{}", first.log());
    until_true(DEADLINE, "the member to be gone", || {
        Ok(service(&farm)["members"].as_array().unwrap().len() == 1)
    })
    .unwrap();
    farm.check_spread(VIP, &[0, 1, 0]).unwrap();
}

#[test]
fn a_stranger_gets_nothing_and_is_listed_with_the_reason() {
    let (farm, _) = farm(&[1, 1, 1]);
    let (_first, _stranger) = (agent(&farm, 0), agent(&farm, 2));
    farm.await_shares(VIP, &[1, 0, 0]).unwrap();
    let stranger = json!([{
        "address": farm.site.members[2].address_for(VIP).to_string(),
        "why": "not_allowed",
        "reason": "its address is not in `self_registered`",
    }]);
    until_true(DEADLINE, "the stranger to be listed", || {
        Ok(service(&farm)["turned_away"] == stranger)
    })
    .unwrap();
    assert_eq!(service(&farm)["turned_away_total"], 1);
    farm.check_spread(VIP, &[1, 0, 0]).unwrap();
    let text = done(&farm.site, &["status"]).unwrap();
    assert!(text.contains("192.0.2.13:80"), "{text}");
    assert!(text.contains("`self_registered`"), "{text}");
}

#[test]
fn a_killed_daemon_costs_members_that_nobody_configured_no_connection() {
    let (mut farm, config) = farm(&[2, 1, 1]);
    let _agents = (agent(&farm, 0), agent(&farm, 1));
    farm.await_shares(VIP, &[2, 1, 0]).unwrap();
    let steady = Steady::open(&farm.site.client.namespace, VIP, 16).unwrap();
    let before = steady.report();
    assert_eq!(before.open.len(), 2, "both members: {before:?}");
    for _ in 0..2 {
        farm.kill_balancer().unwrap();
        steady.more_answers().unwrap();
        farm.check_spread(VIP, &[2, 1, 0]).unwrap();
        farm.attach(&config, &[]).unwrap();
        steady.more_answers().unwrap();
        until_true(DEADLINE, "the GWM's word", || {
            Ok(service(&farm)["weights"] == "gwm")
        })
        .unwrap();
        farm.await_spread(VIP, &[2, 1, 0]).unwrap();
    }
    // Only the maps know them now.
    farm.kill_balancer().unwrap();
    farm.gwm.take().unwrap().kill().unwrap();
    farm.attach(&config, &[]).unwrap();
    farm.check_spread(VIP, &[2, 1, 0]).unwrap();
    steady.more_answers().unwrap();
    let after = steady.close().unwrap();
    assert_eq!(after.open, before.open);
    assert!(after.broken.is_empty(), "{after:?}");
}

#[test]
fn a_restarted_gwm_that_has_forgotten_its_members_costs_them_no_connection() {
    let (mut farm, _) = farm(&[2, 1, 1]);
    let _agents = (agent(&farm, 0), agent(&farm, 1));
    farm.await_shares(VIP, &[2, 1, 0]).unwrap();
    let steady = Steady::open(&farm.site.client.namespace, VIP, 16).unwrap();
    let before = steady.report();
    farm.gwm.take().unwrap().kill().unwrap();
    farm.start_gwm(&[farm.weights(GROUP, VIP, &[2, 1, 1])])
        .unwrap();
    // Its agents may not come back for 20 seconds yet.
    until_true(DEADLINE, "the session with the new GWM", || {
        let gwm = status(&farm.site)?["gwm"].clone();
        Ok(gwm["counters"]["connects"] == 2 && gwm["live_seconds"].is_number())
    })
    .unwrap();
    assert_eq!(service(&farm)["members"].as_array().unwrap().len(), 2);
    farm.check_spread(VIP, &[2, 1, 0]).unwrap();
    steady.more_answers().unwrap();
    let after = steady.close().unwrap();
    assert_eq!(after.open, before.open);
    assert!(after.broken.is_empty(), "{after:?}");
}
