//! `sasp-ctl member agent` beside a member's server, with a check that a test lets fail.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitStatus;

use anyhow::{Context as _, Result};
use nix::sys::signal::Signal;

use super::process::Process;
use super::site::{Host, Site};

/// A running agent, which speaks for a member with the site's GWM.
#[derive(Debug)]
pub struct Agent {
    process: Process,
    healthy: PathBuf,
}

impl Agent {
    /// Starts it on a member: healthy, of the group of balancer `edge-1`, with the port of `vip`. It stays quiesced
    /// after SIGTERM until it gets a second one.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start(site: &Site, member: &Host, group: &str, vip: SocketAddr) -> Result<Self> {
        let healthy = site.file(&format!("{}.healthy", member.name));
        fs::write(&healthy, "")?;
        let mut command = site.sasp_ctl(member)?;
        command
            .args(["member", "agent", "--gwm", &site.gwm.ipv4().to_string()])
            .args(["--uid", "edge-1", "--group", group])
            .args(["--address", &member.address_for(vip).to_string()])
            .arg("--check-command")
            .arg(format!("test -e {}", healthy.display()))
            .args(["--check-interval", "100ms", "--drain", "1h"]);
        let log = site.file(&format!("{}.agent.log", member.name));
        let process = Process::start("sasp-ctl member agent", &mut command, &log)?;
        Ok(Self { process, healthy })
    }

    /// What its check finds from now on.
    ///
    /// # Errors
    /// If the file that it looks for cannot be made or removed.
    pub fn set_healthy(&self, healthy: bool) -> Result<()> {
        match healthy {
            true => fs::write(&self.healthy, ""),
            false => fs::remove_file(&self.healthy),
        }
        .with_context(|| self.healthy.display().to_string())
    }

    /// Sends it a signal.
    ///
    /// # Errors
    /// If it has ended.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        self.process.signal(signal)
    }

    /// Waits until it has ended by itself.
    ///
    /// # Errors
    /// If it does not.
    pub fn wait(&mut self) -> Result<ExitStatus> {
        self.process.wait()
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        self.process.log()
    }
}
