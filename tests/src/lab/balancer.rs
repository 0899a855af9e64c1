//! `sasp-ctl attach` on the edge, and the commands that talk to it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use nix::sys::signal::Signal;
use serde_json::Value;

use super::notify::Notify;
use super::process::Process;
use super::site::Site;

/// The name of the balancer's config file.
pub const CONFIG: &str = "sasp-ctl.toml";

const READY: Duration = Duration::from_secs(20);

/// The daemon on the edge of a site.
#[derive(Debug)]
pub struct Balancer {
    process: Process,
}

impl Balancer {
    /// Attaches to the edge's interface with a config file and waits until the daemon says that it is ready.
    ///
    /// # Errors
    /// If it ends first; with its log.
    pub fn attach(site: &Site, config: &str, args: &[&str]) -> Result<Self> {
        let mut command = site.sasp_ctl(&site.edge)?;
        Self::attach_by(site, &mut command, config, args)
    }

    /// The same by a command that is, or ends with, `sasp-ctl`.
    ///
    /// # Errors
    /// As [`Balancer::attach`].
    pub fn attach_by(
        site: &Site,
        command: &mut Command,
        config: &str,
        args: &[&str],
    ) -> Result<Self> {
        write_config(site, config)?;
        Self::attach_in(site.directory(), command, args)
    }

    /// The same outside a site: the config file, [`CONFIG`], is in the directory already. The lab's cables are made for
    /// native mode, which is what runs unless `args` say otherwise.
    ///
    /// # Errors
    /// As [`Balancer::attach`].
    pub fn attach_in(directory: &Path, command: &mut Command, args: &[&str]) -> Result<Self> {
        let notify = Notify::new(directory.join("notify"))?;
        command
            .args(["attach", "eth0", "--config"])
            .arg(directory.join(CONFIG))
            .args(args)
            .env("NOTIFY_SOCKET", notify.path());
        if !args.contains(&"--mode") {
            command.args(["--mode", "native"]);
        }
        let log = directory.join("attach.log");
        let mut process = Process::start("sasp-ctl attach", command, &log)?;
        notify.ready(&mut process, READY)?;
        Ok(Self { process })
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        self.process.log()
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

    /// Ends it; forwarding goes on.
    ///
    /// # Errors
    /// If it does not end.
    pub fn stop(self) -> Result<()> {
        let status = self.process.stop()?;
        ensure!(status.success(), "sasp-ctl attach ended with {status}");
        Ok(())
    }

    /// Kills it; forwarding goes on.
    ///
    /// # Errors
    /// If it cannot be waited for.
    pub fn kill(self) -> Result<()> {
        self.process.kill()
    }
}

/// Writes the balancer's config file.
///
/// # Errors
/// If it cannot be written.
pub fn write_config(site: &Site, config: &str) -> Result<PathBuf> {
    let path = site.file(CONFIG);
    fs::write(&path, config)?;
    Ok(path)
}

/// Runs `sasp-ctl` on the edge to its end.
///
/// # Errors
/// If it cannot be started.
pub fn sasp_ctl(site: &Site, args: &[&str]) -> Result<Output> {
    site.sasp_ctl(&site.edge)?
        .args(args)
        .output()
        .context("cannot run sasp-ctl")
}

/// The same, if it must do its work; gives what it prints.
///
/// # Errors
/// If it fails, with what it says.
pub fn done(site: &Site, args: &[&str]) -> Result<String> {
    let output = sasp_ctl(site, args)?;
    ensure!(
        output.status.success(),
        "sasp-ctl {}: {}: {}",
        args.join(" "),
        output.status,
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// `sasp-ctl status --json`.
///
/// # Errors
/// If there is no daemon, or it answers something else than JSON.
pub fn status(site: &Site) -> Result<Value> {
    serde_json::from_str(&done(site, &["status", "--json"])?).context("status --json")
}
