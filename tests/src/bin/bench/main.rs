//! `cargo xtask bench [packets|tables|codec|update|gwm|gwm-hour]…`: what a packet, a table, a message, a change of
//! weights and a large GWM cost.
//! `cargo xtask bench --peers`: how the balancer does beside others.
//! Prints, never asserts: absolute times are noisy, so each stands beside its ratio to a reference of the same minute.

mod codec;
mod gwm;
mod packets;
mod peers;
mod report;
mod tables;
mod update;

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Parser;
use clap::builder::PossibleValuesParser;
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;

use crate::report::Report;

/// `gwm-hour` is half an hour by itself: only if it is asked for.
const PARTS: [&str; 6] = ["packets", "tables", "codec", "update", "gwm", LONG];
const LONG: &str = "gwm-hour";

/// Measures the data plane and the control plane
#[derive(Parser, Debug)]
#[command(name = "cargo xtask bench --")]
struct Args {
    /// What is measured [default: all but gwm-hour]
    #[arg(value_parser = PossibleValuesParser::new(PARTS), value_name = "PART")]
    parts: Vec<String>,
    #[command(flatten)]
    packets: packets::Options,
    #[command(flatten)]
    peers: peers::Options,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let result = match args.peers.peers {
        true => peers::run(&args.peers),
        false => run(&args.parts, &args.packets),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(wanted: &[String], options: &packets::Options) -> Result<()> {
    let wants = |part: &str| wanted.is_empty() || wanted.iter().any(|name| name == part);
    if wants("update") {
        // Before this process is bound to one CPU, which the daemon under test would inherit.
        update::run()?;
    }
    if wanted.iter().any(|name| name == LONG) {
        gwm::run_hour()?;
    }
    if wants("gwm") {
        gwm::run()?;
    }
    bind_to_one_cpu()?;
    if !["packets", "tables", "codec"].into_iter().any(wants) {
        return Ok(());
    }
    let mut rig = packets::Rig::load(options)?;
    let report = Report::start(rig.reference_ns()?);
    if wants("packets") {
        packets::verifier::run()?;
        rig.run(&report, options)?;
    }
    if wants("tables") {
        tables::run(&report);
    }
    if wants("codec") {
        codec::run(&report)?;
    }
    Ok(())
}

/// Per-CPU maps and caches stay warm only where the process stays.
fn bind_to_one_cpu() -> Result<()> {
    let mut cpus = CpuSet::new();
    cpus.set(0)?;
    sched_setaffinity(Pid::from_raw(0), &cpus).context("binding to CPU 0")
}
