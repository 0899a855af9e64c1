//! `sasp-ctl gwm`: a Group Workload Manager in the foreground; with a command, a question to one that runs.

mod set;
mod status;
mod table;
mod target;
mod view;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Subcommand;

use super::failure::Failure;
use crate::gwm::{self, Setup, StartError};
use target::Choice;

/// Run a Group Workload Manager: tells balancers what their members weigh
///
/// With a command, ask one that runs on this host.
#[derive(clap::Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Args {
    /// What members weigh and who may ask; read again on SIGHUP and when it changes. `sasp-ctl init --gwm` writes one
    /// with every key explained, the README lists them, `sasp-ctl check-config --gwm` judges one
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where to listen, whatever the file says [default: every address, port 3860]; port 0 takes a free one
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<SocketAddr>,
    #[command(flatten)]
    choice: Choice,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand, Debug)]
enum Command {
    Status(status::Args),
    Set(set::SetArgs),
    /// Let no balancer send new flows to a member, until it is resumed
    Quiesce(set::Args),
    /// Take back a quiesce
    Resume(set::Args),
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    match &args.command {
        None => serve(args),
        Some(Command::Status(args)) => status::run(args),
        Some(Command::Set(args)) => set::set(args),
        Some(Command::Quiesce(args)) => set::quiesce(args),
        Some(Command::Resume(args)) => set::resume(args),
    }
}

fn serve(args: Args) -> Result<(), Failure> {
    let place = args.choice.place()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::Failed(format!("cannot start threads: {error}")))?;
    let served = runtime.block_on(gwm::run(Setup {
        file: args.config,
        listen: args.listen,
        place,
    }));
    // Not `drop`: a name that is being resolved, or a file on a dead server, must not keep the GWM from ending.
    runtime.shutdown_background();
    served.map_err(|error| match error {
        StartError::Config(_) => Failure::Usage(error.to_string()),
        StartError::Listen { .. } | StartError::Control(_) | StartError::Signals(_) => {
            Failure::Failed(error.to_string())
        }
    })
}
