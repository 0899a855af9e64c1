//! The command line: one file a subcommand, exit codes in one place.
//!
//! Exit codes: 0 done, 1 failed, 2 wrong usage or configuration; then one line on standard error says what failed,
//! why and what to do.

mod attach;
mod check_config;
mod client;
mod columns;
mod decode;
mod detach;
mod failure;
mod gwm;
mod gwm_target;
mod init;
mod logging;
mod member;
mod output;
mod paint;
mod query;
mod quiesce;
mod reload;
mod runtime;
mod status;
mod target;

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand, error::ErrorKind};

pub use failure::Failure;
use quiesce::Action;

use crate::config::error::escaped;

/// Layer-4 load balancer in XDP, weighted by SASP (RFC 4678)
#[derive(Parser, Debug)]
#[command(name = "sasp-ctl", version, propagate_version = true)]
struct Cli {
    /// Log level, or a filter as in RUST_LOG [default: RUST_LOG, else info]
    #[arg(long, global = true, value_name = "LEVEL")]
    log: Option<String>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    Attach(attach::Args),
    Detach(detach::Args),
    Status(status::Args),
    Reload(reload::Args),
    /// Take a member out of service: it keeps its flows and gets no new ones
    Quiesce(quiesce::Args),
    /// Let a quiesced member back in
    Resume(quiesce::Args),
    CheckConfig(check_config::Args),
    Init(init::Args),
    Gwm(gwm::Args),
    Member(Box<member::Args>),
    Query(query::Args),
    Decode(decode::Args),
}

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    let result = match Cli::try_parse() {
        Ok(cli) => logging::start(cli.log.as_deref()).and_then(|()| run(cli.command)),
        Err(error) => usage(&error),
    };
    let writable = logging::flush();
    let (code, line) = match result {
        Ok(()) | Err(Failure::OutputClosed) => return ExitCode::SUCCESS,
        Err(Failure::Failed(line)) => (1, line),
        Err(Failure::Usage(line)) => (2, line),
    };
    if writable {
        // Not `eprintln!`, which panics if nobody reads: the exit code still tells.
        let _ = writeln!(io::stderr(), "sasp-ctl: {}", one_line(&line));
    }
    ExitCode::from(code)
}

fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Attach(args) => attach::run(args),
        Command::Detach(args) => detach::run(&args),
        Command::Status(args) => status::run(&args),
        Command::Reload(args) => reload::run(&args),
        Command::Quiesce(args) => quiesce::run(&args, Action::Quiesce),
        Command::Resume(args) => quiesce::run(&args, Action::Resume),
        Command::CheckConfig(args) => check_config::run(&args),
        Command::Init(args) => init::run(&args),
        Command::Gwm(args) => gwm::run(args),
        Command::Member(args) => member::run(*args),
        Command::Query(args) => query::run(&args),
        Command::Decode(args) => decode::run(&args),
    }
}

/// What clap has to say: help and version go to standard output; mistakes become one line.
fn usage(error: &clap::Error) -> Result<(), Failure> {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            let rendered = error.render();
            match output::stdout_has_colours() {
                true => output::print(&rendered.ansi().to_string()),
                false => output::print(&rendered.to_string()),
            }
        }
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let commands: Vec<_> = Cli::command()
                .get_subcommands()
                .map(|command| command.get_name().to_owned())
                .collect();
            Err(Failure::Usage(format!(
                "no command given: use one of {} (`sasp-ctl --help` explains them)",
                commands.join(", ")
            )))
        }
        _ => {
            let rendered = error.render().to_string();
            let message = rendered.split("\nUsage:").next().unwrap_or(&rendered);
            let message = message
                .split("\nFor more information")
                .next()
                .unwrap_or(message);
            let message = message.strip_prefix("error: ").unwrap_or(message);
            let message = message.trim_end().replace("\n\n", ";");
            Err(Failure::Usage(format!(
                "{}; see `sasp-ctl --help`",
                one_line(&message)
            )))
        }
    }
}

/// What it quotes, such as a file's name, may hold anything: nothing in it steers a terminal.
fn one_line(text: &str) -> String {
    let words: Vec<_> = text.split_whitespace().collect();
    escaped(&words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_one_line_that_cannot_steer_a_terminal() {
        let line = one_line("no such file:\n /tmp/\u{1b}[31m");
        assert_eq!(line, r"no such file: /tmp/\u{1b}[31m");
    }
}
