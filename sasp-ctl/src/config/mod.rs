//! `/etc/sasp-ctl.toml` and the flags of `attach`, from text to a [`Config`] in which nothing is impossible.
//!
//! Two stages: `raw` takes what was typed and remembers where it stood; `validate` turns it into values or into one
//! line that says where, what, why and what to do. Files and flags go through the same two stages.
//!
//! # Layout
//! * [`duration`]: `"10s"`, `"2m"`.
//! * [`member_key`]: `"10.0.0.1:80"`, `"10.0.0.1:53/udp"`, `"10.0.0.1"`.
//! * [`name`]: LB UIDs and group names.
//! * [`endpoint`]: VIPs and the GWM's address.
//! * [`error`]: a refusal and the place it is about.
//! * [`flags`]: what the command line adds to a file.
//! * [`settings`]: what comes out, and every default.
//! * [`uid`]: the LB UID of a balancer that was not given one.
//! * `file`, `parse`, `source`, `table`, `values`: what the file of the GWM is read by, too.

pub mod duration;
pub mod endpoint;
pub mod error;
pub mod flags;
pub mod member_key;
pub mod name;
pub mod settings;
pub mod uid;

pub(crate) mod file;
pub(crate) mod parse;
mod raw;
pub(crate) mod source;
pub(crate) mod table;
mod validate;
pub(crate) mod values;

use std::path::Path;

pub use error::ConfigError;
pub use flags::Flags;
pub use settings::{BalancerSettings, Combine, Config, GwmSettings};

use source::Source;

/// Where `attach` looks unless told otherwise.
pub const DEFAULT_PATH: &str = "/etc/sasp-ctl.toml";

/// What `sasp-ctl init` writes: every key, explained.
pub const EXAMPLE: &str = include_str!("example.toml");

/// Where `init --gwm` writes unless told otherwise.
pub const DEFAULT_GWM_PATH: &str = "/etc/sasp-gwm.toml";

/// What `sasp-ctl init --gwm` writes: every key of a GWM's file, explained. Only the text is here; `gwm` judges it.
pub const GWM_EXAMPLE: &str = include_str!("gwm_example.toml");

/// Reads a file, if any, adds the flags and validates the whole.
///
/// # Errors
/// A file that cannot be read, and everything in file or flags that is unknown, impossible or contradictory.
pub fn load(file: Option<&Path>, flags: &Flags) -> Result<Config, ConfigError> {
    let (text, path) = match file {
        Some(path) => (read(path)?, path),
        None => (String::new(), Path::new("")),
    };
    from_text(path, text, flags)
}

/// [`load`] for a file that has been read already; `path` is only for messages.
///
/// # Errors
/// As [`load`].
pub fn from_text(path: &Path, text: String, flags: &Flags) -> Result<Config, ConfigError> {
    let mut source = Source::new(path, text);
    let mut raw = parse::parse(&source, "`sasp-ctl init` writes an example")?;
    flags.add_to(&mut raw, &mut source)?;
    validate::config(raw, &source)
}

fn read(path: &Path) -> Result<String, ConfigError> {
    file::read(path, "`sasp-ctl init` writes one to start from")
        .map_err(|reason| ConfigError::in_file(path, reason))
}

#[cfg(test)]
mod tests;
