//! Several GWMs, and members that the operator takes out while somebody waits for their flows to end.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tests::lab::balancer::{done, sasp_ctl, status};
use tests::lab::config;
use tests::lab::farm::Farm;
use tests::lab::gwm::{Gwm, PORT};
use tests::lab::site::{Host, VIP4};
use tests::lab::steady::Steady;
use tests::lab::wait::until_true;

const GROUP: &str = "FARM1";
const DEADLINE: Duration = Duration::from_secs(30);
const VIP: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(VIP4), 80);

/// A site with two GWMs, the preferred one on its own host and another beside the client, of other opinions.
fn two_gwms(farm: &Farm) -> (Gwm, Gwm) {
    let start = |host: &Host, weights: &[u16]| {
        let weights = farm.weights(GROUP, VIP, weights);
        Gwm::start_on(&farm.site, host, &[weights]).unwrap()
    };
    (
        start(&farm.site.gwm, &[1, 3]),
        start(&farm.site.client, &[3, 1]),
    )
}

fn config_of_two(farm: &Farm, balancer: &str) -> String {
    let gwm = |host: &Host| {
        format!(
            "[[gwm]]\naddress = \"{}\"\nretry_min = \"500ms\"\n",
            host.ipv4()
        )
    };
    format!("[balancer]\nuid = \"edge-1\"\n{balancer}\n")
        + &gwm(&farm.site.gwm)
        + &gwm(&farm.site.client)
        + &config::service(&farm.site, GROUP, VIP, &[1, 1], "")
}

fn address(host: &Host) -> String {
    format!("{}:{PORT}", host.ipv4())
}

/// What this GWM says of itself in a status.
fn gwm<'a>(status: &'a Value, host: &Host) -> &'a Value {
    let gwms = status["gwms"].as_array().unwrap();
    let found = gwms.iter().find(|gwm| gwm["address"] == address(host));
    found.unwrap_or_else(|| panic!("{} is no GWM in {status:#}", host.name))
}

#[test]
fn a_standby_takes_over_and_the_preferred_gwm_comes_back_when_it_has_been_well() {
    let mut farm = Farm::new(2).unwrap();
    let (first, _second) = two_gwms(&farm);
    let config = config_of_two(&farm, "fail_back = \"2s\"");
    farm.attach(&config, &[]).unwrap();
    farm.await_shares(VIP, &[1, 3]).unwrap();
    until_true(DEADLINE, "a warm standby", || {
        let status = status(&farm.site)?;
        Ok(gwm(&status, &farm.site.client)["live_seconds"].is_number())
    })
    .unwrap();
    let in_charge = |host: &Host| {
        let status = status(&farm.site).unwrap();
        assert_eq!(status["gwm"]["address"], address(host), "{status:#}");
        assert_eq!(gwm(&status, host)["in_charge"], true);
        assert_eq!(status["services"][0]["gwms"], json!([address(host)]));
        assert_eq!(status["services"][0]["weights"], "gwm");
    };
    in_charge(&farm.site.gwm);
    first.kill().unwrap();
    farm.await_shares(VIP, &[3, 1]).unwrap();
    in_charge(&farm.site.client);
    let weights = farm.weights(GROUP, VIP, &[1, 3]);
    let _first = Gwm::start_on(&farm.site, &farm.site.gwm, &[weights]).unwrap();
    farm.await_shares(VIP, &[1, 3]).unwrap();
    in_charge(&farm.site.gwm);
    let log = farm.balancer.as_ref().unwrap().log();
    for reason in ["session with the former one is lost", "`fail_back`"] {
        assert!(log.contains(reason), "{log}");
    }
}

