//! A running GWM, asked and told over its control socket.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::process::{Command, Output};
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::client::Client;
use crate::running::Running;
use crate::server::{PATIENCE, Server, command};
use crate::wire::{
    block, get_weights, group, members, register, send_weights, set_lb_state, set_member_state,
    state, weight, weights_reply,
};

const PUSH: u8 = 1;
const TRUST: u8 = 2;
/// Contact, registered by the LB, confident.
const FULL: u8 = 0x0d;
const QUIESCED: u8 = 0x02;

fn config(first: u16) -> String {
    format!(
        "interval = \"30s\"\n[[weights]]\ngroup = \"G\"\nsource = \"static\"\n\
         members = {{ \"10.0.0.1:80\" = {first}, \"10.0.0.2:80\" = 20 }}\n"
    )
}

/// Balancer A, with members 1 and 2 registered and nothing waiting.
fn balancer(server: &Server) -> Client {
    let mut a = server.connect();
    assert_eq!(a.code(&set_lb_state("A", PUSH | TRUST)), 0);
    assert_eq!(a.code(&register(1, &[members("A", "G", &[1, 2])])), 0);
    a.pushed();
    a
}

/// Members 1 and 2 as a group of weight entries.
fn both(first: (u8, u16), second: (u8, u16)) -> Vec<u8> {
    let items = [
        weight(1, 0, first.0, first.1),
        weight(2, 0, second.0, second.1),
    ];
    block(0x4011, "A", "G", &items)
}

/// What the command printed; it must not have failed.
fn printed(output: Output) -> String {
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{error}");
    String::from_utf8(output.stdout).unwrap()
}

/// The one line with which the command failed.
fn failed(output: Output) -> String {
    let line = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{line}");
    assert_eq!(line.lines().count(), 1, "{line}");
    line
}

fn status(server: &Server) -> Value {
    serde_json::from_str(&printed(server.ask(&["status", "--json"]))).unwrap()
}

