//! A member process of a test.

use std::io::{BufRead as _, BufReader};
use std::os::unix::net::UnixDatagram;
use std::process::{Child, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::server::{PATIENCE, Server, command};

/// `sasp-ctl member ACTION` for 10.0.0.1:80 in group G of balancer A, with more flags.
pub(crate) fn member(server: &Server, action: &str, flags: &[&str]) -> std::process::Command {
    let mut member = command();
    member
        .args(["member", action, "--gwm", &server.address.to_string()])
        .args(["--uid", "A", "--group", "G", "--address", "10.0.0.1:80"])
        .args(flags);
    member
}

/// Its exit code, standard output and standard error.
pub(crate) fn ended(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (
        output.status.code(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

/// An agent, and what it tells systemd. Ends with the test.
pub(crate) struct Agent {
    child: Child,
    notified: UnixDatagram,
    log: Receiver<String>,
    _directory: tempfile::TempDir,
}

impl Agent {
    pub(crate) fn start(server: &Server, flags: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notify");
        let notified = UnixDatagram::bind(&path).unwrap();
        notified.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut child = member(server, "agent", flags)
            .env("NOTIFY_SOCKET", &path)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
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
            notified,
            log,
            _directory: directory,
        }
    }

    /// Waits until it tells systemd this.
    pub(crate) fn tells(&self, what: &str) {
        let mut buffer = [0; 256];
        loop {
            let length = self.notified.recv(&mut buffer).expect("a notification");
            if std::str::from_utf8(&buffer[..length]).unwrap().trim_end() == what {
                return;
            }
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).unwrap();
        kill(Pid::from_raw(pid), signal).unwrap();
    }

    /// Waits until it has ended by itself; its exit code and the rest of its log.
    pub(crate) fn end(&mut self) -> (Option<i32>, String) {
        let mut log = String::new();
        loop {
            match self.log.recv_timeout(PATIENCE) {
                Ok(line) => log = log + &line + "\n",
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("it does not end:\n{log}"),
            }
        }
        (self.child.wait().unwrap().code(), log)
    }

    /// Waits for a line of its log with this text in it.
    pub(crate) fn log_line(&mut self, text: &str) -> String {
        let mut seen = String::new();
        while let Ok(line) = self.log.recv_timeout(PATIENCE) {
            if line.contains(text) {
                return line;
            }
            seen = seen + &line + "\n";
        }
        panic!("no line with {text:?} in the log:\n{seen}");
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to end.
        let _already_ended = self.child.kill();
        self.child.wait().unwrap();
    }
}
