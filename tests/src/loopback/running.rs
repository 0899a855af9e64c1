//! A `sasp-ctl` that runs beside a test, and what it logs.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::PATIENCE;
use crate::lab::site::program;

/// `sasp-ctl`, without arguments yet.
pub fn command() -> Command {
    Command::new(program("sasp-ctl").unwrap())
}

/// The process; killed with its owner.
#[derive(Debug)]
pub struct Running {
    child: Child,
    log: Receiver<String>,
    seen: Vec<String>,
    /// So many lines were looked at by [`Running::log_line`].
    looked_at: usize,
}

impl Running {
    /// Starts it, with its standard error as its log.
    pub fn start(command: &mut Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let (lines, log) = channel();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        // Ends with the process, or with the test.
        std::thread::spawn(move || {
            stderr
                .lines()
                .map_while(Result::ok)
                .try_for_each(|line| lines.send(line))
        });
        Self {
            child,
            log,
            seen: Vec::new(),
            looked_at: 0,
        }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for a line of the log with this text in it, behind the one that was found last.
    pub fn log_line(&mut self, text: &str) -> String {
        let until = Instant::now() + PATIENCE;
        loop {
            let new = self.seen.iter().skip(self.looked_at);
            let found = new.enumerate().find(|(_, line)| line.contains(text));
            if let Some((at, line)) = found {
                self.looked_at += at + 1;
                return line.clone();
            }
            self.looked_at = self.seen.len();
            match self.next_line(until) {
                Some(line) => self.seen.push(line),
                None => panic!(
                    "no line with {text:?} in the log:\n{}",
                    self.seen.join("\n")
                ),
            }
        }
    }

    /// What it has logged up to now, all of it once it has ended.
    pub fn log(&mut self) -> &[String] {
        self.seen.extend(self.log.try_iter());
        &self.seen
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).unwrap();
        kill(Pid::from_raw(pid), signal).unwrap();
    }

    /// Waits until it has ended by itself.
    pub fn wait(&mut self) -> ExitStatus {
        let until = Instant::now() + PATIENCE;
        // Its standard error ends with it, and tells us so in time.
        while let Some(line) = self.next_line(until) {
            self.seen.push(line);
        }
        assert!(Instant::now() < until, "it does not end: {:?}", self.seen);
        self.child.wait().unwrap()
    }

    /// `None` if it has ended, or the time is over.
    fn next_line(&self, until: Instant) -> Option<String> {
        let left = until.saturating_duration_since(Instant::now());
        self.log.recv_timeout(left).ok()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to end.
        let _already_ended = self.child.kill();
        self.child.wait().unwrap();
    }
}
