//! The binary, started with a configuration in a directory of its own and stopped with the test.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::client::Client;

/// Longer than anything takes on a busy machine; only failures wait for it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Server {
    child: Child,
    log: Receiver<String>,
    seen: Vec<String>,
    directory: tempfile::TempDir,
    pub(crate) address: SocketAddr,
}

impl Server {
    /// A GWM with this `gwm.toml` on a free port.
    pub(crate) fn start(config: &str) -> Self {
        Self::start_on("127.0.0.1:0", config)
    }

    pub(crate) fn start_on(listen: &str, config: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("gwm.toml"), config).unwrap();
        Self::launch(listen, directory)
    }

    /// Another process with the same directory, on another port.
    pub(crate) fn restart(mut self, signal: Signal) -> Self {
        self.stop(signal);
        let directory = std::mem::replace(&mut self.directory, tempfile::tempdir().unwrap());
        Self::launch("127.0.0.1:0", directory)
    }

    fn launch(listen: &str, directory: tempfile::TempDir) -> Self {
        let mut child = command()
            .args(["gwm", "--listen", listen, "--config"])
            .arg(directory.path().join("gwm.toml"))
            .env("SASP_CTL_RUN_DIR", directory.path().join("run"))
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
        let mut server = Self {
            child,
            log,
            seen: Vec::new(),
            directory,
            address: ([0, 0, 0, 0], 0).into(),
        };
        let line = server.log_line("listening address=");
        server.address = line.rsplit('=').next().unwrap().parse().unwrap();
        server
    }

    pub(crate) fn connect(&self) -> Client {
        Client::connect(self.address)
    }

    /// Waits for a line of the log with this text in it.
    pub(crate) fn log_line(&mut self, text: &str) -> String {
        let until = Instant::now() + PATIENCE;
        loop {
            match self
                .log
                .recv_timeout(until.saturating_duration_since(Instant::now()))
            {
                Ok(line) => {
                    self.seen.push(line.clone());
                    if line.contains(text) {
                        return line;
                    }
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    panic!(
                        "no line with {text:?} in the log:\n{}",
                        self.seen.join("\n")
                    )
                }
            }
        }
    }

    /// How many of the lines up to now have this text in them.
    pub(crate) fn count_log_lines(&mut self, text: &str) -> usize {
        self.seen.extend(self.log.try_iter());
        self.seen.iter().filter(|line| line.contains(text)).count()
    }

    /// `sasp-ctl gwm` with these arguments, beside the running one.
    pub(crate) fn ask(&self, arguments: &[&str]) -> Output {
        let mut command = command();
        command.arg("gwm").args(arguments);
        command.env("SASP_CTL_RUN_DIR", self.file("run"));
        command.output().unwrap()
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn write_config(&self, text: &str) {
        std::fs::write(self.file("gwm.toml"), text).unwrap();
    }

    /// Fails if the process holds so much memory that something must be piling up.
    pub(crate) fn assert_small(&self) {
        let status = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(status).unwrap();
        let resident = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .unwrap();
        let kibibytes: u64 = resident.trim().trim_end_matches(" kB").parse().unwrap();
        assert!(kibibytes < 200 << 10, "{kibibytes} KiB are resident");
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).unwrap();
        kill(Pid::from_raw(pid), signal).unwrap();
    }

    /// Sends a signal that ends the process, and waits for that.
    pub(crate) fn stop(&mut self, signal: Signal) -> ExitStatus {
        self.signal(signal);
        self.child.wait().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to end.
        let _already_ended = self.child.kill();
        self.child.wait().unwrap();
    }
}

/// The binary beside this test in the target directory.
pub(crate) fn command() -> Command {
    let test = std::env::current_exe().unwrap();
    let binary = test.ancestors().nth(2).unwrap().join("sasp-ctl");
    assert!(
        binary.exists(),
        "{} is missing: run `cargo build -p sasp-ctl` first, or the tests with `cargo xtask test`",
        binary.display()
    );
    Command::new(binary)
}
