//! The command line: one file a subcommand, exit codes in one place.

mod failure;
mod gwm;
mod logging;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub use failure::Failure;

/// Layer-4 load balancer in XDP, weighted by SASP (RFC 4678)
#[derive(Parser, Debug)]
#[command(name = "sasp-ctl", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    Gwm(gwm::Args),
}

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    let Cli { command } = Cli::parse();
    let result = logging::start(None).and_then(|()| match command {
        Command::Gwm(args) => gwm::run(&args),
    });
    let (code, line) = match result {
        Ok(()) => return ExitCode::SUCCESS,
        Err(Failure::Failed(line)) => (1, line),
        Err(Failure::Usage(line)) => (2, line),
    };
    eprintln!("sasp-ctl: {line}");
    ExitCode::from(code)
}