#[test]
fn the_mean_of_two_gwms_counts_until_one_is_lost_or_no_longer_configured() {
    let mut farm = Farm::new(2).unwrap();
    let (_first, second) = two_gwms(&farm);
    let config = config_of_two(&farm, "combine = \"mean\"");
    farm.attach(&config, &[]).unwrap();
    // 1:3 and 3:1, each as shares of its largest: (1/3 + 1) to (1 + 1/3).
    farm.await_shares(VIP, &[1, 1]).unwrap();
    let sources = || status(&farm.site).unwrap()["services"][0]["gwms"].clone();
    until_true(DEADLINE, "both GWMs", || {
        let both = json!([address(&farm.site.gwm), address(&farm.site.client)]);
        Ok(sources() == both)
    })
    .unwrap();
    second.kill().unwrap();
    farm.await_shares(VIP, &[1, 3]).unwrap();
    assert_eq!(sources(), json!([address(&farm.site.gwm)]));
    let weights = farm.weights(GROUP, VIP, &[3, 1]);
    let second = Gwm::start_on(&farm.site, &farm.site.client, &[weights]).unwrap();
    farm.await_shares(VIP, &[1, 1]).unwrap();
    let one = config::gwm(&farm.site, "") + &config::service(&farm.site, GROUP, VIP, &[1, 1], "");
    tests::lab::balancer::write_config(&farm.site, &one).unwrap();
    done(&farm.site, &["reload"]).unwrap();
    farm.await_shares(VIP, &[1, 3]).unwrap();
    until_true(DEADLINE, "a farewell", || {
        Ok(second.log().contains("deregister"))
    })
    .unwrap_or_else(|error| panic!("{error}: {}", second.log()));
}

#[test]
fn waiting_for_a_quiesced_member_shows_its_flows_and_ends_with_them() {
    let mut farm = Farm::new(2).unwrap();
    let weights = [farm.weights(GROUP, VIP, &[1, 1])];
    farm.start_gwm(&weights).unwrap();
    let service = config::service(&farm.site, GROUP, VIP, &[1, 1], "idle = \"2s\"");
    let config = config::gwm(&farm.site, "") + &service;
    farm.attach(&config, &[]).unwrap();
    farm.await_shares(VIP, &[1, 1]).unwrap();
    let steady = Steady::open(&farm.site.client.namespace, VIP, 16).unwrap();
    let member = farm.site.members[0].address_for(VIP).to_string();
    let quiesce = ["quiesce", GROUP, member.as_str(), "--wait"];
    let timed_out = sasp_ctl(&farm.site, &[&quiesce[..], &["--timeout", "1s"]].concat()).unwrap();
    assert_eq!(timed_out.status.code(), Some(1));
    let line = String::from_utf8(timed_out.stderr).unwrap();
    assert!(line.contains("is not drained in time: "), "{line}");
    assert!(line.contains(" left"), "{line}");
    assert_eq!(line.lines().count(), 1, "{line}");

    let mut command = farm.site.sasp_ctl(&farm.site.edge).unwrap();
    let command = command.args(quiesce).stdout(Stdio::piped());
    let mut waits = command.spawn().unwrap();
    let mut out = BufReader::new(waits.stdout.take().unwrap());
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    let told = format!("(told {})", address(&farm.site.gwm));
    assert!(
        line.starts_with("quiesced ") && line.contains(&told),
        "{line}"
    );
    while !line.ends_with(" left\n") || line.starts_with("0 ") {
        line.clear();
        assert_ne!(out.read_line(&mut line).unwrap(), 0, "flows are left");
    }
    steady.close().unwrap();
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    assert!(waits.wait().unwrap().success());
    assert!(rest.ends_with("drained\n"), "{rest}");
}

#[test]
fn a_quiesced_member_is_told_to_a_gwm_that_comes_later_even_after_a_restart() {
    let mut farm = Farm::new(2).unwrap();
    let config =
        config::gwm(&farm.site, "") + &config::service(&farm.site, GROUP, VIP, &[1, 1], "");
    farm.attach(&config, &[]).unwrap();
    farm.await_shares(VIP, &[1, 1]).unwrap();
    let member = farm.site.members[0].address_for(VIP).to_string();
    let said = done(&farm.site, &["quiesce", GROUP, &member]).unwrap();
    let later = format!("told later: {}", address(&farm.site.gwm));
    assert!(said.contains(&later), "{said}");
    let is_told = |farm: &Farm| {
        until_true(DEADLINE, "the GWM's word", || {
            let status = status(&farm.site)?;
            let members = status["services"][0]["members"].as_array().unwrap();
            let member = members.iter().find(|found| found["address"] == member);
            let word = &member.unwrap()["gwm"];
            Ok(status["services"][0]["weights"] == "gwm" && word["quiesce"] == true)
        })
        .unwrap();
    };
    farm.start_gwm(&[farm.weights(GROUP, VIP, &[1, 1])])
        .unwrap();
    is_told(&farm);
    // Neither the daemon nor the GWM remembers; the maps do.
    farm.kill_balancer().unwrap();
    farm.gwm.take().unwrap().kill().unwrap();
    farm.start_gwm(&[farm.weights(GROUP, VIP, &[1, 1])])
        .unwrap();
    farm.attach(&config, &[]).unwrap();
    is_told(&farm);
}
