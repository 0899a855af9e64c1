//! `sasp-ctl gwm`, started with a configuration in a directory of its own and stopped with the test.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{ExitStatus, Output};

use nix::sys::signal::Signal;

pub use super::PATIENCE;
use super::client::Client;
use super::running::Running;
pub use super::running::command;

/// A GWM that runs.
#[derive(Debug)]
pub struct Server {
    running: Running,
    directory: tempfile::TempDir,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Server {
    /// A GWM with this `gwm.toml` on a free port.
    pub fn start(config: &str) -> Self {
        Self::start_on("127.0.0.1:0", config)
    }

    /// The same on this address.
    pub fn start_on(listen: &str, config: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("gwm.toml"), config).unwrap();
        Self::launch(listen, directory)
    }

    /// Another process with the same directory, on another port.
    pub fn restart(mut self, signal: Signal) -> Self {
        self.stop(signal);
        Self::launch("127.0.0.1:0", self.directory)
    }

    fn launch(listen: &str, directory: tempfile::TempDir) -> Self {
        let mut running = Running::start(
            command()
                .args(["gwm", "--listen", listen, "--config"])
                .arg(directory.path().join("gwm.toml"))
                .env("SASP_CTL_RUN_DIR", directory.path().join("run")),
        );
        let line = running.log_line("listening address=");
        Self {
            running,
            directory,
            address: line.rsplit('=').next().unwrap().parse().unwrap(),
        }
    }

    /// Somebody who is connected to it.
    pub fn connect(&self) -> Client {
        Client::connect(self.address)
    }

    /// Waits for a line of the log with this text in it, behind the one that was found last.
    pub fn log_line(&mut self, text: &str) -> String {
        self.running.log_line(text)
    }

    /// How many of the lines up to now have this text in them.
    pub fn count_log_lines(&mut self, text: &str) -> usize {
        let log = self.running.log().iter();
        log.filter(|line| line.contains(text)).count()
    }

    /// `sasp-ctl gwm` with these arguments, beside the running one.
    pub fn ask(&self, arguments: &[&str]) -> Output {
        let mut command = command();
        command.arg("gwm").args(arguments);
        command.env("SASP_CTL_RUN_DIR", self.file("run"));
        command.output().unwrap()
    }

    /// A file in its directory.
    pub fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Writes another `gwm.toml`, which it will notice.
    pub fn write_config(&self, text: &str) {
        std::fs::write(self.file("gwm.toml"), text).unwrap();
    }

    /// Fails if the process holds so much memory that something must be piling up.
    pub fn assert_small(&self) {
        let status = format!("/proc/{}/status", self.running.id());
        let status = std::fs::read_to_string(status).unwrap();
        let resident = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .unwrap();
        let kibibytes: u64 = resident.trim().trim_end_matches(" kB").parse().unwrap();
        assert!(kibibytes < 200 << 10, "{kibibytes} KiB are resident");
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        self.running.signal(signal);
    }

    /// Sends a signal that ends the process, and waits for that.
    pub fn stop(&mut self, signal: Signal) -> ExitStatus {
        self.signal(signal);
        self.running.wait()
    }
}
