//! What a GWM's process notes of itself, beside the state machine's counters.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// See the module.
#[derive(Debug)]
pub(super) struct Record {
    started: Instant,
    pushed_bytes: AtomicU64,
    reloads: Mutex<Reloads>,
}

/// Reloads of the configuration since the start.
#[derive(Clone, Default, Debug)]
pub(super) struct Reloads {
    /// Put into force.
    pub(super) done: u64,
    /// Refused: nothing was changed.
    pub(super) refused: u64,
    /// When the last one was, and why it was refused, if it was.
    pub(super) last: Option<(Instant, Option<String>)>,
}

impl Default for Record {
    fn default() -> Self {
        Self {
            started: Instant::now(),
            pushed_bytes: AtomicU64::new(0),
            reloads: Mutex::default(),
        }
    }
}

impl Record {
    /// How long the process has served.
    pub(super) fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    /// A Send Weights message of so many bytes goes out.
    pub(super) fn push(&self, bytes: usize) {
        self.pushed_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Bytes of Send Weights messages.
    pub(super) fn pushed_bytes(&self) -> u64 {
        self.pushed_bytes.load(Ordering::Relaxed)
    }

    /// A reload was done, or refused for a reason.
    pub(super) fn reload(&self, refused: Option<String>) {
        let mut reloads = self.lock();
        match refused {
            None => reloads.done += 1,
            Some(_) => reloads.refused += 1,
        }
        reloads.last = Some((Instant::now(), refused));
    }

    /// Reloads so far.
    pub(super) fn reloads(&self) -> Reloads {
        self.lock().clone()
    }

    /// Numbers stay right between any two changes, so a poisoned lock is used on.
    fn lock(&self) -> MutexGuard<'_, Reloads> {
        self.reloads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
