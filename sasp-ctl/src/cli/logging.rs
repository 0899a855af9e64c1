//! One line per event on standard error.

use std::io;

use tracing_subscriber::EnvFilter;

use super::failure::Failure;

/// Starts logging. The level is `log`, else `RUST_LOG`, else `info`.
pub(super) fn start(log: Option<&str>) -> Result<(), Failure> {
    let directives = match log {
        Some(directives) => directives.to_owned(),
        None => std::env::var("RUST_LOG").unwrap_or_else(|_| "info".to_owned()),
    };
    let filter = EnvFilter::try_new(&directives)
        .map_err(|error| Failure::Usage(format!("RUST_LOG {directives}: {error}")))?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(false)
        .with_target(false)
        .init();
    Ok(())
}
