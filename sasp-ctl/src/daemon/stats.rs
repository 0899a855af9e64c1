//! What the loop measures about itself.

use std::collections::BTreeMap;
use std::time::Duration;

use prometheus_client::metrics::histogram::Histogram;

use super::flow_room::FlowRoom;
use super::shortage::Shortage;
use super::status::TablesStatus;
use super::translations::Translations;
use super::words::charge::Why;
use crate::datapath::Sizes;

/// From 50 µs to 1.6 s: a table takes a fraction of a millisecond, a kernel under pressure takes long.
const BUCKETS: [f64; 16] = [
    0.000_05, 0.000_1, 0.000_2, 0.000_5, 0.001, 0.002, 0.003, 0.005, 0.007_5, 0.01, 0.02, 0.05,
    0.1, 0.2, 0.5, 1.6,
];

/// Clones share the same numbers.
#[derive(Clone, Debug)]
pub(super) struct Stats {
    /// From a message of the GWM to the published table, if it changed one.
    pub(super) weights_to_table: Histogram,
    /// Computing changes.
    pub(super) build: Histogram,
    /// Writing changes to the maps.
    pub(super) publish: Histogram,
    /// For status.
    pub(super) tables: TablesStatus,
    /// Writes that the kernel refused; each was tried again.
    pub(super) failed_writes: u64,
    /// Reloads that were carried out, and those that were refused.
    pub(super) reloads: (u64, u64),
    /// Times that another GWM was put in charge, by reason.
    pub(super) handovers: BTreeMap<Why, u64>,
    /// Translations and how many there may be.
    pub(super) translations: Translations,
    /// New flows that `full-nat` refuses.
    pub(super) shortage: Shortage,
    /// Remembered flows and how many there may be.
    pub(super) flows: FlowRoom,
}

impl Stats {
    /// Of a daemon with maps of these sizes.
    pub(super) fn new(sizes: &Sizes) -> Self {
        Self {
            weights_to_table: Histogram::new(BUCKETS),
            build: Histogram::new(BUCKETS),
            publish: Histogram::new(BUCKETS),
            tables: TablesStatus::default(),
            failed_writes: 0,
            reloads: (0, 0),
            handovers: BTreeMap::new(),
            translations: Translations::new(sizes.translations.into()),
            shortage: Shortage::default(),
            flows: FlowRoom::new(sizes.flows.into()),
        }
    }

    pub(super) fn published(&mut self, tables: usize, took: Duration) {
        self.publish.observe(took.as_secs_f64());
        self.tables.published += tables as u64;
        self.tables.last_publish_seconds = took.as_secs_f64();
    }
}
