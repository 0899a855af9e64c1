//! A file of weights, read when it changes, and now and then in case a change was not noticed.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::sleep;

use crate::config::file;
use crate::gwm::sources::weight_file::{self, Lines};
use crate::gwm::watch::FileWatch;

/// Network file systems tell nothing of what other hosts write.
const EVERY: Duration = Duration::from_secs(10);

pub(super) struct Watched<'a> {
    path: &'a Path,
    /// `None` while its directory cannot be watched, for example because there is none.
    watch: Option<FileWatch>,
}

impl<'a> Watched<'a> {
    pub(super) fn new(path: &'a Path) -> Self {
        let watch = FileWatch::new(path).ok();
        Self { path, watch }
    }

    /// # Errors
    /// If it cannot be read, or the first bad line.
    pub(super) async fn read(&mut self) -> Result<Lines, String> {
        match &mut self.watch {
            // A link that has moved elsewhere.
            Some(watch) => {
                if watch.follow_links().is_err() {
                    self.watch = None;
                }
            }
            None => self.watch = FileWatch::new(self.path).ok(),
        }
        let path: PathBuf = self.path.to_owned();
        let read = tokio::task::spawn_blocking(move || {
            let text = file::read(&path, "write it, one line MEMBER WEIGHT for each member")?;
            weight_file::parse(&text)
        });
        let read = read.await.map_err(|error| error.to_string())?;
        read.map_err(|why| format!("{} {why}", self.path.display()))
    }

    /// Waits until it may have changed.
    pub(super) async fn changed(&self) {
        match &self.watch {
            Some(watch) => tokio::select! {
                () = watch.changed() => {}
                () = sleep(EVERY) => {}
            },
            None => sleep(EVERY).await,
        }
    }
}
