//! `cargo xtask demo` and `cargo xtask bench`: what the programs of those names need, then the
//! programs themselves (package `tests`).

use std::{convert::Infallible, os::unix::process::CommandExt as _};

use anyhow::{Context as _, Result};

use crate::{build_ebpf, host, setup};

/// Arguments for the program that is launched.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Passed on to the program; `-- --help` shows what it understands
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

/// Replaces this process by the program, so that signals and the exit code are the program's.
pub(crate) fn run(program: &str, options: &Options) -> Result<Infallible> {
    setup::ensure()?;
    build_ebpf::run(&build_ebpf::Options {})?;
    let packages = [
        "--release",
        "--package",
        "sasp-ctl",
        "--package",
        "tests",
        "--bins",
    ];
    host::step("release build", host::cargo("build").args(packages))?;
    let error = host::cargo("run")
        .args([
            "--quiet",
            "--release",
            "--package",
            "tests",
            "--bin",
            program,
            "--",
        ])
        .args(&options.arguments)
        .stdin(std::process::Stdio::inherit())
        .exec();
    Err(error).context("cannot run cargo")
}
