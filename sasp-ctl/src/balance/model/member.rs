//! A member of a service and its backend record.

use std::net::{IpAddr, Ipv6Addr};

use sasp_xdp_common::abi::backend::{
    Backend, GWM_SPOKE, Index, OPERATOR_QUIESCED, SELF_REGISTERED, USABLE,
};

use crate::balance::effective::{Candidate, Outcome, Why};
use crate::balance::inputs::{NextHop, Word};
use crate::balance::slow_start::{Ramp, STEPS};
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
    pub(super) next_hop: Option<NextHop>,
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
            next_hop: None,
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
        }
    }

    /// From a record that a former daemon wrote. Who had new flows does not start slowly once more; who had not all of
    /// them goes on where it was.
    pub(super) fn adopt(index: Index, record: Backend) -> Self {
        Self {
            self_registered: record.gwm_flags & SELF_REGISTERED != 0,
            word: word(&record),
            next_hop: (record.ifindex != 0).then_some(NextHop {
                ifindex: record.ifindex,
                macs: record.macs,
                mtu: 0,
                source: None,
                via_gateway: false,
            }),
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

    pub(super) fn candidate(&self) -> Candidate {
        Candidate {
            static_weight: self.static_weight,
            word: self.word,
            resolved: self.next_hop.is_some(),
            quiesced: self.quiesced,
            healthy: None,
        }
    }

    /// What the map is to hold.
    pub(super) fn record(&self, service: u32) -> Backend {
        let (ifindex, macs) = self
            .next_hop
            .map_or((0, [0; 12]), |hop| (hop.ifindex, hop.macs));
        Backend {
            flags: if self.outcome.usable { USABLE } else { 0 },
            generation: self.generation,
            ifindex,
            macs,
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
            ..Backend::default()
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
