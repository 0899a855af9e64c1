//! News of files, however they are replaced: written in place, renamed over, or behind a symbolic link that moves.
//!
//! The directories are watched, not the files: a rename makes another file, and configuration volumes swap a link to
//! a directory. What has changed is for the reader to find out; an event only says when to look.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use notify::event::{AccessKind, AccessMode, ModifyKind};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;

/// A file that has just been created is empty for a moment; looking this much later sees it whole.
const SETTLE_TIME: Duration = Duration::from_millis(50);

/// Watches one path, or several together.
pub(crate) struct FileWatch {
    paths: Vec<PathBuf>,
    watcher: RecommendedWatcher,
    directories: BTreeSet<PathBuf>,
    changed: Arc<Notify>,
}

impl FileWatch {
    /// # Errors
    /// If the system has no watches left, or the file's directory cannot be watched.
    pub(crate) fn new(path: &Path) -> notify::Result<Self> {
        let changed = Arc::new(Notify::new());
        let news = Arc::clone(&changed);
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            // An error (a full queue) may have hidden a change.
            if event.map_or(true, |event| is_change(event.kind)) {
                news.notify_one();
            }
        })?;
        let mut watch = Self {
            paths: vec![path.to_owned()],
            watcher,
            directories: BTreeSet::new(),
            changed,
        };
        watch.follow_links()?;
        Ok(watch)
    }

    /// Waits until the file may have changed and has settled.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
        tokio::time::sleep(SETTLE_TIME).await;
    }

    /// Watches these paths from now on.
    ///
    /// # Errors
    /// As [`FileWatch::new`]; those that can be watched are.
    pub(crate) fn watch(&mut self, paths: Vec<PathBuf>) -> notify::Result<()> {
        self.paths = paths;
        self.follow_links()
    }

    /// Watches the directories in which the paths and what they point to stand now.
    pub(crate) fn follow_links(&mut self) -> notify::Result<()> {
        let mut wanted = BTreeSet::new();
        for path in &self.paths {
            wanted.insert(directory(path));
            // A path that leads nowhere at the moment is watched where it stands.
            if let Ok(target) = path.canonicalize() {
                wanted.insert(directory(&target));
            }
        }
        for old in self.directories.difference(&wanted) {
            // A directory that is gone has lost its watch already, which is what we want.
            let _gone = self.watcher.unwatch(old);
        }
        let mut watched: BTreeSet<_> = wanted.intersection(&self.directories).cloned().collect();
        let mut result = Ok(());
        for new in wanted.difference(&self.directories) {
            match self.watcher.watch(new, RecursiveMode::NonRecursive) {
                Ok(()) => {
                    watched.insert(new.clone());
                }
                // What cannot be watched now is tried again at the next occasion.
                Err(error) => result = Err(error),
            }
        }
        self.directories = watched;
        result
    }
}

/// Reading the file is no change, or each look at it would cause the next. Nor is a write before the writer closes
/// the file: what it holds until then is half a configuration.
fn is_change(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(kind) => kind == AccessKind::Close(AccessMode::Write),
        EventKind::Modify(kind) => matches!(kind, ModifyKind::Name(_)),
        EventKind::Create(_) | EventKind::Remove(_) | EventKind::Any | EventKind::Other => true,
    }
}

fn directory(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

#[cfg(test)]
mod tests;
