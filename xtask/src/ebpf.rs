//! Builds the BPF objects: every binary of the package `sasp-xdp`.
//!
//! The compiler's and linker's flags are those of the `aya-build` crate. It is not used itself
//! because it ties the build to a build script's `OUT_DIR`, where each of debug, release and
//! check would compile `core` anew (two minutes), hides all progress, and takes the compiler's
//! options from its own process' environment. Here one directory under the workspace's target
//! directory serves all, and the environment is given to cargo alone.

use std::{
    env,
    ffi::OsStr,
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{ChildStdout, Command, Stdio},
};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use serde_json::Value;

use crate::{
    linker::Linker,
    object::{self, Summary},
    toolchain::Toolchain,
    workspace,
};

#[cfg(test)]
mod tests;

/// The package whose binaries are the BPF objects, and the name of the one that is embedded.
pub const PACKAGE: &str = "sasp-xdp";

/// The cargo settings of the user that the BPF build keeps: where crates come from, and how
/// cargo talks. All others (flags, profiles, targets, wrappers) are meant for host code.
const KEPT_CARGO_VARIABLES: [&str; 9] = [
    "CARGO_HOME",
    "CARGO_MAKEFLAGS",
    "CARGO_HTTP_",
    "CARGO_NET_",
    "CARGO_REGISTRIES_",
    "CARGO_REGISTRY_",
    "CARGO_SOURCE_",
    "CARGO_TERM_",
    "CARGO_BUILD_JOBS",
];

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
    let toolchain = Toolchain::find()?;
    let linker = Linker::find()?;
    ensure!(
        linker.suits(toolchain.llvm_major),
        "{} was built for LLVM {}, but the {} Rust uses LLVM {}: run `cargo xtask setup`",
        linker.path.display(),
        linker.llvm_major.unwrap_or_default(),
        toolchain.name(),
        toolchain.llvm_major,
    );
    let mut command = cargo_build(&toolchain, &linker)?;
    let mut cargo = command
        .spawn()
        .context("cannot run cargo for the BPF build")?;
    let stdout = cargo.stdout.take().context("cargo has no output")?;
    let executables = executables(stdout);
    // Waited for in any case: a build that goes on behind an error would confuse the next one.
    let status = cargo.wait().context("cannot wait for cargo")?;
    ensure!(
        status.success(),
        "the BPF build failed ({status}); the compiler's messages are above"
    );
    executables?
        .into_iter()
        .map(|(name, path)| check(name, path))
        .collect()
}

/// What the objects are made of, for a build script's `rerun-if-changed`.
///
/// # Errors
/// If `bpf-linker` is missing.
pub fn inputs() -> Result<Vec<PathBuf>> {
    let root = workspace::root();
    let mut inputs: Vec<_> = ["sasp-xdp", "sasp-xdp-common", "Cargo.toml", "Cargo.lock"]
        .map(|name| root.join(name))
        .into();
    inputs.push(Linker::find()?.path);
    Ok(inputs)
}

fn cargo_build(toolchain: &Toolchain, linker: &Linker) -> Result<Command> {
    let (target, arch) = target(env::consts::ARCH, cfg!(target_endian = "big"));
    let mut command = toolchain.command("cargo");
    for (name, _) in env::vars_os() {
        if !is_inherited(&name) {
            command.env_remove(name);
        }
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let path = env::join_paths(env::split_paths(&path).chain([linker.directory().to_owned()]))
        .map_err(|error| anyhow!("cannot add {} to PATH: {error}", linker.path.display()))?;
    command
        .current_dir(workspace::root())
        .args([
            "build",
            "--locked",
            "--release",
            "--package",
            PACKAGE,
            "--bins",
        ])
        .args(["--target", target, "-Z", "build-std=core"])
        .arg("--message-format=json-render-diagnostics")
        .arg("--target-dir")
        .arg(workspace::target_dir().join("bpf-build"))
        .env("PATH", path)
        .env("CARGO_ENCODED_RUSTFLAGS", rustflags(arch))
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    Ok(command)
}

/// The BPF target of the host's endianness, and the name that aya's crates give its architecture.
fn target(host_arch: &str, big_endian: bool) -> (&'static str, &str) {
    let target = if big_endian {
        "bpfeb-unknown-none"
    } else {
        "bpfel-unknown-none"
    };
    (target, host_arch)
}

/// BTF is made from debug info, by the linker when it is asked; aya's register layouts depend on
/// the host's architecture.
fn rustflags(arch: &str) -> String {
    [
        &format!("--cfg=bpf_target_arch=\"{arch}\""),
        "-Cdebuginfo=2",
        "-Clink-arg=--btf",
    ]
    .join("\x1f")
}

/// Whether the BPF build sees this variable of our environment.
///
/// We run inside `cargo run` or a build script, under clippy perhaps: what cargo says there is
/// about another package and another target.
fn is_inherited(name: &OsStr) -> bool {
    let Some(name) = name.to_str() else {
        return true;
    };
    if name.starts_with("CARGO") {
        return KEPT_CARGO_VARIABLES
            .iter()
            .any(|kept| name.starts_with(kept));
    }
    // What cargo tells build scripts, and the wrappers of clippy and others. A difference in
    // HOST alone makes the crates of aya compile again.
    const BUILD_SCRIPT: [&str; 7] = [
        "DEBUG",
        "HOST",
        "NUM_JOBS",
        "OPT_LEVEL",
        "OUT_DIR",
        "PROFILE",
        "TARGET",
    ];
    const COMPILER: [&str; 4] = ["CLIPPY_", "RUSTC", "RUSTDOC", "RUSTFLAGS"];
    !BUILD_SCRIPT.contains(&name) && !COMPILER.iter().any(|prefix| name.starts_with(prefix))
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
