//! Hears when a daemon is ready: the receiving side of `sd_notify`.

use std::io::ErrorKind;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::process::Process;

/// A socket for `NOTIFY_SOCKET`.
#[derive(Debug)]
pub struct Notify {
    socket: UnixDatagram,
    path: PathBuf,
}

impl Notify {
    /// Listens at `path`, which a former one may have used.
    ///
    /// # Errors
    /// If the socket cannot be made.
    pub fn new(path: PathBuf) -> Result<Self> {
        if path.exists() {
            std::fs::remove_file(&path).context("former notify socket")?;
        }
        let socket = UnixDatagram::bind(&path).context("cannot make the notify socket")?;
        // Now and then the daemon is looked at: if it has died, no message comes.
        socket.set_read_timeout(Some(Duration::from_millis(50)))?;
        Ok(Self { socket, path })
    }

    /// What `NOTIFY_SOCKET` must say.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Waits for `READY=1`.
    ///
    /// # Errors
    /// If the daemon ends first or says nothing by the deadline; with its log.
    pub fn ready(&self, daemon: &mut Process, deadline: Duration) -> Result<()> {
        let start = Instant::now();
        let mut buffer = [0; 4096];
        while start.elapsed() < deadline {
            match self.socket.recv(&mut buffer) {
                Ok(length) => {
                    let message = String::from_utf8_lossy(&buffer[..length]);
                    if message.lines().any(|line| line == "READY=1") {
                        return Ok(());
                    }
                }
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) =>
                {
                    if let Some(status) = daemon.ended()? {
                        bail!("ended with {status} before it was ready:\n{}", daemon.log());
                    }
                }
                Err(error) => return Err(error).context("notify socket"),
            }
        }
        bail!("not ready after {deadline:?}:\n{}", daemon.log());
    }
}
