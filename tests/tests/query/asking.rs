//! Against the real GWM.

use std::io::{BufRead, BufReader};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::run::{Done, query, start_query};
use crate::server::Server;
use crate::wire;

const GWM: &str = "[[weights]]\ngroup = \"FARM1\"\nsource = \"static\"\nmembers = { \"10.0.0.1:80\" = 40, \"10.0.0.2:80\" = 20 }\n";

/// A balancer that is connected as `edge-1` with two members.
fn balancer(server: &Server) -> crate::client::Client {
    let mut client = server.connect();
    let code = client.code(&wire::register(
        1,
        &[wire::members("edge-1", "FARM1", &[1, 2])],
    ));
    assert_eq!(code, 0);
    client
}

#[test]
fn a_uid_that_nobody_uses_is_unknown() {
    let server = Server::start(GWM);
    let done = query(server.address, "--uid nobody");
    assert_eq!(done.code, 1);
    assert_eq!(done.stdout, "");
    assert!(
        done.line.contains("does not know LB UID nobody"),
        "{done:?}"
    );
    let done = query(server.address, "--uid nobody --json");
    assert_eq!(done.code, 1);
    let value = done.json();
    assert_eq!(value["outcome"], "unknown_uid");
    assert_eq!(value["probe"]["code"], 0x43);
}

#[test]
fn a_connected_balancer_stays_connected_unless_it_is_taken_over() {
    let server = Server::start(GWM);
    let mut client = balancer(&server);
    for flags in [
        "--uid edge-1",
        "--uid edge-1 FARM1",
        "--uid edge-1 --member X=10.0.0.9:80",
    ] {
        let done = query(server.address, flags);
        assert_eq!(done.code, 1);
        assert_eq!(done.stdout, "");
        assert!(
            done.line.contains("use --take-over if that is all right"),
            "{done:?}"
        );
        // It still speaks, and nothing was changed.
        let reply = client.ask(&wire::get_weights(&[wire::group("edge-1", "")]));
        assert_eq!((reply[4], &reply[7..9]), (0, &[0, 1][..]), "one group");
    }
    let done = query(server.address, "--uid edge-1 --take-over");
    assert_eq!(done.code, 0, "{done:?}");
    let expected = "group FARM1
  MEMBER       WEIGHT  CONTACT  CONFIDENT  QUIESCED  REGISTERED BY  STATE  LABEL
  10.0.0.1:80      40  yes      yes        no        balancer       0x00
  10.0.0.2:80      20  yes      yes        no        balancer       0x00
";
    let (title, table) = done.stdout.split_once('\n').unwrap();
    assert_eq!(
        title,
        format!("GWM {}  LB UID edge-1  interval 10 s", server.address)
    );
    assert_eq!(table, expected);
    client.assert_closed();
}

#[test]
fn the_weights_are_json_as_well() {
    let server = Server::start(GWM);
    balancer(&server).finish();
    let done = query(server.address, "--uid edge-1 FARM1 --take-over --json");
    assert_eq!(done.code, 0, "{done:?}");
    let value = done.json();
    assert_eq!(value["outcome"], "weights");
    assert_eq!(value["gwm"], server.address.to_string());
    assert_eq!(value["uid"], "edge-1");
    assert_eq!(value["interval_seconds"], 10);
    assert_eq!(value["remarks"], serde_json::json!([]));
    let group = &value["groups"][0];
    assert_eq!(group["group"], "FARM1");
    let member = &group["members"][0];
    assert_eq!(member["member"], "10.0.0.1:80");
    assert_eq!(member["weight"], 40);
    assert_eq!(
        member["flag_names"],
        serde_json::json!(["contact", "registered_by_lb", "confident"])
    );
}

#[test]
fn as_a_balancer_of_its_own_it_leaves_nothing_behind() {
    let server = Server::start(GWM);
    let mut client = balancer(&server);
    let done = query(
        server.address,
        "--uid probe-1 --member FARM1=10.0.0.1:80 --member FARM1=10.0.0.7:80 --member B=10.0.0.1:80",
    );
    assert_eq!(done.code, 0, "{done:?}");
    let lines: Vec<_> = done.stdout.lines().collect();
    let weight = |member: &str| {
        let line = lines
            .iter()
            .find(|line| line.trim_start().starts_with(member));
        line.unwrap().split_whitespace().nth(1).unwrap().to_owned()
    };
    assert_eq!(
        (weight("10.0.0.1:80"), weight("10.0.0.7:80")),
        ("0".to_owned(), "0".to_owned())
    );
    assert!(done.stdout.contains("10.0.0.1:80      40  yes"), "{done:?}");
    let left = query(server.address, "--uid probe-1 --take-over --json").json();
    assert_eq!(left["groups"], serde_json::json!([]));
    let reply = client.ask(&wire::get_weights(&[wire::group("edge-1", "")]));
    assert_eq!(reply[4], 0, "the other balancer is still there");
}

