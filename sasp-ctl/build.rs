//! Puts the BPF objects that `datapath` embeds into `OUT_DIR`, made by the same code as
//! `cargo xtask build-ebpf`.
//!
//! With `SASP_CTL_SKIP_EBPF=1` (checks and docs on a machine without the BPF tools) the object is
//! an empty file, which cannot be loaded.

use std::{env, fs, path::PathBuf, process::ExitCode};

use anyhow::{Context as _, Result};
use xtask::ebpf;

const SKIP: &str = "SASP_CTL_SKIP_EBPF";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("cargo::error={error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    println!("cargo::rerun-if-env-changed={SKIP}");
    let out_dir = PathBuf::from(env::var_os("OUT_DIR").context("cargo sets OUT_DIR")?);
    if env::var_os(SKIP).is_some_and(|value| value == "1") {
        return fs::write(out_dir.join(ebpf::PACKAGE), []).context("cannot write to OUT_DIR");
    }
    for input in ebpf::inputs()? {
        println!("cargo::rerun-if-changed={}", input.display());
    }
    for artifact in ebpf::build()? {
        artifact.copy_to(&out_dir)?;
    }
    Ok(())
}
