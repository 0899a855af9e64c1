//! Which Rust compiles for the BPF target.
//!
//! The target has no ready-made `core`, so the compiler needs the standard library's sources
//! beside it (`-Z build-std=core`), and unstable features: a nightly compiler has them, any other
//! gets `RUSTC_BOOTSTRAP=1`, for the BPF build's own process only, so that the host crates stay
//! honest.

use std::{path::Path, process::Command};

use anyhow::{Result, bail};

#[cfg(test)]
mod tests;

/// The rustup name under which `cargo xtask setup` links the distribution's Rust.
pub const LINKED: &str = "debian";

/// In order of preference; `None` is whatever `rustc` and `cargo` are in the `PATH`.
const CANDIDATES: [Option<&str>; 3] = [Some("nightly"), Some(LINKED), None];

/// A Rust that can compile for the BPF target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toolchain {
    /// Its name in rustup; `None` is whatever Rust is in the `PATH`.
    pub rustup_name: Option<&'static str>,
    /// The LLVM that its `rustc` emits bitcode of, which `bpf-linker` must understand.
    pub llvm_major: u32,
}

impl Toolchain {
    /// Finds the first of: rustup's nightly, the linked distribution's Rust, the default Rust.
    ///
    /// # Errors
    /// If none of them has the standard library's sources and is new enough for this workspace.
    pub fn find() -> Result<Self> {
        Self::find_among(probe)
    }

    fn find_among(probe: impl Fn(Option<&str>) -> Option<Probe>) -> Result<Self> {
        for rustup_name in CANDIDATES {
            if let Some(Probe {
                has_sources: true,
                release,
                llvm_major,
            }) = probe(rustup_name)
                && release >= minimum_release()
            {
                return Ok(Self {
                    rustup_name,
                    llvm_major,
                });
            }
        }
        bail!(
            "no Rust with the standard library's sources for the BPF build: run `cargo xtask setup`"
        )
    }

    /// A command that runs this toolchain's `program`.
    pub fn command(&self, program: &str) -> Command {
        let mut command = command(self.rustup_name, program);
        if self.rustup_name != Some("nightly") {
            // A crate's name instead of 1 would cover neither aya-ebpf nor cargo's own -Z.
            command.env("RUSTC_BOOTSTRAP", "1");
        }
        command
    }

    /// How to call it in a message.
    pub fn name(&self) -> &'static str {
        self.rustup_name.unwrap_or("default")
    }
}

/// What a candidate's `rustc` says of itself.
#[derive(Clone, Copy)]
struct Probe {
    has_sources: bool,
    release: (u32, u32),
    llvm_major: u32,
}

fn probe(rustup_name: Option<&str>) -> Option<Probe> {
    let ask = |arguments: &[&str]| {
        let output = command(rustup_name, "rustc")
            .args(arguments)
            .output()
            .ok()?;
        output
            .status
            .success()
            .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let version = ask(&["-vV"])?;
    let sysroot = ask(&["--print", "sysroot"])?;
    Some(Probe {
        // Debian's package and rustup's component both put it here.
        has_sources: Path::new(sysroot.trim())
            .join("lib/rustlib/src/rust/library/core")
            .is_dir(),
        release: major_minor(field(&version, "release: ")?)?,
        llvm_major: major_minor(field(&version, "LLVM version: ")?)?.0,
    })
}

fn command(rustup_name: Option<&str>, program: &str) -> Command {
    match rustup_name {
        None => Command::new(program),
        Some(name) => {
            let mut command = Command::new("rustup");
            command.args(["run", name, program]);
            command
        }
    }
}

fn field<'a>(version: &'a str, key: &str) -> Option<&'a str> {
    version.lines().find_map(|line| line.strip_prefix(key))
}

fn major_minor(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.split('.').map(|number| number.parse().ok());
    Some((numbers.next()??, numbers.next()??))
}

/// The `rust-version` of the workspace.
fn minimum_release() -> (u32, u32) {
    major_minor(env!("CARGO_PKG_RUST_VERSION")).unwrap_or((0, 0))
}
