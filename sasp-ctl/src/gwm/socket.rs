//! What the operating system is asked for: early news of dead peers, and enough file descriptors.

use std::io;
use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::socket::{setsockopt, sockopt};
use tokio::net::TcpStream;
use tracing::warn;

/// Silence after which the kernel asks whether the peer is still there.
const KEEPALIVE_IDLE_SECONDS: u32 = 30;
const KEEPALIVE_INTERVAL_SECONDS: u32 = 10;
const KEEPALIVE_PROBES: u32 = 3;
/// How long sent bytes may stay unacknowledged: a GWM's address may move away without a word.
const UNACKNOWLEDGED: Duration = Duration::from_secs(60);
/// Descriptors that are no connections: listener, log, watches.
const OTHER_FILES: u64 = 64;

/// Sets the options of an accepted connection.
pub(super) fn tune(stream: &TcpStream) -> io::Result<()> {
    // Messages are written whole; waiting for more would delay a reply.
    stream.set_nodelay(true)?;
    setsockopt(stream, sockopt::KeepAlive, &true)?;
    setsockopt(stream, sockopt::TcpKeepIdle, &KEEPALIVE_IDLE_SECONDS)?;
    setsockopt(
        stream,
        sockopt::TcpKeepInterval,
        &KEEPALIVE_INTERVAL_SECONDS,
    )?;
    setsockopt(stream, sockopt::TcpKeepCount, &KEEPALIVE_PROBES)?;
    let milliseconds = u32::try_from(UNACKNOWLEDGED.as_millis()).unwrap_or(u32::MAX);
    setsockopt(stream, sockopt::TcpUserTimeout, &milliseconds)?;
    Ok(())
}

/// Raises the limit of open files as far as allowed; warns if that is too low for so many connections.
pub(super) fn raise_open_files(connections: usize) {
    let raised = getrlimit(Resource::RLIMIT_NOFILE).and_then(|(_, hard)| {
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
        Ok(hard)
    });
    match raised {
        Ok(files) if files.saturating_sub(OTHER_FILES) < connections as u64 => warn!(
            "only {files} files may be open, which is too few for {connections} connections: raise LimitNOFILE or \
             lower `connections` under [limits]"
        ),
        Ok(_) => {}
        Err(error) => warn!("cannot raise the limit of open files: {error}"),
    }
}
