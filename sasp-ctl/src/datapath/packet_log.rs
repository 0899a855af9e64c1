//! What the program says about packets, on its way into the daemon's log.

use std::io;

use aya::Ebpf;
use aya_log::EbpfLogger;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::error::{Error, chain};

/// Logs what comes through the program's ring buffer, until dropped. Records go to the `log` facade, which
/// `tracing_subscriber`'s `init` bridges to `tracing`; those that come faster than they can be written are lost in
/// the kernel.
pub(super) fn drain(
    object: &mut Ebpf,
) -> Result<impl Future<Output = io::Result<()>> + Send + use<>, Error> {
    let logger = EbpfLogger::init(object).map_err(|error| Error::Load(chain(&error)))?;
    Ok(async move {
        // SAFETY: the logger owns its ring buffer, whose file descriptor stays open and the same until it is dropped.
        let mut ring = unsafe { AsyncFd::register_with_interest(logger, Interest::READABLE) }?;
        loop {
            let mut ready = ring.readable_mut().await?;
            ready.get_inner_mut().flush();
            ready.clear_ready();
        }
    })
}
