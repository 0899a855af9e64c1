//! Builds the BPF objects: every binary of the package `sasp-xdp`.
//!
//! The compiler's and linker's flags are those of the `aya-build` crate. It is not used itself
//! because it ties the build to a build script's `OUT_DIR`, where each of debug, release and
//! check would compile `core` anew (two minutes), hides all progress, and takes the compiler's
//! options from its own process' environment. Here one directory under the workspace's target
//! directory serves all, and the environment is given to cargo alone.

use std::{
    env, fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{ChildStdout, Command, Stdio},
};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use crate::{
    environment,
    linker::Linker,
    object::{self, Summary},
    toolchain::Toolchain,
    workspace,
};

#[cfg(test)]
mod tests;

/// The package whose binaries are the BPF objects, and the name of the one that is embedded.
pub const PACKAGE: &str = "sasp-xdp";

/// A built BPF object that has passed the checks of [`object::inspect`].
#[derive(Debug)]
pub struct Artifact {
    /// The binary's name.
    pub name: String,
    /// Where cargo left it.
    pub path: PathBuf,
    /// What it holds.
    pub summary: Summary,
}

impl Artifact {
    /// Copies it to `directory` under its name and returns where that is.
    ///
    /// # Errors
    /// If the directory cannot be made or the file cannot be written.
    pub fn copy_to(&self, directory: &Path) -> Result<PathBuf> {
        let destination = directory.join(&self.name);
        fs::create_dir_all(directory)
            .and_then(|()| fs::copy(&self.path, &destination))
            .with_context(|| format!("cannot write {}", destination.display()))?;
        Ok(destination)
    }
}

/// Builds and checks every binary of [`PACKAGE`]; cargo's progress goes to stderr.
///
/// # Errors
/// One line each if the toolchain or `bpf-linker` is missing or they do not match, if the build
/// fails (the compiler's own messages have been shown then), or if an object fails a check.
pub fn build() -> Result<Vec<Artifact>> {
    let mut command = cargo("build")?;
    command
        .arg("--message-format=json-render-diagnostics")
        .stdout(Stdio::piped());
    let mut cargo = command
        .spawn()
        .context("cannot run cargo for the BPF build")?;
    let stdout = cargo.stdout.take().context("cargo has no output")?;
    let executables = executables(stdout);
    // Waited for in any case: a build that goes on behind an error would confuse the next one.
    let status = cargo.wait().context("cannot wait for cargo")?;
    ensure!(
        status.success(),
        "the BPF build failed ({status}): see the compiler's messages"
    );
    executables?
        .into_iter()
        .map(|(name, path)| check(name, path))
        .collect()
}

/// The command that lints what [`build`] builds; warnings are errors.
///
/// # Errors
/// If the toolchain or `bpf-linker` is missing.
pub fn clippy() -> Result<Command> {
    let mut command = cargo("clippy")?;
    command.args(["--", "-D", "warnings"]);
    Ok(command)
}

/// What the objects are made of, for a build script's `rerun-if-changed`.
///
/// # Errors
/// If the toolchain or `bpf-linker` is missing.
pub fn inputs() -> Result<Vec<PathBuf>> {
    let root = workspace::root();
    let mut inputs: Vec<_> = ["sasp-xdp", "sasp-xdp-common", "Cargo.toml", "Cargo.lock"]
        .map(|name| root.join(name))
        .into();
    inputs.push(Linker::find(Toolchain::find()?.llvm_major)?.path);
    Ok(inputs)
}

/// Cargo for every binary of the package, with all that the BPF target asks for.
fn cargo(subcommand: &str) -> Result<Command> {
    let toolchain = Toolchain::find()?;
    let linker = Linker::find(toolchain.llvm_major)?;
    let host = Host::of_the_build();
    let target = host.bpf_target();
    let linker_variable = target.replace('-', "_").to_uppercase();
    let mut command = toolchain.command("cargo");
    environment::forget_host_build(&mut command);
    command
        .current_dir(workspace::root())
        .arg(subcommand)
        .args(["--locked", "--release", "--package", PACKAGE, "--bins"])
        .args(["--target", target, "-Z", "build-std=core", "--target-dir"])
        .arg(workspace::target_dir().join("bpf-build"))
        .env(
            "CARGO_ENCODED_RUSTFLAGS",
            rustflags(&host.arch, linker.modified()?),
        )
        .env(
            format!("CARGO_TARGET_{linker_variable}_LINKER"),
            &linker.path,
        )
        .stdin(Stdio::null());
    Ok(command)
}

/// The machine whose kernel will run the object.
struct Host {
    arch: String,
    is_big_endian: bool,
}

impl Host {
    /// What cargo tells a build script, which may be built for another machine; or this one.
    fn of_the_build() -> Self {
        let arch = env::var("CARGO_CFG_TARGET_ARCH");
        let endian = env::var("CARGO_CFG_TARGET_ENDIAN");
        Self {
            arch: arch.unwrap_or_else(|_| env::consts::ARCH.to_owned()),
            is_big_endian: endian.map_or(cfg!(target_endian = "big"), |endian| endian == "big"),
        }
    }

    /// BPF has the endianness of the kernel around it.
    fn bpf_target(&self) -> &'static str {
        if self.is_big_endian {
            "bpfeb-unknown-none"
        } else {
            "bpfel-unknown-none"
        }
    }
}

/// BTF is made from debug info, by the linker when it is asked; aya's register layouts depend on
/// the host's architecture; and cargo does not look at the linker, so that a new one must show
/// in the flags or nothing would be linked anew.
fn rustflags(arch: &str, linker_modified: u64) -> String {
    [
        format!("--cfg=bpf_target_arch=\"{arch}\""),
        format!("--cfg=bpf_linker=\"{linker_modified}\""),
        "-Cdebuginfo=2".to_owned(),
        "-Clink-arg=--btf".to_owned(),
    ]
    .join("\x1f")
}

/// Reads the executables from cargo's messages.
fn executables(stdout: ChildStdout) -> Result<Vec<(String, PathBuf)>> {
    let mut executables = Vec::new();
    for line in BufReader::new(stdout).lines() {
        let line = line.context("cannot read cargo's messages")?;
        executables.extend(executable(&line)?);
    }
    Ok(executables)
}

/// The binary's name and path, if the message announces one.
fn executable(message: &str) -> Result<Option<(String, PathBuf)>> {
    let message: Value =
        serde_json::from_str(message).with_context(|| format!("cargo said {message:?}"))?;
    let name = message["target"]["name"].as_str();
    let path = message["executable"].as_str();
    Ok(name
        .zip(path)
        .map(|(name, path)| (name.to_owned(), PathBuf::from(path))))
}

fn check(name: String, path: PathBuf) -> Result<Artifact> {
    let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let summary = object::inspect(&bytes).with_context(|| format!("BPF object {name}"))?;
    if name == PACKAGE && summary.btf_maps.is_empty() {
        bail!("BPF object {name}: it has no .maps section, so no map can be found by its type");
    }
    Ok(Artifact {
        name,
        path,
        summary,
    })
}
