//! Members under TLS: a certificate speaks for its own server, and an agent lives as it does over plain TCP.

use nix::sys::signal::Signal;

use crate::authority::Authority;
use crate::life::{Agent, ended, member};
use crate::peer::Peer;
use crate::server::Server;
use crate::wire::{message, set_lb_state};

const TRUST: u8 = 2;

/// A GWM where only the certificate of web-1 speaks for 10.0.0.1, and balancer A, which trusts its members.
fn world(authority: &Authority) -> (Server, Peer) {
    authority.issue("web-1", "DNS:web-1.example.net");
    let path = |name: &str| authority.path(name).display().to_string();
    let server = Server::start(&format!(
        "tls = {{ cert = {:?}, key = {:?}, ca = {:?} }}\n\
         [[member]]\ncertificate = \"web-1\"\naddresses = [\"10.0.0.1\"]\n",
        path("gwm.pem"),
        path("gwm.key"),
        path("ca.pem"),
    ));
    let address = server.address.to_string();
    let fixed = ["s_client", "-quiet", "-verify_return_error", "-connect"];
    let mut arguments: Vec<_> = fixed.map(str::to_owned).into();
    arguments.push(address);
    arguments.extend(authority.flags("edge-1"));
    let mut balancer = Peer::start(&arguments);
    balancer.send(&message(1, &set_lb_state("A", TRUST)));
    assert_eq!(balancer.message()[17], 0);
    (server, balancer)
}

/// Flags of somebody with this certificate.
fn flags(authority: &Authority, name: &str) -> Vec<String> {
    let path = |name: String| authority.path(&name).display().to_string();
    let pairs = [
        ("--tls-ca", path("ca.pem".to_owned())),
        ("--tls-cert", path(format!("{name}.pem"))),
        ("--tls-key", path(format!("{name}.key"))),
    ];
    pairs.map(|(flag, path)| format!("{flag}={path}")).into()
}

#[test]
fn a_certificate_speaks_for_its_own_server_only() {
    let authority = Authority::new();
    let (server, _balancer) = world(&authority);
    let register = |flags: &[String]| {
        let flags: Vec<_> = flags.iter().map(String::as_str).collect();
        ended(&member(&server, "register", &flags).output().unwrap())
    };
    let (code, out, error) = register(&flags(&authority, "web-1"));
    assert_eq!(code, Some(0), "{error}");
    assert!(out.contains("is registered in"), "{out}");
    let (code, _, error) = register(&flags(&authority, "edge-1"));
    assert_eq!(code, Some(1));
    assert!(error.contains("0x11"), "{error}");
    let (code, _, error) = register(&flags(&authority, "web-1")[..1]);
    assert_eq!(code, Some(1));
    assert!(error.contains("certificate"), "{error}");
    let (code, _, error) = register(&[]);
    assert_eq!(code, Some(1), "plain TCP: {error}");
    assert_eq!(error.lines().count(), 1, "{error}");
}

#[test]
fn an_agent_registers_and_deregisters_under_tls() {
    let authority = Authority::new();
    let (mut server, _balancer) = world(&authority);
    let flags = flags(&authority, "web-1");
    let mut flags: Vec<_> = flags.iter().map(String::as_str).collect();
    flags.push("--drain=10ms");
    let mut agent = Agent::start(&server, &flags);
    agent.tells("READY=1");
    server.log_line("members registered");
    agent.signal(Signal::SIGTERM);
    let (code, log) = agent.end();
    assert_eq!(code, Some(0), "{log}");
    assert!(!log.contains("plain TCP"), "{log}");
    server.log_line("members deregistered");
}
