//! What can be judged without running a test.

use std::process::Stdio;

use anyhow::Result;
use xtask::{ebpf, toolchain::Toolchain};

use crate::{host, tidy};

/// Cheap ones first.
pub(super) fn run() -> Result<()> {
    host::step("format", host::cargo("fmt").args(["--all", "--check"]))?;
    println!("==> rules");
    tidy::run(&tidy::Options {})?;
    let deny = ["--", "-D", "warnings"];
    host::step(
        "lints",
        host::cargo("clippy")
            .args(host::ALL)
            .args(["--all-targets", "--all-features"])
            .args(deny),
    )?;
    lint_bpf()?;
    let mut documentation = host::cargo("doc");
    documentation
        .args(host::ALL)
        .args(["--no-deps", "--document-private-items"]);
    host::step(
        "documentation",
        documentation.env("RUSTDOCFLAGS", "-D warnings"),
    )
}

/// Lints the BPF program by the clippy of the Rust that compiles it, which need not be there.
fn lint_bpf() -> Result<()> {
    let toolchain = Toolchain::find()?;
    let mut version = toolchain.command("cargo-clippy");
    let output = version.arg("--version").stdin(Stdio::null()).output();
    if !output.is_ok_and(|output| output.status.success()) {
        println!(
            "==> lints of the BPF program: SKIPPED, the {} Rust has no clippy",
            toolchain.name()
        );
        return Ok(());
    }
    host::step("lints of the BPF program", &mut ebpf::clippy()?)
}
