//! Start, reconnection, replacement, stop.

use std::time::Duration;

use nix::sys::signal::Signal;

use crate::server::{Server, command};
use crate::wire::{get_weights, group, members, register, set_lb_state};

#[test]
fn a_balancer_that_comes_back_within_the_grace_time_finds_its_groups_and_later_it_does_not() {
    let mut server = Server::start("grace = \"1s\"");
    let mut first = server.connect();
    assert_eq!(first.code(&register(1, &[members("A", "G", &[1])])), 0);
    drop(first);
    server.log_line("balancer lost");
    let mut back = server.connect();
    assert_eq!(back.code(&get_weights(&[group("A", "G")])), 0);
    drop(back);
    server.log_line("grace time expired");
    assert_eq!(
        server.connect().code(&get_weights(&[group("A", "G")])),
        0x43
    );
}

#[test]
fn a_second_connection_with_the_same_uid_replaces_the_first() {
    let mut server = Server::start("");
    let mut first = server.connect();
    assert_eq!(first.code(&register(1, &[members("A", "G", &[1])])), 0);
    let mut second = server.connect();
    assert_eq!(second.code(&set_lb_state("A", 0)), 0);
    first.assert_closed();
    server.log_line("balancer replaced");
    assert_eq!(
        second.code(&get_weights(&[group("A", "G")])),
        0,
        "the state stays"
    );
}

#[test]
fn only_listed_balancers_from_their_sources_are_served() {
    let mut server = Server::start(
        "[[balancer]]\nuid = \"A\"\nsources = [\"127.0.0.0/8\"]\n\
         [[balancer]]\nuid = \"B\"\nsources = [\"192.0.2.0/24\"]\n",
    );
    for (uid, code) in [("A", 0), ("B", 0x11), ("C", 0x11)] {
        let mut peer = server.connect();
        for _ in 0..3 {
            assert_eq!(peer.code(&set_lb_state(uid, 0)), code, "{uid}");
        }
    }
    server.log_line("the LB UID is not listed");
    let refusals = server.count_log_lines("refused");
    assert_eq!(refusals, 2, "one line per cause and connection");
}

#[test]
fn it_says_once_at_the_start_that_anybody_may_speak_unless_balancers_are_listed() {
    let listed = "[[balancer]]\nuid = \"A\"\nsources = [\"127.0.0.0/8\"]\n";
    for (config, count) in [("", 1), (listed, 0)] {
        let mut server = Server::start(config);
        let lines = server.count_log_lines("anybody may speak for any LB UID");
        assert_eq!(lines, count, "{config:?}");
    }
}

#[test]
fn ipv6_is_served_too() {
    let server = Server::start_on("[::1]:0", "");
    assert!(server.address.is_ipv6());
    assert_eq!(server.connect().code(&set_lb_state("A", 0)), 0);
}

#[test]
fn sigterm_and_sigint_end_it_cleanly_with_balancers_connected() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let mut server = Server::start("");
        let mut a = server.connect();
        assert_eq!(a.code(&set_lb_state("A", 1)), 0);
        assert!(server.stop(signal).success(), "{signal}");
        a.assert_closed();
    }
}

#[test]
fn it_tells_systemd_when_it_is_ready() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("notify");
    let socket = std::os::unix::net::UnixDatagram::bind(&path).unwrap();
    socket
        .set_read_timeout(Some(crate::server::PATIENCE))
        .unwrap();
    let mut child = command()
        .args(["gwm", "--listen", "127.0.0.1:0"])
        .env("SASP_CTL_RUN_DIR", directory.path())
        .env("NOTIFY_SOCKET", &path)
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let mut buffer = [0; 64];
    let received = socket.recv(&mut buffer);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(&buffer[..received.unwrap()], b"READY=1\n");
}

#[test]
fn what_keeps_it_from_starting_is_one_line_and_an_exit_code() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("gwm.toml");
    std::fs::write(&file, "listen = \"127.0.0.1:0\"\ngrase = \"1s\"\n").unwrap();
    let file = file.to_str().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let rows: [(&[&str], i32, &str); 4] = [
        (
            &["--config", file],
            2,
            "gwm.toml:2: unknown key `grase`: did you mean `grace`?",
        ),
        (
            &["--config", "/does/not/exist"],
            2,
            "/does/not/exist: cannot be read",
        ),
        (&["--listen", "nowhere"], 2, "nowhere"),
        (
            &["--listen", &taken],
            1,
            "stop what listens there or choose another port",
        ),
    ];
    for (arguments, code, text) in rows {
        let output = command().arg("gwm").args(arguments).output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {error}");
        assert!(error.contains(text), "{arguments:?}: {error}");
    }
}

#[test]
fn a_connection_that_never_speaks_is_closed() {
    let server = Server::start("[limits]\nfirst_message = \"1s\"");
    let mut mute = server.connect();
    let mut speaking = server.connect();
    assert_eq!(speaking.code(&set_lb_state("A", 0)), 0);
    mute.assert_closed();
    speaking.assert_quiet(Duration::from_millis(300));
}
