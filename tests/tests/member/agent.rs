//! An agent's whole life, as the balancer sees it.

use nix::sys::signal::Signal;

use crate::balancer::Balancer;
use crate::life::Agent;
use crate::server::Server;

#[test]
fn a_balancer_sees_an_agents_server_come_fall_ill_recover_and_go() {
    let server = Server::start("");
    let mut balancer = Balancer::of(&server, "A");
    let directory = tempfile::tempdir().unwrap();
    let healthy = directory.path().join("healthy");
    std::fs::write(&healthy, "").unwrap();
    let check = format!("test -e {}", healthy.display());
    let flags = [
        ["--check-command", &check],
        ["--check-interval", "10ms"],
        ["--check-timeout", "20s"],
        ["--state", "0x0a"],
        ["--drain", "100ms"],
    ];
    let mut agent = Agent::start(&server, flags.as_flattened());
    balancer.sees(&[(1, 0x0a, false)]);
    agent.tells("READY=1");
    std::fs::remove_file(&healthy).unwrap();
    balancer.sees(&[(1, 0x0a, true)]);
    std::fs::write(&healthy, "").unwrap();
    balancer.sees(&[(1, 0x0a, false)]);
    agent.signal(Signal::SIGTERM);
    balancer.sees(&[(1, 0x0a, true)]);
    balancer.sees(&[]);
    let (code, log) = agent.end();
    assert_eq!(code, Some(0), "{log}");
    for line in [
        "registered",
        "the server is not healthy",
        "the server is healthy",
        "stopping on SIGTERM",
        "deregistered",
    ] {
        assert!(log.contains(line), "{line}:\n{log}");
    }
    assert!(log.lines().count() < 16, "one line a change:\n{log}");
}

#[test]
fn a_second_signal_ends_the_drain() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let server = Server::start("");
        let mut balancer = Balancer::of(&server, "A");
        let mut agent = Agent::start(&server, &["--drain", "1h"]);
        balancer.sees(&[(1, 0, false)]);
        agent.log_line("registered");
        agent.signal(Signal::SIGINT);
        balancer.sees(&[(1, 0, true)]);
        agent.signal(signal);
        balancer.sees(&[]);
        let (code, log) = agent.end();
        assert_eq!(code, Some(0), "{log}");
    }
}

#[test]
fn an_agent_is_ready_when_it_can_only_wait_for_its_balancer_and_ends_at_once_then() {
    let server = Server::start("");
    let mut agent = Agent::start(&server, &["--drain", "1h"]);
    agent.tells("READY=1");
    agent.log_line("the balancer has not contacted this GWM yet");
    agent.signal(Signal::SIGTERM);
    let (code, log) = agent.end();
    assert_eq!(code, Some(0), "{log}");
}

#[test]
fn an_agent_of_a_balancer_without_trust_ends_with_what_to_do() {
    let server = Server::start("");
    let mut untrusting = server.connect();
    assert_eq!(untrusting.code(&crate::wire::set_lb_state("A", 0)), 0);
    let mut agent = Agent::start(&server, &[]);
    let (code, log) = agent.end();
    assert_eq!(code, Some(1), "{log}");
    let last = log.lines().last().unwrap();
    assert!(
        last.starts_with("sasp-ctl: group G of balancer A:"),
        "{last}"
    );
    assert!(
        last.contains("0x11") && last.contains("trust = true"),
        "{last}"
    );
}

#[test]
fn an_agent_whose_gwm_is_gone_at_the_end_says_so() {
    let mut server = Server::start("");
    let mut balancer = Balancer::of(&server, "A");
    let mut agent = Agent::start(&server, &["--drain", "10ms"]);
    balancer.sees(&[(1, 0, false)]);
    agent.log_line("registered");
    server.stop(Signal::SIGTERM);
    agent.log_line("not connected");
    agent.signal(Signal::SIGTERM);
    let (code, log) = agent.end();
    assert_eq!(code, Some(1), "{log}");
    assert!(log.contains("10.0.0.1:80 may still be registered"), "{log}");
}

#[test]
fn an_agent_speaks_to_several_balancers_about_several_groups() {
    let server = Server::start("");
    let (mut a, mut b) = (Balancer::of(&server, "A"), Balancer::of(&server, "B"));
    let more = ["--uid", "B", "--group", "H", "--drain", "0s"];
    let mut agent = Agent::start(&server, &more);
    for balancer in [&mut a, &mut b] {
        balancer.sees(&[(1, 0, false), (1, 0, false)]);
    }
    agent.signal(Signal::SIGTERM);
    for balancer in [&mut a, &mut b] {
        balancer.sees(&[]);
    }
    assert_eq!(agent.end().0, Some(0));
}
