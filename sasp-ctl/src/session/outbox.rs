//! Events on their way to an owner that may be slow.

use std::collections::VecDeque;

use crate::sasp::client::Event;

/// A queue that grows with the number of groups, not with the number of messages.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    events: VecDeque<Event>,
}

impl Outbox {
    /// Weights take the place of older weights of the same group: they are complete.
    pub(super) fn push(&mut self, event: Event) {
        let same_group = |older: &&mut Event| match (older, &event) {
            (Event::Weights { weights: older, .. }, Event::Weights { weights, .. }) => {
                older.name == weights.name
            }
            _ => false,
        };
        match self.events.iter_mut().find(same_group) {
            Some(older) => *older = event,
            None => self.events.push_back(event),
        }
    }

    pub(super) fn pop(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.events.is_empty()
    }
}
