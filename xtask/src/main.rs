//! `cargo xtask`: the project's own tasks, one file a subcommand.

mod build_ebpf;
mod host;
mod kernels;
mod launch;
mod setup;
mod test;
mod tidy;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// The project's own tasks.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Setup(setup::Options),
    BuildEbpf(build_ebpf::Options),
    Test(test::Options),
    Tidy(tidy::Options),
    /// Watch a balancer at work, in network namespaces (needs root)
    Demo(launch::Options),
    /// Measure the data plane and the control plane, or with --peers how others do (needs root)
    Bench(launch::Options),
}

fn main() -> ExitCode {
    match run(Options::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<()> {
    match command {
        Command::Setup(options) => setup::run(&options),
        Command::BuildEbpf(options) => build_ebpf::run(&options),
        Command::Test(options) => test::run(&options),
        Command::Tidy(options) => tidy::run(&options),
        Command::Demo(options) => match launch::run("demo", &options)? {},
        Command::Bench(options) => match launch::run("bench", &options)? {},
    }
}
