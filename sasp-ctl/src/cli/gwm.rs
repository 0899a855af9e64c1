//! `sasp-ctl gwm`: a Group Workload Manager in the foreground.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::failure::Failure;
use crate::gwm::{self, StartError};

/// Run a Group Workload Manager: tells balancers what their members weigh
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// What members weigh and who may ask; read again on SIGHUP and when it changes
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where to listen, whatever the file says [default: every address, port 3860]; port 0 takes a free one
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<SocketAddr>,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::Failed(format!("cannot start threads: {error}")))?;
    let served = runtime.block_on(gwm::run(args.config.as_deref(), args.listen));
    served.map_err(|error| match error {
        StartError::Config(_) => Failure::Usage(error.to_string()),
        StartError::Listen { .. } | StartError::Signals(_) => Failure::Failed(error.to_string()),
    })
}
