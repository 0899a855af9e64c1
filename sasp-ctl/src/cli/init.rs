//! `sasp-ctl init`: a commented configuration to start from.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::path::PathBuf;

use super::failure::Failure;
use super::output;
use crate::config;

/// Write a commented configuration to start from; never overwrites
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// Where to write it
    #[arg(default_value = config::DEFAULT_PATH)]
    file: PathBuf,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let path = args.file.display();
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&args.file)
        .and_then(|mut file| file.write_all(config::EXAMPLE.as_bytes()));
    match written {
        Ok(()) => output::print(&format!(
            "wrote {path}: edit it, then `sasp-ctl check-config {path}`\n"
        )),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(Failure::Failed(format!(
            "{path} exists and is not overwritten: move it away, or name another file"
        ))),
        Err(error) => Err(Failure::Failed(format!(
            "{path} cannot be written ({error}): name another file, or run as root"
        ))),
    }
}
