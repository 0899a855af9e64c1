//! One run of a command.

use std::io::Write;
use std::net::SocketAddr;
use std::process::{Child, Output, Stdio};

use serde_json::Value;

use crate::server::command;

/// What a command has done.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    /// Without the program's name.
    pub(crate) line: String,
}

impl Done {
    pub(crate) fn of(output: Output) -> Self {
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(stderr.lines().count() <= 1, "more than one line: {stderr}");
        let line = stderr.trim_end();
        Self {
            code: output.status.code().expect("it ends by itself"),
            stdout: String::from_utf8(output.stdout).unwrap(),
            line: line.strip_prefix("sasp-ctl: ").unwrap_or(line).to_owned(),
        }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Starts `sasp-ctl query` with flags, separated by blanks.
pub(crate) fn start_query(gwm: SocketAddr, flags: &str) -> Child {
    command()
        .args(["query", "--gwm", &gwm.to_string()])
        .args(flags.split_whitespace())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

pub(crate) fn query(gwm: SocketAddr, flags: &str) -> Done {
    Done::of(start_query(gwm, flags).wait_with_output().unwrap())
}

/// `sasp-ctl decode` with these bytes on standard input.
pub(crate) fn decode(flags: &[&str], input: &[u8]) -> Done {
    let mut child = command()
        .arg("decode")
        .args(flags)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    // Beside the reading, so that neither pipe fills up.
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    Done::of(output)
}
