//! `cargo xtask test`: everything that must hold before a change is taken, on a machine that has
//! only cargo and a C compiler.
//!
//! The runner is plain `cargo test`; its summaries (one for each binary) are added up into one
//! closing line.
//!
//! * [`checks`]: what needs no test run: format, lints, rules, documentation
//! * [`tally`]: adding up

mod checks;
mod tally;

use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::fs::MetadataExt as _,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};

pub(crate) use self::tally::Tally;
use crate::{build_ebpf, host, kernels, setup};

/// Check and test everything (needs root)
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Threads for integration tests, which share the machine's network and kernel
    #[arg(long, default_value_t = 1, value_name = "COUNT")]
    test_threads: usize,
    /// Test the data plane on the distribution's kernels, in QEMU, instead (needs no root); all, or those of
    /// these versions
    #[arg(long, num_args = 0.., value_delimiter = ',', value_name = "VERSION")]
    kernels: Option<Vec<String>>,
    /// How many random packets the host's model and the kernel's program are held together over [default: a million]
    #[arg(long, value_name = "COUNT", conflicts_with = "kernels", value_parser = clap::value_parser!(u64).range(1..))]
    packets: Option<u64>,
    /// Run only tests whose names contain one of these, and no checks
    #[arg(last = true, value_name = "NAME")]
    names: Vec<String>,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    if let Some(versions) = &options.kernels {
        return kernels::run(versions, &options.names);
    }
    let user = fs::metadata("/proc/self")
        .context("cannot read /proc/self")?
        .uid();
    ensure!(
        user == 0,
        "the tests need root, for network namespaces and BPF: run this by sudo"
    );
    setup::ensure()?;
    if options.names.is_empty() {
        checks::run()?;
    }
    build_ebpf::run(&build_ebpf::Options {})?;
    // All targets at once: the tests run the binaries, which `cargo test` alone need not build.
    host::step(
        "build",
        host::cargo("build").args(host::ALL).arg("--all-targets"),
    )?;
    let mut tally = Tally::default();
    let threads = options.test_threads.to_string();
    let serial = ["--test-threads", &threads];
    run_tests("unit tests", &["--lib", "--bins"], &[], options, &mut tally)?;
    run_tests(
        "integration tests",
        &["--test", "*"],
        &serial,
        options,
        &mut tally,
    )?;
    run_tests("documentation tests", &["--doc"], &[], options, &mut tally)?;
    println!("\n{tally}");
    ensure!(tally.failed == 0, "failed tests: {}", tally.failed);
    ensure!(
        tally.passed > 0,
        "no test has such a name: {}",
        options.names.join(", ")
    );
    Ok(())
}

/// Runs one kind of tests, showing what they print.
///
/// The packages are always all, because cargo compiles dependencies anew for another selection.
fn run_tests(
    title: &str,
    kind: &[&str],
    arguments: &[&str],
    options: &Options,
    tally: &mut Tally,
) -> Result<()> {
    println!("==> {title}");
    let mut command = host::cargo("test");
    command
        .args(host::ALL)
        .arg("--no-fail-fast")
        .args(kind)
        .arg("--");
    command.args(arguments).args(&options.names);
    if let Some(packets) = options.packets {
        command.env("SASP_TEST_PACKETS", packets.to_string());
    }
    let failed_before = tally.failed;
    let succeeded = stream(&mut command, |line| tally.add(line))?;
    if !succeeded && tally.failed == failed_before {
        eprintln!("error: {title}: not all came to a summary, by a crash or before they compiled");
        tally.failed += 1;
    }
    Ok(())
}

/// Shows every line of the command's output as it comes; whether it succeeded.
fn stream(command: &mut Command, mut each: impl FnMut(&str)) -> Result<bool> {
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot run cargo")?;
    let stdout = child.stdout.take().context("cargo has no output")?;
    for line in BufReader::new(stdout).split(b'\n') {
        let line = line.context("cannot read cargo's output")?;
        let line = String::from_utf8_lossy(&line);
        println!("{line}");
        each(&line);
    }
    Ok(child.wait().context("cannot wait for cargo")?.success())
}
