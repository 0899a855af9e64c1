//! Weights from the file to the wire: asked for, pushed, reloaded.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::client::Client;
use crate::server::Server;
use crate::wire::{
    block, get_weights, group, members, register, send_weights, set_lb_state, set_member_state,
    state, weight, weights_reply,
};

const PUSH: u8 = 1;
const PUSH_NO_CHANGE: u8 = 5;

/// Contact, registered by the LB, confident.
const FULL: u8 = 0x0d;

/// Member 1 weighs `first`, member 2 weighs 20.
fn config(first: u32) -> String {
    format!(
        "interval = \"30s\"\n[[weights]]\ngroup = \"G\"\nsource = \"static\"\n\
         members = {{ \"10.0.0.1:80\" = {first}, \"10.0.0.2:80\" = 20 }}\n"
    )
}

/// A GWM with that file, and balancer A with members 1, 2 and 3 registered and nothing waiting.
fn world(flags: u8) -> (Server, Client) {
    let server = Server::start(&config(40));
    let mut a = server.connect();
    assert_eq!(a.code(&set_lb_state("A", flags)), 0);
    assert_eq!(a.code(&register(1, &[members("A", "G", &[1, 2, 3])])), 0);
    if flags & PUSH != 0 {
        assert_eq!(a.pushed(), send_weights(&[all(40)]));
    }
    (server, a)
}

fn all(first: u16) -> Vec<u8> {
    let items = [
        weight(1, 0, FULL, first),
        weight(2, 0, FULL, 20),
        weight(3, 0, 0x04, 0),
    ];
    block(0x4011, "A", "G", &items)
}

#[test]
fn get_weights_says_what_the_file_says_and_is_not_confident_of_the_rest() {
    let (_server, mut a) = world(0);
    for name in ["G", ""] {
        let reply = a.ask(&get_weights(&[group("A", name)]));
        assert_eq!(reply, weights_reply(30, &[all(40)]), "{name:?}");
    }
}

#[test]
fn a_changed_file_is_pushed_at_once_however_it_is_replaced() {
    let (server, mut a) = world(PUSH);
    let started = Instant::now();
    server.write_config(&config(41));
    assert_eq!(a.pushed(), send_weights(&[all(41)]));
    std::fs::write(server.file("new"), config(42)).unwrap();
    std::fs::rename(server.file("new"), server.file("gwm.toml")).unwrap();
    assert_eq!(a.pushed(), send_weights(&[all(42)]));
    assert!(
        started.elapsed() < Duration::from_secs(10),
        "long before the interval"
    );
}

#[test]
fn a_bad_file_changes_nothing_and_sighup_reads_the_good_one() {
    let (mut server, mut a) = world(PUSH);
    server.write_config(&config(65_536));
    let line = server.log_line("not reloaded, nothing changed");
    assert!(
        line.contains("gwm.toml:5: weight 65536 is out of range"),
        "{line}"
    );
    let reply = a.ask(&get_weights(&[group("A", "G")]));
    assert_eq!(reply, weights_reply(30, &[all(40)]));
    server.write_config(&config(43));
    assert_eq!(a.pushed(), send_weights(&[all(43)]));
    server.log_line("reloaded: weights");
    server.signal(Signal::SIGHUP);
    server.log_line("reloaded: nothing changed");
}

#[test]
fn under_no_change_only_what_changed_is_pushed_and_told_again() {
    let (server, mut a) = world(PUSH_NO_CHANGE);
    server.write_config(&config(41));
    let changed = [weight(1, 0, FULL, 41)];
    assert_eq!(
        a.pushed(),
        send_weights(&[block(0x4011, "A", "G", &changed)])
    );
    // The first answer on a connection is complete whatever was pushed before it.
    for expected in [all(41), block(0x4011, "A", "G", &[])] {
        let reply = a.ask(&get_weights(&[group("A", "G")]));
        assert_eq!(reply, weights_reply(30, &[expected]));
    }
}

#[test]
fn a_quiesced_member_is_pushed_with_weight_zero_and_its_state() {
    let (_server, mut a) = world(PUSH_NO_CHANGE);
    let set = |flags| set_member_state(1, &[block(0x4012, "A", "G", &[state(2, 0x32, flags)])]);
    for (flags, entry) in [
        (1, weight(2, 0x32, FULL | 2, 0)),
        (0, weight(2, 0x32, FULL, 20)),
    ] {
        assert_eq!(a.code(&set(flags)), 0);
        assert_eq!(
            a.pushed(),
            send_weights(&[block(0x4011, "A", "G", &[entry])])
        );
    }
}

#[test]
fn the_interval_pushes_again() {
    let server = Server::start("interval = \"200ms\"");
    let mut a = server.connect();
    assert_eq!(a.code(&set_lb_state("A", PUSH)), 0);
    a.assert_quiet(Duration::from_millis(500));
    assert_eq!(a.code(&register(1, &[members("A", "G", &[3])])), 0);
    let everything = send_weights(&[block(0x4011, "A", "G", &[weight(3, 0, 0x04, 0)])]);
    for _ in 0..3 {
        assert_eq!(a.pushed(), everything);
    }
}