/// One question by hand, as `curl --unix-socket` has it.
fn http(server: &Server, path: &str) -> String {
    let mut stream = UnixStream::connect(server.file("run/gwm/gwm.sock")).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "GET {path} HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn the_status_shows_balancers_members_and_what_was_sent() {
    let server = Server::start(&config(40));
    let mut a = balancer(&server);
    let mut member = server.connect();
    assert_eq!(member.code(&register(0, &[members("A", "G", &[9])])), 0);
    a.pushed();
    let quiesce = set_member_state(1, &[block(0x4012, "A", "G", &[state(2, 0x32, 1)])]);
    assert_eq!(a.code(&quiesce), 0);
    a.pushed();
    let b = server.connect();
    let lost = balancer_called(&server, "B");
    drop(lost);
    let status = loop {
        let status = status(&server);
        if status["totals"]["balancers_lost"] == 1 {
            break status;
        }
    };
    let known = &status["balancers"][0];
    assert_eq!(
        [&known["uid"], &known["state"]],
        [&json!("A"), &json!("connected")]
    );
    assert_eq!(
        [&known["push"], &known["trust"], &known["health"]],
        [&json!(true), &json!(true), &json!(127)]
    );
    let group = &known["groups"][0];
    assert_eq!(
        [&group["total"], &group["confident"], &group["quiesced"]],
        [3, 2, 1]
    );
    let members = group["members"].as_array().unwrap();
    let addresses: Vec<_> = members.iter().map(|member| &member["member"]).collect();
    assert_eq!(addresses, ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.9:80"]);
    assert_eq!(
        [&members[1]["quiesced_by"]["balancer"], &members[1]["state"]],
        [&json!(true), &json!(0x32)]
    );
    assert_eq!(members[1]["sent"]["quiesced"], true);
    assert_eq!(members[2]["registered_by"], "member");
    assert_eq!(status["totals"]["connections_without_balancer"], 2);
    assert_eq!(status["balancers"][1]["state"], "lost");
    assert_eq!(
        status["counters"]["replied"]["Registration Request"]["success"],
        3
    );

    let text = printed(server.ask(&["status", "--uid", "A", "--group", "G"]));
    for part in [
        "BALANCER",
        "10.0.0.9:80",
        "no contact, not confident, registered itself",
        "quiesced by balancer",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(
        !text.contains("forgotten in") && !text.contains('\x1b'),
        "{text}"
    );
    drop(b);
}

fn balancer_called(server: &Server, uid: &str) -> Client {
    let mut client = server.connect();
    assert_eq!(client.code(&register(1, &[members(uid, "G", &[1])])), 0);
    client
}

#[test]
fn overrides_are_pushed_at_once_and_asked_weights_have_them() {
    let server = Server::start(&config(40));
    let mut a = balancer(&server);
    for (command, first, second) in [
        (&["set", "G", "10.0.0.1:80", "7"][..], (FULL, 7), (FULL, 20)),
        (
            &["quiesce", "G", "10.0.0.2:80"],
            (FULL, 7),
            (FULL | QUIESCED, 0),
        ),
        (
            &["set", "G", "10.0.0.1:80", "auto"],
            (FULL, 40),
            (FULL | QUIESCED, 0),
        ),
        (&["resume", "G", "10.0.0.2:80"], (FULL, 40), (FULL, 20)),
        (
            &["set", "G", "10.0.0.2:80", "0", "--uid", "A"],
            (FULL, 40),
            (FULL, 0),
        ),
    ] {
        let text = printed(server.ask(command));
        assert!(
            text.contains("balancer A is told: weight"),
            "{command:?}: {text}"
        );
        assert_eq!(
            a.pushed(),
            send_weights(&[both(first, second)]),
            "{command:?}"
        );
        let reply = a.ask(&get_weights(&[group("A", "G")]));
        assert_eq!(
            reply,
            weights_reply(30, &[both(first, second)]),
            "{command:?}"
        );
    }
    printed(server.ask(&["set", "G", "10.0.0.1:80", "1", "--uid", "B"]));
    a.assert_quiet(Duration::from_millis(300));
}

#[test]
fn a_quiesce_of_the_gwm_is_its_own_and_a_members_or_balancers_resume_does_not_end_it() {
    let server = Server::start(&config(40));
    let mut a = balancer(&server);
    printed(server.ask(&["quiesce", "G", "10.0.0.1:80"]));
    let quiesced = send_weights(&[both((FULL | QUIESCED, 0), (FULL, 20))]);
    assert_eq!(a.pushed(), quiesced);
    let resume = set_member_state(1, &[block(0x4012, "A", "G", &[state(1, 0, 0)])]);
    assert_eq!(a.code(&resume), 0);
    let by_balancer = set_member_state(1, &[block(0x4012, "A", "G", &[state(1, 0, 1)])]);
    assert_eq!(a.code(&by_balancer), 0);
    let text = printed(server.ask(&["resume", "G", "10.0.0.1:80"]));
    assert!(
        text.contains("still told that it is quiesced, by its balancer"),
        "{text}"
    );
    assert_eq!(a.code(&resume), 0);
    assert_eq!(a.pushed(), send_weights(&[both((FULL, 40), (FULL, 20))]));
}

#[test]
fn overrides_survive_a_reload_and_a_restart_and_wait_for_members_that_are_not_there_yet() {
    let directory = tempfile::tempdir().unwrap();
    let kept = directory.path().join("new/gwm.json");
    let with_state = |first| format!("state = {kept:?}\n{}", config(first));
    let server = Server::start(&with_state(40));
    let text = printed(server.ask(&["set", "G", "10.0.0.1:80", "7"]));
    assert!(
        text.contains("no balancer has registered it in group G"),
        "{text}"
    );
    assert!(!text.contains("restart"), "{text}");
    printed(server.ask(&["quiesce", "G", "10.0.0.2:80"]));
    let mut a = server.connect();
    let expected = weights_reply(30, &[both((FULL, 7), (FULL | QUIESCED, 0))]);
    assert_eq!(a.code(&register(1, &[members("A", "G", &[1, 2])])), 0);
    assert_eq!(a.ask(&get_weights(&[group("A", "G")])), expected);

    let mut server = server;
    server.write_config(&with_state(50));
    server.log_line("reloaded: ");
    assert_eq!(a.ask(&get_weights(&[group("A", "G")])), expected);
    assert_eq!(status(&server)["reload"]["done"], 1);

    let mut server = server.restart(Signal::SIGKILL);
    let mut a = server.connect();
    assert_eq!(a.code(&register(1, &[members("A", "G", &[1, 2])])), 0);
    assert_eq!(a.ask(&get_weights(&[group("A", "G")])), expected);
    printed(server.ask(&["set", "G", "10.0.0.1:80", "auto"]));
    let expected = weights_reply(30, &[both((FULL, 50), (FULL | QUIESCED, 0))]);
    assert_eq!(a.ask(&get_weights(&[group("A", "G")])), expected);
    assert_eq!(server.count_log_lines("WARN no control socket"), 0);

    std::fs::write(&kept, "{").unwrap();
    let mut server = server.restart(Signal::SIGTERM);
    assert_eq!(
        server.count_log_lines("no overrides of earlier are in force"),
        1
    );
    assert_eq!(status(&server)["overrides"], json!([]));
}

#[test]
fn the_operator_is_told_that_overrides_end_with_the_process_unless_there_is_a_file() {
    let server = Server::start(&config(40));
    let text = printed(server.ask(&["set", "G", "10.0.0.1:80", "7"]));
    assert!(
        text.contains("note: a restart of this GWM forgets it: set `state` in gwm.toml"),
        "{text}"
    );
    let text = printed(server.ask(&["status"]));
    assert!(text.contains("OVERRIDDEN"), "{text}");
}

#[test]
fn metrics_are_lines_of_a_name_labels_and_a_number() {
    let server = Server::start(&config(40));
    let _a = balancer(&server);
    let answer = http(&server, "/metrics");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(
        head.starts_with("HTTP/1.0 200") && head.contains("openmetrics-text"),
        "{head}"
    );
    let (body, _) = body.split_once("# EOF\n").expect("an end");
    let samples = body.lines().filter(|line| !line.starts_with('#'));
    let mut count = 0;
    for line in samples {
        let (series, value) = line.rsplit_once(' ').unwrap();
        let name = series.split('{').next().unwrap();
        assert!(name.starts_with("sasp_gwm_"), "{line}");
        assert!(value.parse::<f64>().is_ok(), "{line}");
        assert_eq!(series.contains('{'), series.ends_with('}'), "{line}");
        count += 1;
    }
    assert!(count > 30, "{body}");
    let weight = "sasp_gwm_member_weight{uid=\"A\",group=\"G\",member=\"10.0.0.1:80\"} 40.0\n";
    assert!(body.contains(weight), "{body}");
    let pushed = body
        .lines()
        .find_map(|line| line.strip_prefix("sasp_gwm_push_bytes_total "));
    assert!(pushed.unwrap().parse::<u64>().unwrap() > 0);
}

#[test]
fn the_status_page_is_where_the_file_says_and_stays_there_over_a_reload() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let mut server = Server::start(&format!("status = \"{address}\"\n{}", config(40)));
    let ask = |path: &str| {
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(stream, "GET {path} HTTP/1.0\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    assert!(ask("/").contains("<h1>GWM gwm</h1>"));
    server.write_config(&config(41));
    server.log_line("`status` has changed: restart");
    assert!(ask("/healthz").ends_with("ok\n"));
}

#[test]
fn a_socket_of_a_dead_process_is_replaced_and_one_of_a_living_is_not() {
    let server = Server::start(&config(40));
    let mut server = server.restart(Signal::SIGKILL);
    assert_eq!(status(&server)["instance"], "gwm");
    let mode = std::fs::metadata(server.file("run/gwm/gwm.sock"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let line = failed(server.ask(&["--listen", "127.0.0.1:0"]));
    assert!(
        line.contains("a GWM called gwm runs already (process ") && line.contains("--instance"),
        "{line}"
    );
    assert_eq!(
        status(&server)["instance"],
        "gwm",
        "the first one still answers"
    );
    server.stop(Signal::SIGTERM);
    assert!(!server.file("run/gwm/gwm.sock").exists());
    let line = failed(server.ask(&["status"]));
    assert!(
        line.contains("the GWM of instance gwm is not running on this host: start"),
        "{line}"
    );
}

#[test]
fn two_on_one_host_have_names() {
    let server = Server::start(&config(40));
    let mut other = Running::start(
        command()
            .args(["gwm", "--listen", "127.0.0.1:0", "--instance", "other"])
            .env("SASP_CTL_RUN_DIR", server.file("run")),
    );
    other.log_line("listening address=");
    printed(server.ask(&["set", "G", "10.0.0.1:80", "7", "--instance", "other"]));
    let text = printed(server.ask(&["status", "--json", "--instance", "other"]));
    let theirs: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (
            &theirs["instance"],
            theirs["overrides"].as_array().unwrap().len()
        ),
        (&json!("other"), 1)
    );
    assert_eq!(status(&server)["overrides"], json!([]));
}

#[test]
fn bad_usage_is_one_line_and_exit_code_2() {
    let server = Server::start(&config(40));
    for (arguments, text) in [
        (
            &["set", "G", "10.0.0.1:80", "65536"][..],
            "a weight is 0 to 65535, or `auto`",
        ),
        (&["set", "G"], "required"),
        (
            &["quiesce", "G", "here"],
            "member: \"here\" has no valid IP address",
        ),
        (
            &["status", "--uid", ""],
            "uid: \"\" must have 1 to 255 bytes",
        ),
        (&["status", "--instance", "a/b"], "--instance"),
        (&["--config", "x", "status"], "cannot be used with"),
        (&["nothing"], "unrecognized subcommand"),
    ] {
        let output = server.ask(arguments);
        let line = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {line}");
        assert!(
            line.contains(text) && line.lines().count() == 1,
            "{arguments:?}: {line}"
        );
    }
}

#[test]
fn what_a_command_did_can_be_had_as_one_json_object() {
    let server = Server::start(&config(40));
    let _a = balancer(&server);
    let text = printed(server.ask(&["set", "G", "10.0.0.1:80", "7", "--json"]));
    let outcome: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(outcome["member"], json!("10.0.0.1:80"));
    assert_eq!(outcome["overridden"]["weight"], json!(7));
    assert_eq!(outcome["said"][0]["weight"], json!(7));
    let text = printed(server.ask(&["quiesce", "G", "10.0.0.1:80", "--json"]));
    let outcome: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(outcome["overridden"]["quiesced"], json!(true));
}

#[test]
fn whoever_is_not_root_is_told_so_in_one_line() {
    assert!(
        nix::unistd::geteuid().is_root(),
        "only root can become somebody else"
    );
    let server = Server::start(&config(40));
    // The binary and the directory are ours; nobody else may look into them where they are.
    let public = tempfile::Builder::new()
        .permissions(std::fs::Permissions::from_mode(0o755))
        .tempdir()
        .unwrap();
    let binary = public.path().join("sasp-ctl");
    std::fs::copy(command().get_program(), &binary).unwrap();
    let run = public.path().join("run");
    std::fs::create_dir(&run).unwrap();
    let by_nobody = |arguments: &[&str], run: &std::path::Path| {
        let mut command = Command::new("setpriv");
        command
            .args(["--reuid", "65534", "--regid", "65534", "--clear-groups"])
            .arg(&binary)
            .arg("gwm")
            .args(arguments)
            .env("SASP_CTL_RUN_DIR", run);
        command.output().unwrap()
    };
    let line = failed(by_nobody(&["--listen", "127.0.0.1:0"], &run));
    assert!(
        line.contains("Permission denied") && line.contains("SASP_CTL_RUN_DIR"),
        "{line}"
    );
    // The server's directory is closed to others, its socket even more so.
    let line = failed(by_nobody(&["status"], &server.file("run")));
    assert!(
        line.contains("no permission to talk to the GWM of instance gwm: run as root"),
        "{line}"
    );

    // Nobody has asked for a socket: the GWM serves without.
    let mut serving = Running::start(
        Command::new("setpriv")
            .args(["--reuid", "65534", "--regid", "65534", "--clear-groups"])
            .arg(&binary)
            .args(["gwm", "--listen", "127.0.0.1:0"])
            .env_remove("SASP_CTL_RUN_DIR"),
    );
    serving.log_line("listening address=");
    let log = serving.log();
    let warned = log
        .iter()
        .filter(|line| line.contains("WARN no control socket"));
    assert_eq!(warned.count(), 1, "{log:?}");
}
