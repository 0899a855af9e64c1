//! `sasp-ctl gwm` on its host, with weights that a test changes.

use std::fmt::Write as _;
use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};

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
        let config = site.file(&format!("{}.toml", host.name));
        write(&config, weights)?;
        let mut command = site.sasp_ctl(host)?;
        command.arg("gwm").arg("--config").arg(&config);
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
        Ok(Self { process, config })
    }

    /// Changes the weights; the GWM sees that its file has changed and pushes.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn set(&self, weights: &[GroupWeights]) -> Result<()> {
        write(&self.config, weights)
    }

    /// What it has logged.
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

/// Writes beside and renames, so that the GWM never reads half a file.
fn write(config: &PathBuf, weights: &[GroupWeights]) -> Result<()> {
    let mut text = format!("listen = \"0.0.0.0:{PORT}\"\ninterval = \"1s\"\n");
    for GroupWeights { group, members } in weights {
        write!(
            text,
            "\n[[weights]]\ngroup = \"{group}\"\nsource = \"static\"\n[weights.members]\n"
        )?;
        for (member, weight) in members {
            writeln!(text, "\"{member}\" = {weight}")?;
        }
    }
    let beside = config.with_extension("new");
    fs::write(&beside, text)?;
    fs::rename(&beside, config).context("cannot replace gwm.toml")
}
