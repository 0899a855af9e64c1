//! What goes out on a connection: replies first, then Send Weights (RFC 4678 section 7.4) if the balancer wants it.
//!
//! A push is made at the moment in which it can be sent, from the state of that moment. A large one is not followed by
//! another at once: a balancer that registers its groups one by one would be told of all former ones after each.

use std::time::{Duration, Instant};

use super::balancer::{Balancer, Link};
use super::{ConnectionId, Gwm};
use crate::sasp::code::VERSION;
use crate::sasp::msg::{Body, Group, GroupOf, Message, Name, SendWeights, WeightEntry};
use crate::sasp::saturate::{Later as _, Tally as _};

/// A push takes its sender and its reader some microseconds an entry; so much of their time may go into pushes that
/// follow each other. Below a hundred entries there is no pause.
const PAUSE_PER_HUNDRED_ENTRIES: Duration = Duration::from_millis(1);

impl Gwm {
    /// The next message to send on this connection; to be called until it has none, whenever the connection can
    /// take one.
    pub fn poll_transmit(&mut self, id: ConnectionId, now: Instant) -> Option<Message> {
        let connection = self.connections.get_mut(&id)?;
        if let Some(reply) = connection.replies.pop_front() {
            return Some(reply);
        }
        let uid = connection.bound.as_ref()?;
        let balancer = self.balancers.get_mut(uid)?;
        let has_news = balancer.unpushed && connection.push_after <= now;
        if !balancer.wishes.push() || !(has_news || connection.push_due) {
            return None;
        }
        balancer.unpushed = false;
        connection.push_due = false;
        connection.push_at = now.later(self.policy.interval);
        let groups = send_weights(uid, balancer)?;
        connection.push_after = now.later(pause_after(&groups));
        self.counters.pushed.grow(1);
        Some(Message {
            version: VERSION,
            id: 0,
            body: Body::SendWeights(SendWeights { groups }),
        })
    }

    /// Has the driver ask for a push to this balancer, if it is there.
    pub(super) fn wake_for_push(&mut self, uid: &Name) {
        if let Some(balancer) = self.balancers.get(uid)
            && let Link::Up(id) = balancer.link
            && balancer.wishes.push()
            && balancer.unpushed
        {
            self.ready.insert(id);
        }
    }
}

fn pause_after(groups: &[GroupOf<WeightEntry>]) -> Duration {
    let entries = groups
        .iter()
        .fold(0_usize, |sum, group| sum.saturating_add(group.items.len()));
    PAUSE_PER_HUNDRED_ENTRIES.saturating_mul(u32::try_from(entries / 100).unwrap_or(u32::MAX))
}

/// All groups, or under No-Change those with a change; `None` if there is nothing to tell.
fn send_weights(uid: &Name, balancer: &mut Balancer) -> Option<Vec<GroupOf<WeightEntry>>> {
    let had_told = balancer.told_of_groups;
    let changed_only = balancer.wishes.no_change();
    let names: Vec<Name> = balancer.groups().keys().cloned().collect();
    let mut groups = Vec::with_capacity(names.len());
    for name in names {
        match balancer.report(&name, changed_only) {
            Some(items) if !items.is_empty() => groups.push(GroupOf {
                group: Group {
                    lb_uid: uid.clone(),
                    name,
                },
                items,
            }),
            _ => {}
        }
    }
    if !groups.is_empty() {
        return Some(groups);
    }
    // "No groups any more" must be said once, or the balancer would go on with members that have left.
    balancer.told_of_groups = false;
    (had_told && !changed_only).then_some(groups)
}
