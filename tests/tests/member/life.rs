//! A member process of a test.

use std::os::unix::net::UnixDatagram;
use std::process::Output;

use nix::sys::signal::Signal;

use crate::running::Running;
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
    running: Running,
    notified: UnixDatagram,
    _directory: tempfile::TempDir,
}

impl Agent {
    pub(crate) fn start(server: &Server, flags: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notify");
        let notified = UnixDatagram::bind(&path).unwrap();
        notified.set_read_timeout(Some(PATIENCE)).unwrap();
        Self {
            running: Running::start(member(server, "agent", flags).env("NOTIFY_SOCKET", &path)),
            notified,
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
        self.running.signal(signal);
    }

    /// Waits until it has ended by itself; its exit code and its log.
    pub(crate) fn end(&mut self) -> (Option<i32>, String) {
        let code = self.running.wait().code();
        (code, self.running.log().join("\n"))
    }

    /// Waits for a line of its log with this text in it, behind the one that was found last.
    pub(crate) fn log_line(&mut self, text: &str) -> String {
        self.running.log_line(text)
    }
}
