//! A writer that never blocks: a thread writes what it can; what comes while the queue is full is dropped and counted.
//!
//! Whoever reads the log must not be able to stop the event loop by not reading.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use tracing_subscriber::fmt::MakeWriter;

/// Lines that wait to be written.
const QUEUE: usize = 4096;
/// How long the end of the process waits for the last lines.
const FAREWELL: Duration = Duration::from_secs(1);

/// The queue of this process's log, for [`flush`].
static LOG: OnceLock<Lossy> = OnceLock::new();

enum Item {
    Line(Vec<u8>),
    /// Answered when all that came before is written.
    Flush(SyncSender<()>),
}

/// The end of the queue at which lines are put in, one a `write`.
#[derive(Clone)]
pub(super) struct Lossy {
    queue: SyncSender<Item>,
    dropped: Arc<AtomicU64>,
}

/// Starts the thread that writes this process's log.
///
/// # Errors
/// There can be no more threads.
pub(super) fn start<W: Write + 'static>(open: fn() -> W) -> io::Result<Lossy> {
    let lossy = spawn(open, QUEUE)?;
    // A second log would be another's; there is one a process.
    Ok(LOG.get_or_init(|| lossy).clone())
}

/// Waits for what was logged to be written; false if that takes longer than a reader who reads would need.
pub(super) fn flush() -> bool {
    LOG.get().is_none_or(|log| log.flush(FAREWELL))
}

fn spawn<W: Write + 'static>(open: fn() -> W, capacity: usize) -> io::Result<Lossy> {
    let (queue, lines) = sync_channel(capacity);
    let dropped = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&dropped);
    thread::Builder::new()
        .name("log".to_owned())
        .spawn(move || write_all(&lines, &counted, open()))?;
    Ok(Lossy { queue, dropped })
}

/// Writes until the queue is closed. That nobody can read what is written is nothing that could be told to anybody.
fn write_all(lines: &Receiver<Item>, dropped: &AtomicU64, mut out: impl Write) {
    for item in lines {
        match item {
            Item::Line(line) => {
                let _ = out.write_all(&line);
            }
            Item::Flush(done) => {
                let _ = out.flush();
                // Whoever asked may have lost patience.
                let _ = done.try_send(());
            }
        }
        let lost = dropped.swap(0, Ordering::Relaxed);
        if lost > 0 {
            let _ = writeln!(
                out,
                "WARN {lost} log lines were dropped: whoever reads the log was too slow"
            );
        }
    }
}

impl Lossy {
    fn flush(&self, patience: Duration) -> bool {
        let (done, written) = sync_channel(1);
        if self.queue.try_send(Item::Flush(done)).is_err() {
            return false;
        }
        // A thread that is gone has no lines left to write.
        written.recv_timeout(patience) != Err(RecvTimeoutError::Timeout)
    }
}

impl Write for Lossy {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.queue.try_send(Item::Line(line.to_vec())).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lossy {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[cfg(test)]
mod tests;
