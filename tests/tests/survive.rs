//! The daemon may die at any moment: packets, connections and weights live on.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::Signal;
use tests::lab::balancer::{Balancer, done, status, write_config};
use tests::lab::config;
use tests::lab::farm::Farm;
use tests::lab::http::{self, Load};
use tests::lab::site::{VIP4, program};
use tests::lab::steady::Steady;
use tests::lab::wait::until_true;

const GROUP: &str = "FARM1";
const DEADLINE: Duration = Duration::from_secs(20);
const STEADY: usize = 24;

fn vip() -> SocketAddr {
    (VIP4, 80).into()
}

/// A farm whose balancer runs, with static weights.
fn farm(weights: &[u16]) -> (Farm, String) {
    let mut farm = Farm::new(weights.len() as u8).unwrap();
    let config = config::service(&farm.site, GROUP, vip(), weights, "");
    farm.attach(&config, &[]).unwrap();
    farm.await_shares(vip(), weights).unwrap();
    (farm, config)
}

#[test]
fn a_killed_daemon_costs_no_connection_and_the_next_one_goes_on() {
    let (mut farm, config) = farm(&[2, 1, 1]);
    let client = &farm.site.client.namespace;
    let steady = Steady::open(client, vip(), STEADY).unwrap();
    let before = steady.report();
    let load = Load::start(client, vip(), 4, Duration::from_millis(2)).unwrap();
    for _ in 0..3 {
        steady.more_answers().unwrap();
        farm.kill_balancer().unwrap();
        steady.more_answers().unwrap();
        farm.attach(&config, &[]).unwrap();
        farm.await_shares(vip(), &[2, 1, 1]).unwrap();
    }
    steady.more_answers().unwrap();
    let tally = load.stop().unwrap();
    assert_eq!(tally.failed(), 0, "{:?}", tally.failures);
    assert!(tally.total() > 100, "{tally:?}");
    let after = steady.close().unwrap();
    assert_eq!(after.open, before.open);
    assert!(after.broken.is_empty(), "{after:?}");
    let status = status(&farm.site).unwrap();
    let dropped = status["reasons"]["drop"].as_object().unwrap();
    assert!(dropped.values().all(|count| count == 0), "{dropped:?}");
    // Counters are in the maps: they have gone on.
    let opened = status["services"][0]["opened"].as_u64().unwrap();
    assert!(opened >= tally.total(), "{opened}");
}

#[test]
fn live_connections_never_move_however_often_weights_change() {
    let mut farm = Farm::new(3).unwrap();
    let weights = |farm: &Farm, weights: &[u16]| farm.weights(GROUP, vip(), weights);
    farm.start_gwm(&[weights(&farm, &[1, 1, 1])]).unwrap();
    let config = config::gwm(&farm.site, "") + &config::service(&farm.site, GROUP, vip(), &[], "");
    farm.attach(&config, &[]).unwrap();
    farm.await_shares(vip(), &[1, 1, 1]).unwrap();
    let mut connections = Vec::new();
    let rounds = [
        [1, 0, 0],
        [0, 1, 0],
        [0, 0, 1],
        [5, 1, 1],
        [1, 9, 3],
        [1, 1, 1],
    ];
    for (round, asked) in rounds.iter().enumerate() {
        let client = &farm.site.client.namespace;
        connections.push(Steady::open(client, vip(), 8).unwrap());
        farm.set_weights(&[weights(&farm, asked)]).unwrap();
        farm.await_shares(vip(), asked).unwrap();
        if round == 3 {
            farm.kill_balancer().unwrap();
            farm.attach(&config, &[]).unwrap();
        }
        for steady in &connections {
            steady.more_answers().unwrap();
        }
    }
    for steady in connections {
        let report = steady.close().unwrap();
        assert!(report.broken.is_empty(), "{report:?}");
    }
}

#[test]
fn sigterm_leaves_the_data_path_forwarding() {
    let (mut farm, _) = farm(&[1, 1]);
    let steady = Steady::open(&farm.site.client.namespace, vip(), STEADY).unwrap();
    let balancer = farm.balancer.take().unwrap();
    balancer.stop().unwrap();
    steady.more_answers().unwrap();
    let client = &farm.site.client.namespace;
    let tally = http::sample(client, vip(), 200, DEADLINE).unwrap();
    assert_eq!(tally.failed(), 0, "{:?}", tally.failures);
    assert!(steady.close().unwrap().broken.is_empty());
}

#[test]
fn a_daemon_started_by_ip_netns_exec_finds_its_pins_again() {
    // Such a process has a mount namespace of its own, where /sys/fs/bpf is hidden. Here the usual places are used,
    // with names that are this site's own.
    let mut farm = Farm::new(2).unwrap();
    let instance = farm.site.name().to_owned();
    let config = config::service(&farm.site, GROUP, vip(), &[1, 1], "");
    let attach = |farm: &Farm| {
        let mut command = Command::new("ip");
        command
            .args(["netns", "exec", farm.site.edge.namespace.name()])
            .arg(program("sasp-ctl").unwrap())
            .env("SASP_CTL_RUN_DIR", farm.site.run_directory());
        Balancer::attach_by(
            &farm.site,
            &mut command,
            &config,
            &["--instance", &instance],
        )
    };
    let _tidy = UsualPins(&instance);
    farm.balancer = Some(attach(&farm).unwrap());
    let get = || farm.site.client.namespace.inside(|| http::get(vip()));
    until_true(DEADLINE, "an answer", || Ok(get()?.is_ok())).unwrap();
    let steady = Steady::open(&farm.site.client.namespace, vip(), STEADY).unwrap();
    farm.kill_balancer().unwrap();
    steady.more_answers().unwrap();
    farm.balancer = Some(attach(&farm).unwrap());
    steady.more_answers().unwrap();
    let log = farm.balancer.as_ref().unwrap().log();
    assert!(steady.close().unwrap().broken.is_empty(), "{log}");
}

