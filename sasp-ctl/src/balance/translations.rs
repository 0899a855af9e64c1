//! Taking stock of the translations of `full-nat`: which have been silent for too long, or belong to nobody any more.
//! Who translates, and how entries come and go without a flow ever getting another's, is
//! [`sasp_xdp_common::nat`]'s matter.

use std::collections::{BTreeMap, BTreeSet};

use sasp_xdp_common::abi::nat::{LOCK_MAX_S, LOCKED, REPLY, REUSED_S, timeout_s};
use sasp_xdp_common::parse::TCP;

use super::change::FlowKey;

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

/// Who judges translations: at one time, knowing which backends are still members.
#[derive(Clone, Debug)]
pub struct Judge {
    /// Owners of translations that may live.
    pub owners: BTreeSet<u64>,
    /// Now.
    pub now_ns: u64,
    /// The map is filling up: closed flows do not stay for their whole time.
    pub scarce: bool,
}

impl Judge {
    /// Whether an entry may be stale, so that its other way is worth looking at.
    pub fn suspects(&self, entry: &Translation) -> bool {
        let shortest = if entry.is_lock() {
            LOCK_MAX_S
        } else {
            REUSED_S.min(entry.idle_s).into()
        };
        self.is_silent(entry.seen_ns, shortest) || self.is_disowned(entry)
    }

    /// What can go of an entry. `other` is what there is under the key of its other way.
    pub fn judge(&self, entry: &Translation, other: Option<&Translation>) -> Option<Stale> {
        if entry.is_lock() {
            return self
                .is_silent(entry.seen_ns, LOCK_MAX_S)
                .then_some(Stale::Alone(*entry));
        }
        let other = other.filter(|other| other.other == entry.key);
        let other_state = other.map_or(0, |other| other.state);
        let (forward, reply) = match entry.is_reply() {
            true => (other_state, entry.state),
            false => (entry.state, other_state),
        };
        let seen_ns = other.map_or(0, |other| other.seen_ns).max(entry.seen_ns);
        let timeout = timeout_s(forward, reply, entry.is_tcp(), entry.idle_s, self.scarce);
        let stale = self.is_silent(seen_ns, timeout.into()) || self.is_disowned(entry);
        match (entry.is_reply(), other) {
            (true, other) => stale.then(|| Stale::Flow {
                back: *entry,
                forward: other.copied(),
            }),
            // Its way back will be judged.
            (false, Some(_)) => None,
            (false, None) => stale.then_some(Stale::Alone(*entry)),
        }
    }

    fn is_silent(&self, seen_ns: u64, seconds: u64) -> bool {
        self.now_ns.saturating_sub(seen_ns) > seconds * SECOND_NS
    }

    fn is_disowned(&self, entry: &Translation) -> bool {
        !self.owners.contains(&entry.owner)
    }
}

/// What a walk through the translations has met.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Tally {
    /// Entries of IPv4.
    pub v4: u64,
    /// Entries of IPv6.
    pub v6: u64,
    /// Live flows, by owner.
    pub(crate) flows: BTreeMap<u64, u64>,
}

impl Tally {
    /// Takes in an entry, and what can go of it.
    pub fn add(&mut self, entry: &Translation, stale: Option<&Stale>) {
        match entry.key {
            FlowKey::V4(_) => self.v4 += 1,
            FlowKey::V6(_) => self.v6 += 1,
        }
        if entry.is_reply() && !entry.is_lock() && stale.is_none() {
            *self.flows.entry(entry.owner).or_default() += 1;
        }
    }
}

#[cfg(test)]
mod tests;
