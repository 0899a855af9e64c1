//! `sasp-ctl init`: a commented configuration to start from, of a balancer or of a GWM.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use super::failure::Failure;
use super::output;
use crate::config;

/// Write a commented configuration to start from; never overwrites
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// Of a GWM, not of a balancer
    #[arg(long)]
    gwm: bool,
    /// Where to write it [default: /etc/sasp-ctl.toml, with --gwm /etc/sasp-gwm.toml]
    file: Option<PathBuf>,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let (path, text, command) = match args.gwm {
        false => (
            config::DEFAULT_PATH,
            config::EXAMPLE,
            "sasp-ctl check-config",
        ),
        true => (
            config::DEFAULT_GWM_PATH,
            config::GWM_EXAMPLE,
            "sasp-ctl gwm --config",
        ),
    };
    let path = args.file.as_deref().unwrap_or(Path::new(path));
    write(path, text)?;
    let path = path.display();
    output::print(&format!("wrote {path}: edit it, then `{command} {path}`\n"))
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()));
    let path = path.display();
    written.map_err(|error| {
        Failure::Failed(match error.kind() {
            ErrorKind::AlreadyExists => {
                format!("{path} exists and is not overwritten: move it away, or name another file")
            }
            _ => format!("{path} cannot be written ({error}): name another file, or run as root"),
        })
    })
}

#[cfg(test)]
mod tests;
