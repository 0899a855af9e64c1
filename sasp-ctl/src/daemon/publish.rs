//! From changes to maps: in order, all of them, again if the kernel refuses.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::stats::Stats;
use super::worker::Worker;
use crate::balance::change::Change;

/// Pause before refused writes are tried again.
const RETRY: Duration = Duration::from_secs(1);
/// Refusals in a row after which trying makes no sense: a new daemon starts from what the maps hold.
const PATIENCE: u32 = 10;

/// Writes changes, and keeps those that could not be written.
#[derive(Debug)]
pub(super) struct Publisher {
    worker: Worker,
    pending: Vec<Change>,
    failures: u32,
    retry_at: Option<Instant>,
}

impl Publisher {
    pub(super) fn new(worker: Worker) -> Self {
        Self {
            worker,
            pending: Vec::new(),
            failures: 0,
            retry_at: None,
        }
    }

    /// Writes these after all that came before.
    ///
    /// # Errors
    /// The kernel has refused too often; the data path goes on with what was written.
    pub(super) async fn publish(&mut self, changes: Vec<Change>, stats: &mut Stats) -> Result<()> {
        self.pending.extend(changes);
        if self.pending.is_empty() {
            return Ok(());
        }
        let changes = std::mem::take(&mut self.pending);
        let (mut changes, result) = self
            .worker
            .call(move |datapath| {
                let result = datapath.apply(&changes);
                (changes, result)
            })
            .await?;
        match result {
            Ok(took) => {
                let is_table = |change: &&Change| matches!(change, Change::SetTable { .. });
                let tables = changes.iter().filter(is_table).count();
                stats.published(tables, took);
                (self.failures, self.retry_at) = (0, None);
                Ok(())
            }
            Err(halted) => {
                stats.failed_writes += 1;
                self.failures += 1;
                if self.failures >= PATIENCE {
                    return Err(halted).context("the data path cannot be changed any more: restart the daemon (forwarding goes on)");
                }
                tracing::error!("{halted}; trying again in {RETRY:?}");
                self.pending = changes.split_off(halted.made);
                self.retry_at = Some(Instant::now() + RETRY);
                Ok(())
            }
        }
    }

    /// When [`Self::publish`] wants to be called again, if nothing else calls it before.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.retry_at
    }
}