/// Pins in the machine's own bpffs, removed at the end.
struct UsualPins<'a>(&'a str);

impl Drop for UsualPins<'_> {
    fn drop(&mut self) {
        let all = Path::new("/sys/fs/bpf/sasp-ctl");
        let removed = Command::new("rm").arg("-rf").arg(all.join(self.0)).status();
        if !removed.is_ok_and(|status| status.success()) {
            eprintln!("cannot remove the pins of {}", self.0);
        }
        // It stays if other balancers have pins there.
        let _ = std::fs::remove_dir(all);
    }
}

#[test]
fn a_restart_with_another_config_keeps_what_is_still_there() {
    let (mut farm, _) = farm(&[1, 1, 1]);
    let steady = Steady::open(&farm.site.client.namespace, vip(), STEADY).unwrap();
    let before = steady.report();
    assert_eq!(before.open.len(), 3, "{before:?}");
    farm.kill_balancer().unwrap();
    // Member 3 is gone, member 1 weighs more.
    let members = "{ address = \"192.0.2.11:80\", weight = 3 }, { address = \"192.0.2.12:80\" }";
    let config = config::service_of(GROUP, vip(), "tcp", members, "");
    farm.attach(&config, &[]).unwrap();
    farm.await_shares(vip(), &[3, 1, 0]).unwrap();
    let lost = before.open["member-3"];
    until_true(
        DEADLINE,
        "the removed member's connections to break",
        || Ok(steady.report().broken.get("member-3") == Some(&lost)),
    )
    .unwrap();
    steady.more_answers().unwrap();
    let after = steady.close().unwrap();
    assert_eq!(after.broken.len(), 1, "{after:?}");
    assert_eq!(after.open["member-1"], before.open["member-1"]);
    assert_eq!(after.open["member-2"], before.open["member-2"]);
}

#[test]
fn a_reload_changes_weights_and_a_bad_one_changes_nothing() {
    let (farm, _) = farm(&[1, 1]);
    let good = config::service(&farm.site, GROUP, vip(), &[3, 1], "");
    write_config(&farm.site, &good).unwrap();
    done(&farm.site, &["reload"]).unwrap();
    farm.await_shares(vip(), &[3, 1]).unwrap();
    write_config(&farm.site, &good.replace("members", "mebmers")).unwrap();
    let error = done(&farm.site, &["reload"]).unwrap_err().to_string();
    assert!(error.contains("mebmers"), "{error}");
    assert!(farm.has_shares(vip(), &[0.75, 0.25]).unwrap());
    let by_signal = config::service(&farm.site, GROUP, vip(), &[1, 4], "");
    write_config(&farm.site, &by_signal).unwrap();
    let balancer = farm.balancer.as_ref().unwrap();
    balancer.signal(Signal::SIGHUP).unwrap();
    farm.await_shares(vip(), &[1, 4]).unwrap();
}

#[test]
fn the_operators_quiesce_survives_a_restart() {
    let (mut farm, config) = farm(&[1, 1]);
    let member = farm.site.members[0].address_for(vip()).to_string();
    done(&farm.site, &["quiesce", GROUP, &member]).unwrap();
    farm.await_shares(vip(), &[0, 1]).unwrap();
    farm.kill_balancer().unwrap();
    farm.attach(&config, &[]).unwrap();
    farm.await_state(vip(), 0, "draining").unwrap();
    assert!(farm.has_shares(vip(), &[0.0, 1.0]).unwrap());
    done(&farm.site, &["resume", GROUP, &member]).unwrap();
    farm.await_shares(vip(), &[1, 1]).unwrap();
}

#[test]
fn without_its_gwm_the_last_weights_stand_for_the_hold_time_and_then_the_static_ones() {
    let mut farm = Farm::new(2).unwrap();
    farm.start_gwm(&[farm.weights(GROUP, vip(), &[1, 3])])
        .unwrap();
    let config = config::gwm(&farm.site, "hold = \"3s\"")
        + &config::service(&farm.site, GROUP, vip(), &[1, 1], "");
    farm.attach(&config, &[]).unwrap();
    farm.await_shares(vip(), &[1, 3]).unwrap();
    farm.gwm.take().unwrap().kill().unwrap();
    let weights = |farm: &Farm| status(&farm.site).unwrap()["services"][0]["weights"].clone();
    until_true(DEADLINE, "held weights", || Ok(weights(&farm) == "held")).unwrap();
    assert!(farm.has_shares(vip(), &[0.25, 0.75]).unwrap());
    until_true(
        DEADLINE,
        "static weights",
        || Ok(weights(&farm) == "static"),
    )
    .unwrap();
    farm.await_shares(vip(), &[1, 1]).unwrap();
    farm.start_gwm(&[farm.weights(GROUP, vip(), &[3, 1])])
        .unwrap();
    farm.await_shares(vip(), &[3, 1]).unwrap();
    assert_eq!(weights(&farm), "gwm");
}
