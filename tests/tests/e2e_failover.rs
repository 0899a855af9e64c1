//! GWMs of different opinions, two processes on two hosts: whose weights new flows follow.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use tests::lab::balancer::status;
use tests::lab::config;
use tests::lab::farm::Farm;
use tests::lab::gwm::{Gwm, PORT};
use tests::lab::site::{Host, VIP4};
use tests::lab::steady::Steady;
use tests::lab::wait::until_true;

const GROUP: &str = "FARM1";
const DEADLINE: Duration = Duration::from_secs(20);
const VIP: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(VIP4), 80);
const STATIC: [u16; 3] = [1, 1, 1];

fn start(farm: &Farm, host: &Host, weights: &[u16]) -> Gwm {
    Gwm::start_on(&farm.site, host, &[farm.weights(GROUP, VIP, weights)]).unwrap()
}

/// A balancer of two GWMs: the preferred one on its own host, the other beside the client.
fn attach(farm: &mut Farm, balancer: &str) {
    let gwm = |host: &Host| {
        format!(
            "[[gwm]]\naddress = \"{}\"\nretry_min = \"200ms\"\nhold = \"1s\"\n",
            host.ipv4()
        )
    };
    let config = format!("[balancer]\nuid = \"edge-1\"\n{balancer}\n")
        + &gwm(&farm.site.gwm)
        + &gwm(&farm.site.client)
        + &config::service(&farm.site, GROUP, VIP, &STATIC, "");
    farm.attach(&config, &[]).unwrap();
}

fn address(host: &Host) -> String {
    format!("{}:{PORT}", host.ipv4())
}

fn gwm_in<'a>(status: &'a Value, host: &Host) -> &'a Value {
    let gwms = status["gwms"].as_array().unwrap();
    let found = gwms.iter().find(|gwm| gwm["address"] == address(host));
    found.unwrap_or_else(|| panic!("{} is no GWM in {status:#}", host.name))
}

/// The status names the one in charge; the other one is not.
fn assert_in_charge(farm: &Farm, host: &Host, other: &Host) {
    let status = status(&farm.site).unwrap();
    assert_eq!(status["gwm"]["address"], address(host), "{status:#}");
    assert_eq!(gwm_in(&status, host)["in_charge"], true, "{status:#}");
    assert_eq!(gwm_in(&status, other)["in_charge"], false, "{status:#}");
    let service = &status["services"][0];
    assert_eq!(service["gwms"], json!([address(host)]), "{service:#}");
    assert_eq!(service["weights"], "gwm", "{service:#}");
}

fn await_live(farm: &Farm, host: &Host) {
    until_true(DEADLINE, "a session with the GWM", || {
        let status = status(&farm.site)?;
        Ok(gwm_in(&status, host)["live_seconds"].is_number())
    })
    .unwrap();
}

#[test]
fn new_flows_follow_the_gwm_in_charge_and_open_ones_notice_nothing() {
    let mut farm = Farm::new(3).unwrap();
    let (mine, theirs) = ([5, 2, 1], [1, 2, 5]);
    let first = start(&farm, &farm.site.gwm, &mine);
    let second = start(&farm, &farm.site.client, &theirs);
    attach(&mut farm, "fail_back = \"1s\"");
    farm.await_spread(VIP, &mine).unwrap();
    await_live(&farm, &farm.site.client);
    assert_in_charge(&farm, &farm.site.gwm, &farm.site.client);
    let steady = Steady::open(&farm.site.client.namespace, VIP, 16).unwrap();

    first.kill().unwrap();
    farm.await_spread(VIP, &theirs).unwrap();
    assert_in_charge(&farm, &farm.site.client, &farm.site.gwm);
    let status = status(&farm.site).unwrap();
    let lost = gwm_in(&status, &farm.site.gwm);
    assert!(lost["live_seconds"].is_null(), "{lost:#}");
    assert!(lost["last_error"].is_string(), "{lost:#}");

    let first = start(&farm, &farm.site.gwm, &mine);
    farm.await_spread(VIP, &mine).unwrap();
    assert_in_charge(&farm, &farm.site.gwm, &farm.site.client);

    // Nobody is left: the last word is held, then the static weights count.
    second.kill().unwrap();
    first.kill().unwrap();
    farm.await_spread(VIP, &STATIC).unwrap();
    let second = start(&farm, &farm.site.client, &theirs);
    farm.await_spread(VIP, &theirs).unwrap();
    assert_in_charge(&farm, &farm.site.client, &farm.site.gwm);
    steady.more_answers().unwrap();
    let report = steady.close().unwrap();
    assert!(report.broken.is_empty(), "{report:?}");
    second.kill().unwrap();
}

#[test]
fn a_member_gets_the_smallest_part_that_any_gwm_gives_it() {
    let mut farm = Farm::new(3).unwrap();
    // As parts of the largest: 1, 1/2, 1/4 and 1/2, 1, 1.
    let _first = start(&farm, &farm.site.gwm, &[4, 2, 1]);
    let second = start(&farm, &farm.site.client, &[10, 20, 20]);
    attach(&mut farm, "combine = \"min\"");
    farm.await_spread(VIP, &[2, 2, 1]).unwrap();
    let both = json!([address(&farm.site.gwm), address(&farm.site.client)]);
    let status = status(&farm.site).unwrap();
    assert_eq!(status["combine"], "min", "{status:#}");
    assert_eq!(status["services"][0]["gwms"], both, "{status:#}");

    // One that says quiesce is obeyed, whatever the other says.
    let member = farm.site.members[0].address_for(VIP).to_string();
    second
        .ask(&farm.site, &["quiesce", GROUP, &member])
        .unwrap();
    farm.await_spread(VIP, &[0, 2, 1]).unwrap();
    assert_eq!(farm.member(VIP, 0).unwrap().state, "draining");
    second.kill().unwrap();
    farm.await_spread(VIP, &[4, 2, 1]).unwrap();
}
