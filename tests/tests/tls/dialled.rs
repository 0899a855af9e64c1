//! The real GWM, dialled by `openssl s_client`.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use nix::sys::signal::Signal;

use crate::authority::Authority;
use crate::peer::Peer;
use crate::server::{PATIENCE, Server};
use crate::wire::{message, set_lb_state};

/// A GWM whose UID "A" belongs to the certificate of edge-1, with more keys.
fn gwm(authority: &Authority, keys: &str) -> Server {
    let path = |name: &str| authority.path(name).display().to_string();
    Server::start(&format!(
        "tls = {{ cert = {:?}, key = {:?}, ca = {:?} }}\n{keys}\n[[balancer]]\nuid = \"A\"\ncertificate = \"edge-1\"\n",
        path("gwm.pem"),
        path("gwm.key"),
        path("ca.pem"),
    ))
}

fn dial(server: &Server, more: &[String]) -> Peer {
    let fixed = ["s_client", "-quiet", "-verify_return_error", "-connect"];
    let mut arguments: Vec<_> = fixed.map(str::to_owned).into();
    arguments.push(server.address.to_string());
    arguments.extend_from_slice(more);
    Peer::start(&arguments)
}

/// The code of the reply to a Set LB State request for this UID.
fn code(peer: &mut Peer, uid: &str) -> u8 {
    peer.send(&message(0x8000_0001, &set_lb_state(uid, 0)));
    let reply = peer.message();
    assert_eq!(reply[9..13], [0x80, 0, 0, 1], "the id is echoed");
    assert_eq!(reply[13..15], [0x10, 0x55], "a Set LB State reply");
    reply[17]
}

#[test]
fn a_client_of_either_version_speaks_for_its_uid_and_no_other() {
    let authority = Authority::new();
    authority.issue("edge-2", "DNS:edge-2.example.net");
    let server = gwm(&authority, "");
    for version in ["-tls1_2", "-tls1_3"] {
        for (name, uid, expected) in [
            ("edge-1", "A", 0),
            ("edge-2", "A", 0x11),
            ("edge-1", "B", 0x11),
        ] {
            let mut flags = authority.flags(name);
            flags.push(version.to_owned());
            let mut peer = dial(&server, &flags);
            assert_eq!(code(&mut peer, uid), expected, "{version} {name} {uid}");
        }
    }
}

#[test]
fn who_shows_no_certificate_or_speaks_plain_tcp_is_refused_and_the_log_says_what_to_do() {
    let authority = Authority::new();
    let mut server = gwm(&authority, "");
    for version in ["-tls1_2", "-tls1_3"] {
        let ca = authority.path("ca.pem").display().to_string();
        let mut peer = dial(&server, &["-CAfile".to_owned(), ca, version.to_owned()]);
        peer.assert_refused();
        server.log_line("it shows no certificate: give it one");
    }
    let mut old = authority.flags("edge-1");
    old.extend(["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"].map(str::to_owned));
    dial(&server, &old).assert_refused();
    server.log_line("we speak TLS 1.2 and 1.3");

    let mut plain = server.connect();
    plain.send(&message(1, &set_lb_state("A", 0)));
    let line = server.log_line("it does not speak TLS");
    assert!(line.contains("no TLS: it does not speak TLS"), "{line}");
}

#[test]
fn many_refusals_of_one_source_are_counted_instead_of_logged() {
    let authority = Authority::new();
    let mut server = gwm(&authority, "");
    for _ in 0..40 {
        let mut plain = TcpStream::connect(server.address).unwrap();
        plain.set_read_timeout(Some(PATIENCE)).unwrap();
        plain.write_all(&message(1, &set_lb_state("A", 0))).unwrap();
        // An alert that it cannot understand, then the end.
        plain.read_to_end(&mut Vec::new()).unwrap();
    }
    assert!(server.stop(Signal::SIGTERM).success());
    server.log_line("more of the same not logged: no TLS");
    let lines = server.count_log_lines("it does not speak TLS");
    assert!(lines < 20, "{lines} lines");
}

#[test]
fn new_files_count_for_the_next_handshake_and_bad_ones_not_at_all() {
    let authority = Authority::new();
    let mut server = gwm(&authority, "");
    let flags = authority.flags("edge-1");
    let mut old = dial(&server, &flags);
    assert_eq!(code(&mut old, "A"), 0);

    std::fs::write(authority.path("gwm.pem"), "nothing").unwrap();
    server.log_line("TLS files of this GWM not taken, the former stay in force");
    // Under another name, whose client insists on it: the certificate is the new one.
    authority.issue("gwm", "DNS:renewed.example.net,IP:127.0.0.1");
    server.log_line("new TLS files of this GWM in force");
    assert_eq!(code(&mut old, "A"), 0, "the old connection lives on");
    let mut renewed = flags.clone();
    renewed.extend(["-verify_hostname", "renewed.example.net"].map(str::to_owned));
    let mut new = dial(&server, &renewed);
    assert_eq!(code(&mut new, "A"), 0);
    let mut former = flags;
    former.extend(["-verify_hostname", "localhost"].map(str::to_owned));
    dial(&server, &former).assert_refused();
}

#[test]
fn a_reload_that_turns_tls_off_is_refused() {
    let authority = Authority::new();
    let mut server = gwm(&authority, "");
    server.write_config("interval = \"5s\"\n");
    server.log_line("`tls` was added or removed, which needs a restart");
    let mut peer = dial(&server, &authority.flags("edge-1"));
    assert_eq!(code(&mut peer, "A"), 0);
}
