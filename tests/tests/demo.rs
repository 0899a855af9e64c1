//! The demo as people run it: it ends well, and it leaves nothing, however it ends.

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tests::lab::wait::{until, until_true};

/// What a demo with this process id has left: namespaces, mounts and directories carry it in their names.
fn left_by(pid: u32) -> Vec<String> {
    let prefix = format!("sasplab-{pid}-");
    let names = ["/run/netns", "/tmp"].iter().flat_map(|directory| {
        fs::read_dir(directory)
            .into_iter()
            .flatten()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
    });
    let mounts = fs::read_to_string("/proc/mounts").unwrap();
    let mounts = mounts.split_whitespace().map(str::to_owned);
    names
        .chain(mounts)
        .filter(|name| name.contains(&prefix))
        .collect()
}

fn demo() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_demo"));
    command
        .arg("--once")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

#[test]
fn once_ends_well_within_a_minute_and_leaves_nothing() {
    let start = Instant::now();
    let child = demo().spawn().unwrap();
    let pid = child.id();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{error}");
    assert!(start.elapsed() < Duration::from_secs(60), "{said}");
    let steps = said.lines().filter(|line| line.starts_with("ok ")).count();
    assert_eq!(steps, 7, "{said}");
    assert!(
        !said.contains('\x1b'),
        "no escapes outside a terminal: {said}"
    );
    assert_eq!(left_by(pid), [""; 0]);
}

#[test]
fn an_interrupted_demo_leaves_nothing() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let mut child = demo().spawn().unwrap();
        let pid = child.id();
        until_true(Duration::from_secs(20), "namespaces", || {
            Ok(left_by(pid).len() > 3)
        })
        .unwrap();
        kill(Pid::from_raw(pid as i32), signal).unwrap();
        let deadline = Duration::from_secs(20);
        let status = until(deadline, "the end of the demo", || Ok(child.try_wait()?)).unwrap();
        assert_eq!(status.code(), Some(130), "{signal}");
        assert_eq!(left_by(pid), [""; 0], "{signal}");
    }
}

#[test]
fn what_a_killed_demo_leaves_the_next_one_removes() {
    let mut killed = demo().spawn().unwrap();
    let pid = killed.id();
    until_true(Duration::from_secs(20), "namespaces", || {
        Ok(left_by(pid).len() > 3)
    })
    .unwrap();
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert!(!left_by(pid).is_empty());
    let mut next = demo().spawn().unwrap();
    until_true(Duration::from_secs(20), "the next demo", || {
        Ok(!left_by(next.id()).is_empty())
    })
    .unwrap();
    assert_eq!(left_by(pid), [""; 0]);
    kill(Pid::from_raw(next.id() as i32), Signal::SIGINT).unwrap();
    next.wait().unwrap();
}
