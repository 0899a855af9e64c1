//! The thread that owns the data path: its calls block, the event loop must not.

use std::io;
use std::sync::mpsc;
use std::thread;

use tokio::sync::oneshot;

use crate::datapath::Datapath;

type Job = Box<dyn FnOnce(&mut Datapath) + Send>;

/// A handle on the thread; the thread ends with the last handle, and leaves the data path forwarding.
#[derive(Clone, Debug)]
pub(super) struct Worker {
    jobs: mpsc::Sender<Job>,
}

/// The thread is gone: it panicked, which its own message has told.
#[derive(Debug, thiserror::Error)]
#[error("the data path's thread has died: restart the daemon (forwarding goes on)")]
pub(super) struct Died;

impl Worker {
    /// Starts the thread; the second value resolves when it has ended and `datapath` is dropped.
    pub(super) fn start(mut datapath: Datapath) -> io::Result<(Self, oneshot::Receiver<()>)> {
        let (jobs, queue) = mpsc::channel::<Job>();
        let (ended, end) = oneshot::channel();
        thread::Builder::new()
            .name("datapath".to_owned())
            .spawn(move || {
                for job in queue {
                    job(&mut datapath);
                }
                drop(datapath);
                // Nobody may be waiting.
                let _ = ended.send(());
            })?;
        Ok((Self { jobs }, end))
    }

    /// Runs a call on the thread, after those asked for before. One that was asked for is carried out even if nobody
    /// waits for its result.
    pub(super) async fn call<T: Send + 'static>(
        &self,
        call: impl FnOnce(&mut Datapath) -> T + Send + 'static,
    ) -> Result<T, Died> {
        let (reply, result) = oneshot::channel();
        let job: Job = Box::new(move |datapath| {
            // Whoever asked may have gone.
            let _ = reply.send(call(datapath));
        });
        self.jobs.send(job).map_err(|_| Died)?;
        result.await.map_err(|_| Died)
    }
}
