//! A tool from beside the repository audits what tshark ignores: Lengths, component types, stray bytes.
//!
//! Where the tool is missing there is no such test; the build says so.
#![cfg(sasp_audit)]

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use sasp_ctl::sasp::codec::encode;
use serde_json::Value;
use tests::sasp::{capture::Side, samples};

/// What the tool says about `stream`, cut into TCP segments of `segment` bytes.
fn check(stream: &str, segment: usize) -> Value {
    let mut child = Command::new("python3")
        .arg(env!("SASP_AUDIT"))
        .args(["--json", "-f", "-", "--seg", &segment.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("python3 must be installed");
    let mut stdin = child.stdin.take().expect("stdin is piped");
    stdin
        .write_all(stream.as_bytes())
        .expect("the tool reads its stdin");
    drop(stdin);
    let output = child.wait_with_output().expect("the tool ends");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!(
            "no verdict ({error}): {}",
            String::from_utf8_lossy(&output.stderr)
        )
    })
}

#[test]
fn an_audit_finds_nothing_wrong_in_any_message_that_we_send() {
    let messages = samples::messages();
    let stream: String = messages
        .iter()
        .map(|message| {
            let direction = match Side::sending(&message.body) {
                Side::Client => '>',
                Side::Gwm => '<',
            };
            let bytes = encode(message).expect("test messages are small");
            format!("{direction} {}\n", hex::encode(bytes))
        })
        .collect();
    for segment in [1400, 11] {
        let verdict = check(&stream, segment);
        assert_eq!(verdict["status"], 0, "{verdict:#}");
        let seen = verdict["messages"].as_array().expect("a list of messages");
        let seen = seen.iter().map(|seen| (&seen["type"], &seen["id"]));
        let sent: Vec<_> = messages
            .iter()
            .map(|sent| (Value::from(sent.body.kind().0), Value::from(sent.id)))
            .collect();
        assert!(
            seen.eq(sent.iter().map(|(kind, id)| (kind, id))),
            "in segments of {segment} bytes: {verdict:#}"
        );
    }
}

#[test]
fn the_audit_does_find_a_wrong_length() {
    let verdict = check("< 2010000d010000001200000007 1015000600", 1400);
    assert_eq!(verdict["status"], 2, "{verdict:#}");
}
