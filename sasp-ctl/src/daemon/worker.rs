//! The thread that owns the data path: its calls block, the event loop must not.

use std::io;
use std::sync::mpsc;
use std::thread;

use tokio::sync::oneshot;

use crate::datapath::Datapath;

/// What the thread does with the data path; what it gives back, it goes on with.
type Job = Box<dyn FnOnce(Datapath) -> Option<Datapath> + Send>;

/// A handle on the thread; the thread ends with the last handle, and leaves the data path forwarding.
#[derive(Clone, Debug)]
pub(super) struct Worker {
    jobs: mpsc::Sender<Job>,
}

/// The thread is gone: it panicked, which its own message has told, or it was ended.
#[derive(Debug, thiserror::Error)]
#[error("the data path's thread has ended: restart the daemon (forwarding goes on)")]
pub(super) struct Ended;

impl Worker {
    /// Starts the thread.
    pub(super) fn start(datapath: Datapath) -> io::Result<Self> {
        let (jobs, queue) = mpsc::channel::<Job>();
        thread::Builder::new()
            .name("datapath".to_owned())
            .spawn(move || {
                let mut datapath = Some(datapath);
                for job in queue {
                    datapath = datapath.and_then(job);
                    if datapath.is_none() {
                        break;
                    }
                }
            })?;
        Ok(Self { jobs })
    }

    /// Runs a call on the thread, after those asked for before. One that was asked for is carried out even if nobody
    /// waits for its result.
    pub(super) async fn call<T: Send + 'static>(
        &self,
        call: impl FnOnce(&mut Datapath) -> T + Send + 'static,
    ) -> Result<T, Ended> {
        self.run(|mut datapath| (call(&mut datapath), Some(datapath)))
            .await
    }

    /// The last call: it may keep the data path.
    pub(super) async fn end<T: Send + 'static>(
        &self,
        call: impl FnOnce(Datapath) -> T + Send + 'static,
    ) -> Result<T, Ended> {
        self.run(|datapath| (call(datapath), None)).await
    }

    async fn run<T: Send + 'static>(
        &self,
        call: impl FnOnce(Datapath) -> (T, Option<Datapath>) + Send + 'static,
    ) -> Result<T, Ended> {
        let (reply, result) = oneshot::channel();
        let job: Job = Box::new(move |datapath| {
            let (result, datapath) = call(datapath);
            // Whoever asked may have gone.
            let _ = reply.send(result);
            datapath
        });
        self.jobs.send(job).map_err(|_| Ended)?;
        result.await.map_err(|_| Ended)
    }
}
