//! A GWM that finds out by itself how servers are, and an operator who knows better: what new flows make of it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tests::lab::config;
use tests::lab::farm::Farm;
use tests::lab::gwm::Gwm;
use tests::lab::http::Load;
use tests::lab::nginx::Nginx;
use tests::lab::servers::Server;
use tests::lab::site::VIP4;
use tests::lab::status;
use tests::lab::steady::Steady;
use tests::lab::wait::until_true;

const GROUP: &str = "FARM1";
const VIP: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(VIP4), 80);
const DEADLINE: Duration = Duration::from_secs(20);
const AGENT: u16 = 4321;

/// A farm whose GWM has this `[[weights]]` rule, and more of it.
fn farm(members: u8, rule: &str) -> Farm {
    let mut farm = Farm::new(members).unwrap();
    let rule = format!("[[weights]]\ngroup = \"{GROUP}\"\n{rule}");
    farm.gwm = Some(Gwm::start_with(&farm.site, &farm.site.gwm, &rule).unwrap());
    let config = config::gwm(&farm.site, "") + &config::service(&farm.site, GROUP, VIP, &[], "");
    farm.attach(&config, &[]).unwrap();
    farm
}

/// Waits until the GWM stands behind every member's weight. Until it does so of the first, static weights count.
fn await_confidence(farm: &Farm) {
    until_true(DEADLINE, "a GWM that is sure of all", || {
        let status = status::read(&farm.site)?;
        let members = status["services"][0]["members"].as_array();
        let sure = |member: &Value| member["gwm"]["confident"] == true;
        Ok(members.is_some_and(|members| members.iter().all(sure)))
    })
    .unwrap();
}

#[test]
fn a_server_that_dies_gets_no_new_flows_until_probes_find_it_well_again() {
    let rule = "source = \"probe\"\ncheck = \"http\"\ninterval = \"100ms\"\ntimeout = \"3s\"\n\
                rise = 2\nfall = 2\n";
    let mut farm = farm(3, rule);
    await_confidence(&farm);
    farm.await_spread(VIP, &[1, 1, 1]).unwrap();
    let steady = Steady::open(&farm.site.client.namespace, VIP, 16).unwrap();
    let before = steady.report();
    assert_eq!(before.open.len(), 3, "all members: {before:?}");

    farm.servers[1].take().unwrap().kill().unwrap();
    farm.await_shares(VIP, &[1, 0, 1]).unwrap();
    farm.await_state(VIP, 1, "down").unwrap();
    farm.check_spread(VIP, &[1, 0, 1]).unwrap();
    steady.more_answers().unwrap();

    farm.servers[1] = Some(Nginx::start(&farm.site, &farm.site.members[1]).unwrap());
    farm.await_spread(VIP, &[1, 1, 1]).unwrap();
    let after = steady.close().unwrap();
    let only_of_the_dead = after.broken.keys().all(|member| member == "member-2");
    assert!(only_of_the_dead, "{after:?}");
    assert_eq!(after.open["member-1"], before.open["member-1"]);
    assert_eq!(after.open["member-3"], before.open["member-3"]);
}

/// An agent on a member that says what it is told to say.
fn says(farm: &Farm, number: usize) -> (Server, Arc<Mutex<String>>) {
    let member = &farm.site.members[number];
    let line = Arc::new(Mutex::new("up 100%\n".to_owned()));
    let address = (member.ipv4(), AGENT).into();
    let server = Server::agent(&member.namespace, address, Arc::clone(&line)).unwrap();
    (server, line)
}

#[test]
fn a_server_whose_agent_says_drain_keeps_its_connections_and_gets_no_new_ones() {
    let rule = format!("source = \"agent-check\"\nport = {AGENT}\ninterval = \"100ms\"\n");
    let farm = farm(2, &rule);
    let (_one, first) = says(&farm, 0);
    let (_two, _second) = says(&farm, 1);
    let say = |line: &str| line.clone_into(&mut first.lock().unwrap());
    await_confidence(&farm);
    farm.await_spread(VIP, &[1, 1]).unwrap();
    let steady = Steady::open(&farm.site.client.namespace, VIP, 16).unwrap();
    let before = steady.report();
    assert_eq!(before.open.len(), 2, "both members: {before:?}");

    say("up 50%\n");
    farm.await_spread(VIP, &[1, 2]).unwrap();
    say("drain\n");
    farm.await_spread(VIP, &[0, 1]).unwrap();
    assert_eq!(farm.member(VIP, 0).unwrap().state, "draining");
    steady.more_answers().unwrap();
    say("down # disk\n");
    farm.await_state(VIP, 0, "down").unwrap();
    farm.check_spread(VIP, &[0, 1]).unwrap();
    say("up ready 100%\n");
    farm.await_spread(VIP, &[1, 1]).unwrap();
    let after = steady.close().unwrap();
    assert_eq!(after.open, before.open);
    assert!(after.broken.is_empty(), "{after:?}");
}

#[test]
fn what_the_gwms_operator_says_shows_in_new_flows() {
    let mut farm = Farm::new(2).unwrap();
    farm.start_gwm(&[farm.weights(GROUP, VIP, &[1, 1])])
        .unwrap();
    let config = config::gwm(&farm.site, "") + &config::service(&farm.site, GROUP, VIP, &[], "");
    farm.attach(&config, &[]).unwrap();
    farm.await_shares(VIP, &[1, 1]).unwrap();
    let member = farm.site.members[0].address_for(VIP).to_string();
    let gwm = farm.gwm.as_ref().unwrap();
    let load = Load::start(
        &farm.site.client.namespace,
        VIP,
        2,
        Duration::from_millis(5),
    )
    .unwrap();
    for (command, weights) in [
        (&["set", GROUP, &member, "3"][..], [3, 1]),
        (&["quiesce", GROUP, &member], [0, 1]),
        (&["resume", GROUP, &member], [3, 1]),
        (&["set", GROUP, &member, "0"], [0, 1]),
        (&["set", GROUP, &member, "auto"], [1, 1]),
    ] {
        let said = gwm.ask(&farm.site, command).unwrap();
        assert!(said.contains("balancer edge-1 is told"), "{said}");
        farm.await_spread(VIP, &weights).unwrap();
    }
    let tally = load.stop().unwrap();
    assert_eq!(tally.failed(), 0, "{:?}", tally.failures);
}
