//! One-shot commands: exit codes and lines.

use crate::balancer::Balancer;
use crate::life::{ended, member};
use crate::server::{Server, command};

/// Runs to its end.
fn run(server: &Server, action: &str, flags: &[&str]) -> (Option<i32>, String, String) {
    ended(&member(server, action, flags).output().unwrap())
}

#[test]
fn a_member_is_registered_quiesced_resumed_and_deregistered_by_hand() {
    let server = Server::start("");
    let mut balancer = Balancer::of(&server, "A");
    let done = |action, flags: &[&str], words| {
        let (code, out, log) = run(&server, action, flags);
        let line = format!("10.0.0.1:80 {words} group G of balancer A");
        assert_eq!((code, out.trim_end()), (Some(0), line.as_str()), "{log}");
    };
    done("register", &[], "is registered in");
    balancer.sees(&[(1, 0, false)]);
    done("register", &[], "is registered already in");
    done("quiesce", &["--state", "7"], "is quiesced in");
    balancer.sees(&[(1, 7, true)]);
    done("resume", &[], "takes new work in");
    balancer.sees(&[(1, 0, false)]);
    done("deregister", &[], "is deregistered from");
    balancer.sees(&[]);
    let (code, out, log) = run(&server, "deregister", &[]);
    assert_eq!(code, Some(0), "{log}");
    assert!(
        out.contains("was not registered") && out.contains("unknown group"),
        "{out}"
    );
}

#[test]
fn what_cannot_be_done_is_one_line_with_the_code_and_what_to_do() {
    let server = Server::start("");
    for action in ["register", "deregister", "quiesce", "resume"] {
        let (code, out, error) = run(&server, action, &[]);
        assert_eq!((code, out.as_str()), (Some(1), ""), "{action}");
        assert_eq!(error.lines().count(), 1, "{error}");
        for part in ["sasp-ctl: group G of balancer A:", "0x61", "retry in 20 s"] {
            assert!(error.contains(part), "{error}");
        }
    }
    let _balancer = Balancer::of(&server, "A");
    let (code, _, error) = run(&server, "quiesce", &[]);
    assert_eq!(code, Some(1));
    assert!(
        error.contains("0x42") && error.contains("register the member first"),
        "{error}"
    );
}

#[test]
fn wrong_usage_is_told_before_anything_is_said() {
    let server = Server::start("");
    let rows: [(&[&str], &str); 7] = [
        (&["--uid", ""], "must have 1 to 64 bytes"),
        (&["--group", ""], "must have 1 to 255 bytes"),
        (&["--address", "10.0.0.1:80"], "--address"),
        (&["--drain", "soon"], "is not a duration"),
        (&["--check-http", "ftp://x/"], "http or https"),
        (&["--state", "256"], "is no byte"),
        (&["--register-after-success"], "add --check-command"),
    ];
    for (flags, reason) in rows {
        let (code, _, error) = run(&server, "agent", flags);
        assert_eq!(code, Some(2), "{flags:?}: {error}");
        assert!(error.contains(reason), "{flags:?}: {error}");
    }
    let (code, _, error) = ended(&command().arg("member").output().unwrap());
    assert_eq!(code, Some(2));
    assert!(
        error.contains("agent, register, deregister, quiesce, resume"),
        "{error}"
    );
}
