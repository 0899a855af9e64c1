//! A member of a service and its backend record.

use std::net::{IpAddr, Ipv6Addr};

use sasp_xdp_common::abi::backend::{
    Backend, GWM_SPOKE, Index, OPERATOR_QUIESCED, SELF_REGISTERED, USABLE,
};

use super::way::{Way, mode};
use crate::balance::effective::{Candidate, Outcome, Unreachable, Why};
use crate::balance::inputs::{NextHop, Word};
use crate::balance::slow_start::{Ramp, STEPS};
use crate::balance::spec::Forward;
use crate::sasp::code::weight_flags::{CONFIDENT, CONTACT, QUIESCE, REGISTERED_BY_LB};
use crate::sasp::msg::MemberKey;

/// A member, its backend, and what is known of it.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) key: MemberKey,
    /// The config does not know it: it has registered itself.
    pub(super) self_registered: bool,
    pub(super) static_weight: u16,
    pub(super) index: Index,
    pub(super) generation: u32,
    pub(super) word: Option<Word>,
    /// How packets are to reach it.
    pub(super) forward: Forward,
    /// See [`crate::balance::spec::MemberSpec::server_id`].
    pub(super) server_id: Option<Vec<u8>>,
    /// What was told last; nothing, for one that was adopted a moment ago.
    pub(super) next_hop: Option<NextHop>,
    /// How packets do reach it.
    pub(super) way: Result<Way, Unreachable>,
    pub(super) quiesced: bool,
    pub(super) outcome: Outcome,
    pub(super) ramp: Ramp,
    /// How much of its weight counts, see [`Ramp::steps`].
    pub(super) steps: u32,
    /// The weight that counts now, on the scale of [`crate::balance::slow_start::ramped`].
    pub(super) ramped_weight: u32,
    /// The weight that the table is made of: the ramped one, or one that stood when the table was last worth making.
    /// The scale is its own: only the weights of all members together say something.
    pub(super) table_weight: u32,
    /// The steps that it was made with.
    pub(super) table_steps: u32,
    /// Slots that it owns when the table has become what it is made of.
    pub(super) goal_slots: u32,
    /// What the map holds; `None`: nothing of it yet.
    pub(super) installed: Option<Backend>,
    /// Live flows that the last sweep found remembered for it.
    pub(super) remembered: u64,
    /// Flows that the last sweep found translated to it.
    pub(super) translated: u64,
}

/// Before anything is known.
const NOTHING: Outcome = Outcome {
    weight: 0,
    usable: false,
    why: Why::Unresolved,
};

impl Member {
    pub(super) fn new(key: MemberKey, index: Index, generation: u32) -> Self {
        Self {
            key,
            self_registered: false,
            static_weight: 0,
            index,
            generation,
            word: None,
            forward: Forward::Dsr,
            server_id: None,
            next_hop: None,
            way: Err(Unreachable::NoNextHop),
            quiesced: false,
            outcome: NOTHING,
            ramp: Ramp::Out,
            steps: STEPS,
            ramped_weight: 0,
            table_weight: 0,
            table_steps: STEPS,
            goal_slots: 0,
            installed: None,
            remembered: 0,
            translated: 0,
        }
    }

    /// From a record that a former daemon wrote. Who had new flows does not start slowly once more; who had not all of
    /// them goes on where it was.
    pub(super) fn adopt(index: Index, record: Backend) -> Self {
        Self {
            self_registered: record.gwm_flags & SELF_REGISTERED != 0,
            word: word(&record),
            forward: forward(record.mode),
            way: Way::adopt(&record),
            quiesced: record.operator & OPERATOR_QUIESCED != 0,
            ramp: match (record.weight, record.ramp_since_ns) {
                (0, _) => Ramp::Out,
                (_, 0) => Ramp::Full,
                (_, since) => Ramp::Since(since),
            },
            table_weight: record.weight,
            installed: Some(record),
            ..Self::new(key(&record), index, record.generation)
        }
    }

    /// Takes in what is `told` of its next hop, which is nothing while it is being resolved: then the former one stands.
    /// The way that was adopted stands until something was told, even if the config wants another mode: there is
    /// nothing yet to make one of.
    pub(super) fn follow(&mut self, told: Option<&Option<NextHop>>) {
        if let Some(&told) = told {
            self.next_hop = told;
            self.way = Err(Unreachable::NoNextHop);
        }
        if let Some(hop) = &self.next_hop {
            self.way = Way::new(self.forward, hop, self.key.address);
        }
    }

    pub(super) fn candidate(&self) -> Candidate {
        Candidate {
            static_weight: self.static_weight,
            word: self.word,
            unreachable: self.way.err(),
            quiesced: self.quiesced,
            healthy: None,
        }
    }

    /// What the map is to hold.
    pub(super) fn record(&self, service: u32) -> Backend {
        let way = self.way.map_or_else(
            |_| Backend {
                mode: mode(self.forward),
                ..Backend::default()
            },
            |way| way.record(),
        );
        Backend {
            flags: if self.outcome.usable { USABLE } else { 0 },
            generation: self.generation,
            service,
            weight: self.table_weight,
            address: octets(self.key.address),
            port: self.key.port,
            protocol: self.key.protocol,
            gwm_flags: self.word.map_or(0, |word| GWM_SPOKE | flags(&word))
                | if self.self_registered {
                    SELF_REGISTERED
                } else {
                    0
                },
            gwm_weight: self.word.map_or(0, |word| word.weight),
            operator: if self.quiesced { OPERATOR_QUIESCED } else { 0 },
            ramp_since_ns: match self.ramp {
                Ramp::Since(since) => since,
                Ramp::Out | Ramp::Full => 0,
            },
            ..way
        }
    }
}

/// Whose record it is.
fn key(record: &Backend) -> MemberKey {
    MemberKey {
        protocol: record.protocol,
        port: record.port,
        address: Ipv6Addr::from(record.address).to_canonical(),
    }
}

fn forward(wanted: u8) -> Forward {
    let mut all = Forward::ALL.into_iter();
    all.find(|&forward| mode(forward) == wanted)
        .unwrap_or(Forward::Dsr)
}

fn octets(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
        IpAddr::V6(v6) => v6.octets(),
    }
}

/// The GWM's word as a record keeps it.
fn word(record: &Backend) -> Option<Word> {
    let flag = |bit| record.gwm_flags & bit != 0;
    flag(GWM_SPOKE).then(|| Word {
        contact: flag(CONTACT),
        quiesce: flag(QUIESCE),
        confident: flag(CONFIDENT),
        by_lb: flag(REGISTERED_BY_LB),
        weight: record.gwm_weight,
        state: 0,
    })
}

fn flags(word: &Word) -> u8 {
    let flag = |set, bit| if set { bit } else { 0 };
    flag(word.contact, CONTACT)
        | flag(word.quiesce, QUIESCE)
        | flag(word.confident, CONFIDENT)
        | flag(word.by_lb, REGISTERED_BY_LB)
}
