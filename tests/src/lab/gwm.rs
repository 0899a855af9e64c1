//! `sasp-ctl gwm` on its host, with weights that a test changes.

use std::fmt::Write as _;
use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::process::Process;
use super::site::{Host, Site};
use super::wait::until_true;

/// SASP's port.
pub const PORT: u16 = 3860;

const START: Duration = Duration::from_secs(10);

/// Weights of one group: the member as `gwm.toml` names it, and its weight.
#[derive(Clone, Debug)]
pub struct GroupWeights {
    /// The SASP group.
    pub group: String,
    /// Members and weights.
    pub members: Vec<(String, u16)>,
}

/// A running GWM.
#[derive(Debug)]
pub struct Gwm {
    process: Process,
    config: PathBuf,
    /// Several may run at a site, whose control sockets are in one directory.
    instance: String,
}

impl Gwm {
    /// Starts it on the site's host for it and waits until it listens.
    ///
    /// # Errors
    /// If it cannot be started or does not listen; with its log.
    pub fn start(site: &Site, weights: &[GroupWeights]) -> Result<Self> {
        Self::start_on(site, &site.gwm, weights)
    }

    /// The same on another host.
    ///
    /// # Errors
    /// As [`Gwm::start`].
    pub fn start_on(site: &Site, host: &Host, weights: &[GroupWeights]) -> Result<Self> {
        Self::start_with(site, host, &rules(weights)?)
    }

    /// The same with a config file as given, but for `listen` and `interval`.
    ///
    /// # Errors
    /// As [`Gwm::start`].
    pub fn start_with(site: &Site, host: &Host, config: &str) -> Result<Self> {
        let path = site.file(&format!("{}.toml", host.name));
        write(&path, config)?;
        let mut command = site.sasp_ctl(host)?;
        command.args(["gwm", "--instance", &host.name]);
        command.arg("--config").arg(&path);
        let log = site.file(&format!("{}.log", host.name));
        let mut process = Process::start("sasp-ctl gwm", &mut command, &log)?;
        let address = SocketAddr::from((host.ipv4(), PORT));
        host.namespace
            .inside(|| {
                until_true(START, "the GWM to listen", || {
                    if let Some(status) = process.ended()? {
                        anyhow::bail!("the GWM ended with {status}");
                    }
                    Ok(TcpStream::connect(address).is_ok())
                })
            })?
            .with_context(|| process.log())?;
        Ok(Self {
            process,
            config: path,
            instance: host.name.clone(),
        })
    }

    /// Changes the weights; the GWM sees that its file has changed and pushes.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn set(&self, weights: &[GroupWeights]) -> Result<()> {
        self.rewrite(&rules(weights)?)
    }

    /// Changes the config file; see [`Gwm::start_with`].
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn rewrite(&self, config: &str) -> Result<()> {
        write(&self.config, config)
    }

    /// `sasp-ctl gwm` with these arguments, about this one; gives what it prints.
    ///
    /// # Errors
    /// If it fails, with what it says.
    pub fn ask(&self, site: &Site, args: &[&str]) -> Result<String> {
        let mut command = site.sasp_ctl(&site.gwm)?;
        command.arg("gwm").args(args);
        let output = command.args(["--instance", &self.instance]).output()?;
        ensure!(
            output.status.success(),
            "sasp-ctl gwm {}: {}: {}",
            args.join(" "),
            output.status,
            String::from_utf8_lossy(&output.stderr).trim()
        );
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// What it says of a member (`ADDR:PORT`) of a balancer's group; `null` if it does not know it.
    ///
    /// # Errors
    /// As [`Gwm::ask`].
    pub fn member(&self, site: &Site, uid: &str, group: &str, member: &str) -> Result<Value> {
        let args = ["status", "--json", "--uid", uid, "--group", group];
        let status: Value = serde_json::from_str(&self.ask(site, &args)?)?;
        let members = status["balancers"][0]["groups"][0]["members"].as_array();
        let found =
            members.and_then(|members| members.iter().find(|found| found["member"] == member));
        Ok(found.cloned().unwrap_or_default())
    }

    /// What it has logged, with those before it on its host.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Kills it.
    ///
    /// # Errors
    /// If it cannot be waited for.
    pub fn kill(self) -> Result<()> {
        self.process.kill()
    }
}

/// Static weights as `gwm.toml` has them.
fn rules(weights: &[GroupWeights]) -> Result<String> {
    let mut text = String::new();
    for GroupWeights { group, members } in weights {
        write!(
            text,
            "\n[[weights]]\ngroup = \"{group}\"\nsource = \"static\"\n[weights.members]\n"
        )?;
        for (member, weight) in members {
            writeln!(text, "\"{member}\" = {weight}")?;
        }
    }
    Ok(text)
}

/// Writes beside and renames, so that the GWM never reads half a file.
fn write(config: &Path, text: &str) -> Result<()> {
    let beside = config.with_extension("new");
    fs::write(
        &beside,
        format!("listen = \"0.0.0.0:{PORT}\"\ninterval = \"1s\"\n{text}"),
    )?;
    fs::rename(&beside, config).context("cannot replace gwm.toml")
}