#[test]
fn without_a_uid_it_is_somebody_new_every_time() {
    let server = Server::start(GWM);
    let uids = [1, 2].map(|_| {
        let done = query(server.address, "--member FARM1=10.0.0.1:80 --json");
        assert_eq!(done.code, 0, "{done:?}");
        let value = done.json();
        assert!(value["probe"].is_null(), "nobody can be cut off");
        value["uid"].as_str().unwrap().to_owned()
    });
    assert_ne!(uids[0], uids[1]);
}

#[test]
fn an_interrupted_query_deregisters_what_it_has_registered() {
    let mut server = Server::start(GWM);
    let child = start_query(
        server.address,
        "--uid probe-1 --member FARM1=10.0.0.1:80 --settle 1h",
    );
    server.log_line("registered");
    kill(
        Pid::from_raw(child.id().try_into().unwrap()),
        Signal::SIGINT,
    )
    .unwrap();
    let done = Done::of(child.wait_with_output().unwrap());
    assert_eq!((done.code, done.line.as_str()), (1, "interrupted"));
    let left = query(server.address, "--uid probe-1 --take-over --json").json();
    assert_eq!(left["groups"], serde_json::json!([]));
}

#[test]
fn pushes_are_shown_as_they_come() {
    let server = Server::start(GWM);
    let mut child = start_query(server.address, "--member FARM1=10.0.0.1:80 --push 3600");
    let mut lines = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map(Result::unwrap);
    lines.find(|line| line == "waiting for pushes").unwrap();
    server.write_config(&GWM.replace("40", "41"));
    lines
        .find(|line| line.contains("10.0.0.1:80      41"))
        .unwrap();
    kill(
        Pid::from_raw(child.id().try_into().unwrap()),
        Signal::SIGTERM,
    )
    .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1));
    let done = query(server.address, "--member FARM1=10.0.0.1:80 --push 1 --json");
    assert_eq!(done.code, 0, "{done:?}");
    assert!(done.json()["pushes"].is_array());
}

#[test]
fn refusals_are_explained() {
    let restricted = "[[balancer]]\nuid = \"edge-1\"\nsources = [\"192.0.2.0/24\"]\n";
    let open = Server::start(GWM);
    let closed = Server::start(restricted);
    balancer(&open).finish();
    let long = format!("--uid {}", "u".repeat(65));
    for (server, flags, part) in [
        (
            &open,
            "--uid edge-1 FARM9 --take-over",
            "0x42 unknown group: LB UID edge-1 has no group FARM9",
        ),
        (&open, "--uid edge-1 A B --take-over", "has not all of A, B"),
        (&open, "--uid nobody --take-over", "0x43 unknown LB UID"),
        (&open, long.as_str(), "0x51 invalid LB UID length"),
        (
            &closed,
            "--uid edge-1",
            "0x11 not accepted from this sender: this host's address",
        ),
        (&closed, "--uid other --member A=10.0.0.1:80", "0x11"),
    ] {
        let done = query(server.address, flags);
        assert_eq!(done.code, 1);
        assert!(done.line.contains(part), "{part:?}: {done:?}");
        let done = query(server.address, &format!("{flags} --json"));
        assert_eq!(done.json()["outcome"], "refused");
    }
}

#[test]
fn wrong_usage_is_told_before_anybody_is_asked() {
    // Nobody listens there.
    let nobody = ([127, 0, 0, 1], 1).into();
    for (flags, part) in [
        ("", "--uid"),
        ("--uid a --push 5", "--push needs"),
        ("--uid a --take-over --push 0", "--push"),
        ("--uid a --settle 5s", "--member"),
        ("--uid a --timeout 5", "is not a duration"),
        (
            "--member A",
            "--member: \"A\" is not GROUP=ADDR:PORT[/PROTO]",
        ),
        ("--member A=10.0.0.1:0", "port 0"),
    ] {
        let done = query(nobody, flags);
        assert_eq!(done.code, 2, "{flags}: {done:?}");
        assert!(done.line.contains(part), "{part:?}: {done:?}");
    }
}
