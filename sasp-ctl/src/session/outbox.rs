//! Events on their way to an owner that may be slow.

use std::collections::VecDeque;

use crate::sasp::client::Event;

/// A queue that grows with the number of groups, not with the number of messages.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    events: VecDeque<Event>,
}

impl Outbox {
    /// Weights make older weights of the same group superfluous: they are complete. They do not take their place in
    /// the queue, or those of a new connection would come before the loss of the old one.
    pub(super) fn push(&mut self, event: Event) {
        if let Event::Weights { weights, .. } = &event {
            self.events.retain(|older| match older {
                Event::Weights { weights: older, .. } => older.name != weights.name,
                _ => true,
            });
        }
        self.events.push_back(event);
    }

    pub(super) fn pop(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.events.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, time::Duration};

    use super::*;
    use crate::sasp::{
        client::{GroupWeights, Lost},
        msg::Name,
    };

    fn weights(group: &str, converging: bool) -> Event {
        Event::Weights {
            weights: GroupWeights {
                name: Name::new(group.as_bytes()).unwrap(),
                members: BTreeMap::new(),
                converging,
            },
            unknown: BTreeMap::new(),
        }
    }

    #[test]
    fn the_weights_of_a_new_connection_come_after_the_loss_of_the_old_one() {
        let lost = Event::Lost {
            reason: Lost::Closed,
            retry_in: Duration::ZERO,
        };
        let mut outbox = Outbox::default();
        for event in [
            weights("A", true),
            weights("B", true),
            lost.clone(),
            weights("A", false),
        ] {
            outbox.push(event);
        }
        let order: Vec<_> = std::iter::from_fn(|| outbox.pop()).collect();
        assert_eq!(order, [weights("B", true), lost, weights("A", false)]);
    }
}
