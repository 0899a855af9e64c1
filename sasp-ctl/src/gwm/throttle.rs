//! How many log lines peers may cause: some of each sort for each address in a window of time; the rest is counted.
//!
//! Whoever may connect could otherwise fill the disk, and hide in the noise what matters.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use crate::sasp::gwm::{CloseReason, Refusal};

/// How long lines are counted together.
pub(super) const WINDOW: Duration = Duration::from_secs(60);
/// Lines of one sort for one source in a window.
const LINES: u64 = 10;
/// Sorts and sources that are told apart in a window. What comes later shares one count for each sort.
const KEYS: usize = 1024;

/// What is counted together.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, thiserror::Error)]
pub(super) enum Sort {
    #[error("balancer connected")]
    Connected,
    #[error("balancer replaced")]
    Replaced,
    #[error("balancer lost")]
    Lost,
    #[error("grace time expired")]
    Expired,
    #[error("balancer without a connection forgotten")]
    Discarded,
    #[error("balancer state")]
    State,
    #[error("request refused: {0}")]
    Refused(Refusal),
    #[error("connection closed: {0}")]
    Closed(CloseReason),
    #[error("no TLS")]
    Handshake,
}

/// Lines that were not written.
#[derive(PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct KeptBack {
    pub(super) sort: Sort,
    /// `None`: several, which were not told apart.
    pub(super) source: Option<IpAddr>,
    pub(super) lines: u64,
}

/// The counts of the current window.
#[derive(Default, Debug)]
pub(super) struct Throttle {
    counts: HashMap<(Sort, Option<IpAddr>), u64>,
}

impl Throttle {
    /// Counts one line; may it be written?
    pub(super) fn admits(&mut self, sort: Sort, source: IpAddr) -> bool {
        let own = (sort, Some(source));
        let is_told_apart = self.counts.len() < KEYS || self.counts.contains_key(&own);
        let key = if is_told_apart { own } else { (sort, None) };
        let count = self.counts.entry(key).or_default();
        *count += 1;
        *count <= LINES
    }

    /// Begins a new window; what the last one has kept back, in a stable order.
    pub(super) fn end_window(&mut self) -> Vec<KeptBack> {
        let counts = std::mem::take(&mut self.counts).into_iter();
        let mut kept_back: Vec<_> = counts
            .filter(|(_, count)| *count > LINES)
            .map(|((sort, source), count)| KeptBack {
                sort,
                source,
                lines: count - LINES,
            })
            .collect();
        kept_back.sort_unstable();
        kept_back
    }
}

#[cfg(test)]
mod tests;
