//! One thread for a command that waits for sockets: enough for one connection.

use super::failure::Failure;

/// Waits for `work`. What still resolves a name or reads a file then holds nobody up.
///
/// # Errors
/// If there are not even the means to wait.
pub(super) fn block_on<T>(work: impl Future<Output = T>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::Failed(format!("cannot start: {error}")))?;
    let done = runtime.block_on(work);
    runtime.shutdown_background();
    Ok(done)
}
