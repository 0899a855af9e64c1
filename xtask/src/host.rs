//! Running cargo for the host's crates.

use std::{
    env,
    path::PathBuf,
    process::{Command, Stdio},
    time::Instant,
};

use anyhow::{Context as _, Result, bail};
use xtask::{ebpf, workspace};

/// All packages but the BPF program's, which does not compile for the host.
pub(crate) const ALL: [&str; 3] = ["--workspace", "--exclude", ebpf::PACKAGE];

/// Cargo in the workspace.
///
/// Its `PATH` has sbin in it, where `ip` and others are: not every way to become root adds it.
pub(crate) fn cargo(subcommand: &str) -> Command {
    let path = env::var_os("PATH").unwrap_or_default();
    let system = ["/usr/sbin", "/sbin"].map(PathBuf::from);
    let mut command = Command::new("cargo");
    command
        .current_dir(workspace::root())
        .arg(subcommand)
        .stdin(Stdio::null());
    if let Ok(path) = env::join_paths(env::split_paths(&path).chain(system)) {
        command.env("PATH", path);
    }
    command
}

/// Runs a command to its end under a title that says how long it took.
pub(crate) fn step(title: &str, command: &mut Command) -> Result<()> {
    println!("==> {title}");
    let start = Instant::now();
    let status = command
        .status()
        .with_context(|| format!("cannot run {command:?}"))?;
    if !status.success() {
        bail!("{title} failed ({status}); its own messages are above");
    }
    println!("==> {title}: {:.1} s", start.elapsed().as_secs_f64());
    Ok(())
}
