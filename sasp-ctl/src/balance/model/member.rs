//! A member of a service and its backend record.

use std::net::{IpAddr, Ipv6Addr};

use sasp_xdp_common::abi::backend::{Backend, GWM_SPOKE, Index, OPERATOR_QUIESCED, USABLE};

use crate::balance::effective::{Candidate, Outcome, Why};
use crate::balance::inputs::{NextHop, Word};
use crate::balance::spec::MemberSpec;
use crate::sasp::code::weight_flags::{CONFIDENT, CONTACT, QUIESCE, REGISTERED_BY_LB};
use crate::sasp::msg::MemberKey;

/// A member, its backend, and what is known of it.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) key: MemberKey,
    pub(super) static_weight: u16,
    pub(super) index: Index,
    pub(super) generation: u32,
    pub(super) word: Option<Word>,
    pub(super) next_hop: Option<NextHop>,
    pub(super) quiesced: bool,
    pub(super) outcome: Outcome,
    /// The effective weight that the table was built with.
    pub(super) table_weight: u32,
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
    pub(super) fn new(spec: &MemberSpec, index: Index, generation: u32) -> Self {
        Self {
            key: spec.key,
            static_weight: spec.weight,
            index,
            generation,
            word: None,
            next_hop: None,
            quiesced: false,
            outcome: NOTHING,
            table_weight: 0,
            installed: None,
            remembered: 0,
        }
    }

    /// From a record that a former daemon wrote.
    pub(super) fn adopt(index: Index, record: Backend) -> Self {
        Self {
            key: key(&record),
            static_weight: 0,
            index,
            generation: record.generation,
            word: word(&record),
            next_hop: (record.ifindex != 0).then_some(NextHop {
                ifindex: record.ifindex,
                macs: record.macs,
            }),
            quiesced: record.operator & OPERATOR_QUIESCED != 0,
            outcome: NOTHING,
            table_weight: record.weight,
            installed: Some(record),
            remembered: 0,
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
            gwm_flags: self.word.map_or(0, |word| GWM_SPOKE | flags(&word)),
            gwm_weight: self.word.map_or(0, |word| word.weight),
            operator: if self.quiesced { OPERATOR_QUIESCED } else { 0 },
            reserved: 0,
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
