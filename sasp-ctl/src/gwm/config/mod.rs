//! `gwm.toml`, from text to a [`Config`] in which nothing is impossible, or to one line that says what is.
//!
//! Two stages, as for the balancer's file: `raw` takes what was typed and remembers where it stood, `validate` judges.

mod raw;
mod validate;

#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::config::ConfigError;
use crate::config::file;
use crate::config::parse;
use crate::config::source::Source;
use crate::gwm::sources::Rule;
use crate::sasp::gwm::Policy;
use crate::tls::ServerTls;

/// Where a GWM listens unless told otherwise.
pub const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(
    std::net::IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED),
    crate::sasp::code::PORT,
);

/// What a file says, every default filled in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Where to show status and metrics, read-only.
    pub status: Option<SocketAddr>,
    /// Where to keep what the operator says by hand.
    pub state: Option<PathBuf>,
    /// The longest message that is taken from a peer, in bytes.
    pub message_bytes: usize,
    /// How connections are kept secret and peers prove who they are; `None`: not at all.
    pub tls: Option<Arc<ServerTls>>,
    /// What the protocol's state machine has to know.
    pub policy: Policy,
    /// Where weights come from. What `policy` holds of them is the static ones.
    pub rules: Vec<Rule>,
    /// Possible, but hardly meant: one line each.
    pub warnings: Vec<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: DEFAULT_LISTEN,
            status: None,
            state: None,
            // What a registration of some thousand members needs.
            message_bytes: 1 << 20,
            tls: None,
            policy: Policy::default(),
            rules: Vec::new(),
            warnings: Vec::new(),
        }
    }
}

impl Config {
    /// Number of rules, counted by member as far as they name members.
    pub fn rule_count(&self) -> usize {
        self.rules.iter().map(Rule::count).sum()
    }
}

/// Reads a file and judges it.
///
/// # Errors
/// A file that cannot be read, and as [`from_text`].
pub fn load(path: &Path) -> Result<Config, ConfigError> {
    let text = read(path).map_err(|reason| ConfigError::in_file(path, reason))?;
    from_text(path, text)
}

/// The text of a file.
pub(super) fn read(path: &Path) -> Result<String, String> {
    file::read(path, "`sasp-ctl init --gwm` writes one to start from")
}

/// Judges the text of a file, and reads the files of TLS that it names; `path` is for messages and says where those
/// are.
///
/// # Errors
/// Everything that is unknown, impossible or contradictory, with the line that it stands on.
pub fn from_text(path: &Path, text: String) -> Result<Config, ConfigError> {
    let source = Source::new(path, text);
    let raw = parse::parse(&source, "`sasp-ctl init --gwm` writes an example")?;
    validate::config(&raw, &source)
}
