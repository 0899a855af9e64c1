//! `cargo xtask`: the project's own tasks, one file a subcommand.

mod build_ebpf;
mod setup;

use std::process::ExitCode;

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
    BuildEbpf(build_ebpf::Options),
    Setup(setup::Options),
}

fn main() -> ExitCode {
    let result = match Options::parse().command {
        Command::BuildEbpf(options) => build_ebpf::run(&options),
        Command::Setup(options) => setup::run(&options),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
