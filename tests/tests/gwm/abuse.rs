//! Peers that flood, stall, lie and vanish: the others must not notice.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::client::Client;
use crate::server::Server;
use crate::wire::{
    block, deregister, get_weights, group, members, message, register, set_lb_state, string, tlv,
};

/// A round trip of a well-behaved balancer may take this long beside any abuse, also on a busy machine.
const RESPONSIVE: Duration = Duration::from_secs(5);

fn assert_responsive(peer: &mut Client) {
    let begun = Instant::now();
    assert_eq!(peer.code(&get_weights(&[group("A", "G")])), 0);
    assert!(
        begun.elapsed() < RESPONSIVE,
        "a reply took {:?}",
        begun.elapsed()
    );
}

fn world(config: &str) -> (Server, Client) {
    let server = Server::start(config);
    let mut a = server.connect();
    assert_eq!(a.code(&register(1, &[members("A", "G", &[1])])), 0);
    (server, a)
}

#[test]
fn a_thousand_connections_are_served_beside_each_other() {
    let (server, mut a) = world("");
    let mut peers: Vec<_> = (0..1000).map(|_| server.connect()).collect();
    for (number, peer) in peers.iter_mut().enumerate() {
        // Half of them begin a message and leave it so.
        let whole = message(1, &get_weights(&[group("B", "")]));
        peer.send(if number % 2 == 0 {
            &whole
        } else {
            &whole[..20]
        });
    }
    for peer in peers.iter_mut().step_by(2) {
        assert_eq!(peer.receive().1[4], 0x43);
    }
    assert_responsive(&mut a);
    drop(peers);
    assert_responsive(&mut a);
}

#[test]
fn at_the_limit_of_connections_balancers_stay_and_idle_ones_go() {
    let (server, mut a) = world("[limits]\nconnections = 10");
    let mut idle: Vec<_> = (0..30).map(|_| server.connect()).collect();
    idle[0].assert_closed();
    assert_responsive(&mut a);
    assert_eq!(
        server.connect().code(&set_lb_state("B", 0)),
        0,
        "a new balancer gets in"
    );
}

#[test]
fn garbage_and_lies_do_not_disturb_a_balancer() {
    let (server, mut a) = world("");
    let mut random: u64 = 0x9e37_79b9_7f4a_7c15;
    for round in 0..300 {
        let mut bytes = message(round, &register(1, &[members("A", "G", &[1, 2])]));
        for _ in 0..=round % 4 {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            // Version and version-like bytes too, but not the balancer's own group: flag 0 is "a member".
            let at = (random >> 33) as usize % bytes.len();
            bytes[at] = (random >> 17) as u8;
        }
        bytes[17] = 0;
        server.connect().send(&bytes);
    }
    for _ in 0..50 {
        server.connect().send(&[0xff; 4096]);
    }
    let reply = a.ask(&get_weights(&[group("A", "")]));
    assert_eq!(reply[7..9], [0, 1], "one group");
    assert_responsive(&mut a);
}

#[test]
fn a_balancer_that_never_reads_its_pushes_delays_nobody() {
    let rules = |weight: u32| {
        format!(
            "interval = \"100ms\"\n[[weights]]\ngroup = \"G\"\nsource = \"static\"\n\
             members = {{ \"10.0.0.1:80\" = {weight} }}\n"
        )
    };
    let (mut server, mut a) = world(&rules(1));
    let mut deaf = server.connect();
    // 8000 members with long labels: a few pushes fill every socket buffer.
    for part in 0..8_u8 {
        let member = |n: u32| {
            let [_, _, high, low] = n.to_be_bytes();
            let address = [[0; 4], [0; 4], [0; 4], [10, 1 + part, high, low]].concat();
            tlv(
                0x3010,
                &[&[6, 0, 80][..], &address, &string(&"x".repeat(255))].concat(),
            )
        };
        let items: Vec<_> = (0..1000).map(member).collect();
        assert_eq!(
            deaf.code(&register(1, &[block(0x4010, "DEAF", "G", &items)])),
            0
        );
    }
    deaf.send(&message(1, &set_lb_state("DEAF", 1)));
    for weight in 2..12 {
        server.write_config(&rules(weight));
        server.log_line("reloaded: weights");
        assert_responsive(&mut a);
    }
    let reply = a.ask(&get_weights(&[group("A", "G")]));
    assert_eq!(
        reply.last_chunk(),
        Some(&11_u16.to_be_bytes()),
        "the last weight"
    );
    server.assert_small();
}

#[test]
fn requests_without_end_from_a_peer_that_reads_nothing_are_not_collected() {
    let (server, mut a) = world("");
    let mut flood = server.connect();
    assert_eq!(
        flood.code(&register(1, &[members("B", "G", &[1, 2, 3])])),
        0
    );
    let requests = message(1, &get_weights(&[group("B", "")])).repeat(1000);
    // The flood stops by itself when no side takes any more.
    std::thread::spawn(move || {
        for _ in 0..10_000 {
            flood.send(&requests);
        }
    });
    for _ in 0..20 {
        assert_responsive(&mut a);
    }
    server.assert_small();
}

#[test]
fn a_flood_of_new_uids_keeps_no_newcomer_out_and_fills_no_log() {
    let (mut server, mut a) = world("[limits]\nbalancers = 20");
    for number in 0..200 {
        let uid = format!("FRESH{number}");
        let mut peer = server.connect();
        assert_eq!(peer.code(&set_lb_state(&uid, 0)), 0, "{uid}");
        peer.finish();
    }
    assert_responsive(&mut a);
    assert!(server.stop(Signal::SIGTERM).success());
    server.log_line("more of the same not logged: balancer without a connection forgotten");
    let lines = server.count_log_lines("FRESH");
    assert!(lines < 100, "{lines} lines");
}

#[test]
fn members_that_come_and_go_are_counted_instead_of_logged_one_by_one() {
    let mut server = Server::start("");
    let mut a = server.connect();
    for _ in 0..30 {
        assert_eq!(a.code(&register(1, &[members("A", "G", &[1])])), 0);
        assert_eq!(a.code(&deregister(1, &[members("A", "G", &[1])])), 0);
    }
    assert!(server.stop(Signal::SIGTERM).success());
    let changes = ["members registered", "members deregistered"];
    for change in changes {
        server.log_line(&format!(
            "more of the same not logged: {change} source=127.0.0.1 lines=20"
        ));
    }
    for change in changes {
        let with_peer = server.count_log_lines(&format!("INFO {change} uid=A peer=127.0.0.1:"));
        assert_eq!(with_peer, 10, "{change}");
    }
}

#[test]
fn refusals_of_one_source_and_cause_on_many_connections_are_counted_instead_of_logged() {
    let mut server = Server::start("[[balancer]]\nuid = \"A\"\n");
    for _ in 0..100 {
        assert_eq!(server.connect().code(&set_lb_state("B", 0)), 0x11);
    }
    assert!(server.stop(Signal::SIGTERM).success());
    server.log_line("more of the same not logged: request refused: the LB UID is not listed");
    let lines = server.count_log_lines("refused with 0x11");
    assert!(lines < 50, "{lines} lines");
}
