//! Taking stock of the translations of `full-nat`: which have been silent for too long, or belong to nobody any more.
//! Who translates, and how entries come and go without a flow ever getting another's, is
//! [`sasp_xdp_common::nat`]'s matter.

use std::collections::HashMap;

use sasp_xdp_common::abi::nat::{LOCK_MAX_S, LOCKED, REPLY, timeout_s};
use sasp_xdp_common::parse::TCP;

use super::change::FlowKey;

/// So many are removed at a time.
const MOST: usize = 1 << 14;

const SECOND_NS: u64 = 1_000_000_000;

/// An entry: one way of a flow, or a lock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Translation {
    /// A packet of this way as it arrives.
    pub key: FlowKey,
    /// The key of the other way.
    pub other: FlowKey,
    /// The backend, as in [`sasp_xdp_common::abi::flow::FlowEntry::owner`].
    pub owner: u64,
    /// When a packet last went this way.
    pub seen_ns: u64,
    /// What has gone this way.
    pub state: u32,
    /// Idle timeout in seconds.
    pub idle_s: u32,
}

impl Translation {
    /// It is no translation but the right to reclaim one.
    pub fn is_lock(&self) -> bool {
        match self.key {
            FlowKey::V4(flow) => flow.reserved == LOCKED,
            FlowKey::V6(flow) => flow.reserved == LOCKED,
        }
    }

    /// The way from the member to the client.
    pub fn is_reply(&self) -> bool {
        self.state & REPLY != 0
    }

    fn is_tcp(&self) -> bool {
        let protocol = match self.key {
            FlowKey::V4(flow) => flow.vip.protocol,
            FlowKey::V6(flow) => flow.vip.protocol,
        };
        protocol == TCP
    }
}

/// What may be removed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stale {
    /// Both ways of a flow: the way back and, if it is there, the way forward. Takes the lock of the way back.
    Flow {
        /// The reply's.
        back: Translation,
        /// The client's.
        forward: Option<Translation>,
    },
    /// A way forward without a way back, or a lock of somebody who died: nothing depends on it.
    Alone(Translation),
}

/// What can go of all that was `found` at `now_ns`, some of it at least. `owned` says whether a backend is still a
/// member.
pub fn stale(found: &[Translation], owned: impl Fn(u64) -> bool, now_ns: u64) -> Vec<Stale> {
    let by_key: HashMap<FlowKey, &Translation> =
        found.iter().map(|entry| (entry.key, entry)).collect();
    let counterpart = |entry: &Translation| {
        let other = by_key.get(&entry.other).copied();
        other.filter(|other| other.other == entry.key)
    };
    let silent = |seen_ns, seconds: u64| now_ns.saturating_sub(seen_ns) > seconds * SECOND_NS;
    let judge = |entry: &Translation| {
        if entry.is_lock() {
            return silent(entry.seen_ns, LOCK_MAX_S).then_some(Stale::Alone(*entry));
        }
        let other = counterpart(entry);
        let other_state = other.map_or(0, |other| other.state);
        let (forward, reply) = match entry.is_reply() {
            true => (other_state, entry.state),
            false => (entry.state, other_state),
        };
        let seen_ns = other.map_or(0, |other| other.seen_ns).max(entry.seen_ns);
        let timeout = timeout_s(forward, reply, entry.is_tcp(), entry.idle_s);
        let stale = silent(seen_ns, timeout.into()) || !owned(entry.owner);
        match (entry.is_reply(), other) {
            (true, other) => stale.then(|| Stale::Flow {
                back: *entry,
                forward: other.copied(),
            }),
            // Its way back will be judged.
            (false, Some(_)) => None,
            (false, None) => stale.then_some(Stale::Alone(*entry)),
        }
    };
    found.iter().filter_map(judge).take(MOST).collect()
}

#[cfg(test)]
mod tests;
