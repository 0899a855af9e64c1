//! How many messages of which type were answered with which code.

use std::collections::BTreeMap;

use super::connection::CloseReason;
use crate::sasp::code::{Code, Type};

/// Counts since the start. Bounded: unknown message types share one number.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Counters {
    /// Messages received, by known type.
    pub received: BTreeMap<Type, u64>,
    /// Messages received with an unknown type, or with none.
    pub received_unknown: u64,
    /// Replies given, by type of the request and code.
    pub replied: BTreeMap<(Type, Code), u64>,
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
            Some(kind) => *self.received.entry(kind).or_default() += 1,
            None => self.received_unknown += 1,
        }
    }

    pub(super) fn count_reply(&mut self, request: Type, code: Code) {
        *self.replied.entry((request, code)).or_default() += 1;
    }

    pub(super) fn count_close(&mut self, reason: CloseReason) {
        *self.closed.entry(reason).or_default() += 1;
    }
}
