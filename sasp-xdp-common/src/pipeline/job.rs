//! What the general way's steps tell each other about a packet.

use crate::abi::backend::{Index, NOBODY};
use crate::abi::counters::Reason;
use crate::abi::service::Service;
use crate::family::Family;
use crate::parse::header::{Header, Part};
use crate::parse::{Kind, Place};

/// A packet under way. It lives outside of the stack, of which a BPF program has 512 bytes.
#[derive(Clone, Copy, Debug)]
pub struct Job<F: Family> {
    pub(super) header: Header<F>,
    /// Where the packet lies that it quotes, if it is an ICMP error; its flow is that one's then, reversed.
    pub(super) quoted: Place,
    pub(super) service: Service,
    pub(super) kind: Kind,
    /// Its backend.
    pub(super) index: Index,
    /// Its flow's hash.
    pub(super) hash: u32,
    /// Its frame's length before anything was put in front of it.
    pub(super) bytes: usize,
    /// What is counted once it is on its way.
    pub(super) note: Option<Reason>,
}

impl<F: Family> Default for Job<F> {
    #[inline(always)]
    fn default() -> Self {
        let place = Place {
            network: F::NETWORK,
            at: 0,
            transport: 0,
            length: 0,
            protocol: 0,
        };
        let nowhere = F::Address::default();
        Self {
            header: Header {
                place,
                part: Part::default(),
                flow: F::flow(&nowhere, [0; 2], &F::vip(&nowhere, [0; 2], 0)),
            },
            quoted: place,
            service: Service::default(),
            kind: Kind::default(),
            index: NOBODY,
            hash: 0,
            bytes: 0,
            note: None,
        }
    }
}

/// What comes next, if a step has not decided.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u64)]
pub enum Step {
    /// A later fragment.
    Later = 1,
    /// ICMP.
    Icmp,
    /// An ICMP error that may be about a reply of a member.
    ErrorOfMember,
    /// A packet with all its headers known: which service is it for?
    Classify,
    /// For no service: may be a reply of a member.
    Foreign,
    /// For a service: pick a backend.
    Pick,
    /// Too big for the way to its backend.
    TooBig,
    /// Echo request to a VIP.
    Echo,
    /// To its backend as it is, or in a tunnel.
    Send,
    /// To its backend, translated.
    Translate,
    /// An ICMP error to its backend, translated.
    TranslateError,
    /// On its way: count it.
    Finish,
}
