//! How many messages of which type were answered with which code.

use std::collections::BTreeMap;

use serde::Serialize;

use super::connection::CloseReason;
use super::refusal::Refusal;
use crate::sasp::code::{Code, Type};
use crate::sasp::codec::Quirks;
use crate::sasp::saturate::Tally as _;

/// Counts since the start. Bounded: unknown message types share one number.
#[derive(Clone, Default, PartialEq, Eq, Debug, Serialize)]
pub struct Counters {
    /// Messages received, by known type.
    pub received: BTreeMap<Type, u64>,
    /// Messages received with an unknown type, or with none.
    pub received_unknown: u64,
    /// Set Member State Requests with the component type of figure 11 (0x4011 for 0x4012), accepted.
    pub received_figure_11: u64,
    /// Messages with IPv4 addresses in the `::ffff:` form, accepted.
    pub received_mapped_ipv4: u64,
    /// Replies given, by type of the request and code.
    pub replied: BTreeMap<Type, BTreeMap<Code, u64>>,
    /// Requests refused, by reason.
    pub refused: BTreeMap<Refusal, u64>,
    /// Send Weights messages handed to the driver.
    pub pushed: u64,
    /// Connections opened.
    pub opened: u64,
    /// Connections that the GWM ended, by reason.
    pub closed: BTreeMap<CloseReason, u64>,
}

impl Counters {
    pub(super) fn count_received(&mut self, kind: Option<Type>) {
        match kind.filter(|kind| kind.name().is_some()) {
            Some(kind) => self.received.entry(kind).or_default().grow(1),
            None => self.received_unknown.grow(1),
        }
    }

    pub(super) fn count_quirks(&mut self, quirks: Quirks) {
        self.received_figure_11.grow(u64::from(quirks.figure_11));
        self.received_mapped_ipv4
            .grow(u64::from(quirks.mapped_ipv4));
    }

    pub(super) fn count_reply(&mut self, request: Type, code: Code) {
        let codes = self.replied.entry(request).or_default();
        codes.entry(code).or_default().grow(1);
    }

    pub(super) fn count_refusal(&mut self, refusal: Refusal) {
        self.refused.entry(refusal).or_default().grow(1);
    }

    pub(super) fn count_close(&mut self, reason: CloseReason) {
        self.closed.entry(reason).or_default().grow(1);
    }
}
