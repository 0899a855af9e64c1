//! What the general way's steps tell each other about a packet.

use crate::abi::backend::{Index, NOBODY};
use crate::abi::counters::Reason;
use crate::abi::service::Service;
use crate::family::Family;
use crate::maps::{WAY_NONE, Way};
use crate::nat::Forward;
use crate::parse::header::{Header, Part};
use crate::parse::{Kind, Place};

/// A packet under way. It lives outside of the stack, of which a BPF program has 512 bytes.
#[derive(Clone, Copy, Debug)]
pub struct Job<F: Family> {
    pub(super) header: Header<F>,
    /// Where the packet lies that it quotes, if it is an ICMP error.
    pub(super) quoted: Place,
    /// That packet's flow, reversed; the header's too once it is known for whom the error is.
    pub(super) quoted_flow: F::Flow,
    pub(super) service: Service,
    pub(super) kind: Kind,
    /// Its backend.
    pub(super) index: Index,
    /// Its backend's generation.
    pub(super) generation: u32,
    /// The interface by which it leaves.
    pub(super) ifindex: u32,
    /// The longest packet that fits where it goes, if it is too big.
    pub(super) fits: u16,
    /// Its flow's hash.
    pub(super) hash: u32,
    /// Its frame's length before anything was put in front of it.
    pub(super) bytes: usize,
    /// Its translation.
    pub(super) forward: Forward<F>,
    /// The way of a translated error, if it is none to a VIP.
    pub(super) way: Way,
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
            sealed: false,
        };
        let nowhere = F::Address::default();
        let flow = F::flow(&nowhere, [0; 2], &F::vip(&nowhere, [0; 2], 0));
        Self {
            header: Header {
                place,
                part: Part::default(),
                flow,
            },
            quoted: place,
            quoted_flow: flow,
            service: Service::default(),
            kind: Kind::default(),
            index: NOBODY,
            generation: 0,
            ifindex: 0,
            fits: 0,
            hash: 0,
            bytes: 0,
            forward: Forward::default(),
            way: Way {
                answer: WAY_NONE,
                ifindex: 0,
                macs: [0; 12],
            },
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
    /// It is: which way does it go?
    ErrorWay,
    /// It is: translate it and send it its way.
    ReplyError,
    /// A packet with all its headers known: which service is it for?
    Classify,
    /// For no service: may be a reply of a member.
    Foreign,
    /// For a service: pick a backend.
    Pick,
    /// Too big for where it goes.
    TooBig,
    /// Echo request to a VIP.
    Echo,
    /// To its backend as it is, or in a tunnel.
    Send,
    /// To its backend, translated: to which addresses?
    Translate,
    /// To these.
    Rewrite,
    /// An ICMP error to its backend, translated.
    TranslateError,
    /// On its way: count it.
    Finish,
    /// On its way: note where the fragments behind it must go.
    Fragments,
}
