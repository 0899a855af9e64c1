//! `full-nat`: translations outlive the daemon, are never shared, and come back when nobody needs them any more.

use std::time::Duration;

use tests::lab::config;
use tests::lab::wait::until_true;

use crate::exchange::{Connection, DEADLINE, ask, udp};
use crate::rig::{self, DATA, Rig, vips};

const PORTS: usize = 8;

#[test]
fn full_nat_flows_survive_a_killed_daemon_and_its_successor() {
    let mut rig = Rig::two_armed(2);
    let config = rig.config("full-nat");
    rig.attach(&config, "native");
    let mut connections = Vec::new();
    for vip in vips(DATA).into_iter().cycle().take(12) {
        let mut connection = Connection::open(&rig.outside, vip, DEADLINE).unwrap();
        let seen = connection.exchange(1000, 1000).unwrap();
        connections.push((connection, seen));
    }
    rig.farm.kill_balancer().unwrap();
    for (connection, before) in &mut connections {
        assert_eq!(connection.exchange(2000, 2000).unwrap(), *before);
    }
    rig.attach(&config, "native");
    for (connection, before) in &mut connections {
        assert_eq!(connection.exchange(3000, 3000).unwrap(), *before);
    }
    rig.assert_checksums("restart");
}

/// One member, so that all flows want the same ports.
#[test]
fn when_all_ports_are_taken_new_flows_are_refused_and_old_ones_stay_whole() {
    let mut rig = Rig::two_armed(1);
    let last = 20_000 + PORTS - 1;
    let mut config = rig::pool(&format!("20000-{last}"));
    for (protocol, extra) in [("tcp", ""), ("udp", "idle = \"1s\"")] {
        for vip in vips(DATA) {
            let members = rig.members(vip, 9001, |_| String::new());
            let extra = format!("forward = \"full-nat\"\n{extra}");
            let group = format!("{protocol}-{vip}");
            config += &config::service_of(&group, vip, protocol, &members, &extra);
        }
    }
    rig.attach(&config, "native");
    for vip in vips(DATA) {
        let before = rig.counted("nat_exhausted");
        let mut connections: Vec<_> = (0..PORTS)
            .map(|_| {
                let mut connection = Connection::open(&rig.outside, vip, DEADLINE).unwrap();
                let seen = connection.exchange(1000, 1000).unwrap();
                (connection, seen)
            })
            .collect();
        let mut peers: Vec<_> = connections.iter().map(|(_, seen)| seen.peer).collect();
        peers.sort();
        peers.dedup();
        assert_eq!(peers.len(), PORTS, "{peers:?}");
        for _ in 0..3 {
            // Less than a SYN takes to be sent again.
            let refused = Connection::open(&rig.outside, vip, Duration::from_millis(300));
            assert!(refused.is_err(), "{vip}: {refused:?}");
        }
        assert!(rig.counted("nat_exhausted") > before, "{vip}");
        for (connection, seen) in &mut connections {
            assert_eq!(connection.exchange(20_000, 20_000).unwrap(), *seen, "{vip}");
        }
    }
    let told = || {
        rig.farm
            .balancer
            .as_ref()
            .unwrap()
            .log()
            .matches("no free source port")
            .count()
    };
    until_true(DEADLINE, "a warning", || Ok(told() > 0)).unwrap();
    assert_eq!(told(), 1, "one episode");
    for vip in vips(DATA) {
        let sockets: Vec<_> = (0..PORTS)
            .map(|_| udp(&rig.outside, vip).unwrap())
            .collect();
        for socket in &sockets {
            ask(socket, b"mine").unwrap();
        }
        // All of them have fallen silent.
        let late = udp(&rig.outside, vip).unwrap();
        until_true(DEADLINE, "a port that is free again", || {
            Ok(ask(&late, b"late").is_ok())
        })
        .unwrap();
    }
    rig.assert_checksums("exhaustion");
}
