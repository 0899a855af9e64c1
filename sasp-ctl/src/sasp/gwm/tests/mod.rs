//! The GWM on a virtual clock, spoken to in messages.

mod codes;
mod grace;
mod identity;
mod limits;
mod properties;
mod push;
mod report;
mod requests;
mod rulings;
mod weights;

use std::time::{Duration, Instant};

use super::*;
use crate::sasp::code::{Code, FLAG_LB, VERSION, lb_flags, weight_flags};
use crate::sasp::msg::{Body, Group, GroupOf, Member, MemberKey, Message, Name, WeightEntry};

pub(super) const CONTACT: u8 = weight_flags::CONTACT;
pub(super) const QUIESCED: u8 = weight_flags::QUIESCE;
pub(super) const BY_LB: u8 = weight_flags::REGISTERED_BY_LB;
pub(super) const CONFIDENT: u8 = weight_flags::CONFIDENT;

pub(super) const PUSH: u8 = lb_flags::PUSH;
pub(super) const TRUST: u8 = lb_flags::TRUST;
pub(super) const NO_CHANGE: u8 = lb_flags::NO_CHANGE;

/// Flags of a request.
pub(super) const LB: u8 = FLAG_LB;
pub(super) const MEMBER: u8 = 0;

pub(super) const SECOND: Duration = Duration::from_secs(1);

pub(super) fn name(text: &str) -> Name {
    Name::new(text.as_bytes().to_vec()).unwrap()
}

pub(super) fn key(last_byte: u8) -> MemberKey {
    MemberKey {
        protocol: 6,
        port: 80,
        address: [10, 0, 0, last_byte].into(),
    }
}

pub(super) fn member(last_byte: u8) -> Member {
    Member {
        key: key(last_byte),
        label: name("label"),
    }
}

/// The GWM, the time, and everything that it wanted from its driver.
pub(super) struct Bed {
    pub(super) gwm: Gwm,
    pub(super) now: Instant,
    connections: u64,
    message_id: u32,
}

impl Bed {
    /// Members 1, 2 and 3 of group G weigh 10, 20 and 30.
    pub(super) fn new() -> Self {
        Self::with_policy(policy())
    }

    pub(super) fn with_policy(policy: Policy) -> Self {
        Self {
            gwm: Gwm::new(policy),
            now: Instant::now(),
            connections: 0,
            message_id: 0,
        }
    }

    pub(super) fn connect(&mut self) -> ConnectionId {
        self.connect_from("192.0.2.1:1024")
    }

    pub(super) fn connect_from(&mut self, peer: &str) -> ConnectionId {
        self.connections += 1;
        let id = ConnectionId(self.connections);
        self.gwm.handle_connect(id, peer.parse().unwrap(), self.now);
        id
    }

    /// A connection that speaks for `uid` with these Set LB State flags.
    pub(super) fn balancer(&mut self, uid: &str, flags: u8) -> ConnectionId {
        let id = self.connect();
        assert_eq!(self.code(id, set_lb_state(uid, flags)), Code::SUCCESS);
        id
    }

    /// Sends a request and returns its reply, which must be the only message that waits.
    pub(super) fn ask(&mut self, id: ConnectionId, body: Body) -> Body {
        self.message_id += 1;
        let (version, message_id) = (VERSION, self.message_id);
        let message = Message {
            version,
            id: message_id,
            body,
        };
        self.gwm.handle_message(id, message, self.now);
        let reply = self.gwm.poll_transmit(id, self.now).expect("a reply");
        assert_eq!((reply.version, reply.id), (VERSION, message_id));
        reply.body
    }

    /// Sends a request and returns the code of its reply.
    pub(super) fn code(&mut self, id: ConnectionId, body: Body) -> Code {
        code_of(&self.ask(id, body))
    }

    /// Gets weights that must be granted.
    pub(super) fn weights(&mut self, id: ConnectionId, uid: &str, group: &str) -> Vec<Row> {
        match self.ask(id, get_weights(&[(uid, group)])) {
            Body::GetWeightsReply(reply) if reply.code == Code::SUCCESS => rows(&reply.groups),
            other => panic!("no weights but {other:?}"),
        }
    }

    /// The Send Weights that waits, if one does.
    pub(super) fn pushed(&mut self, id: ConnectionId) -> Option<Vec<Row>> {
        match self.gwm.poll_transmit(id, self.now)?.body {
            Body::SendWeights(sent) => Some(rows(&sent.groups)),
            other => panic!("no push but {other:?}"),
        }
    }

    /// Lets time pass, with the calls that a driver makes meanwhile.
    pub(super) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(at) = self.gwm.poll_timeout().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.gwm.handle_timeout(self.now);
            let next = self.gwm.poll_timeout();
            assert!(
                next.is_none_or(|next| next > self.now),
                "what was due is done"
            );
        }
        self.now = end;
    }

    pub(super) fn closed(&mut self) -> Vec<(ConnectionId, CloseReason)> {
        std::iter::from_fn(|| self.gwm.poll_close()).collect()
    }

    pub(super) fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.gwm.poll_event()).collect()
    }
}

/// A member as a GWM has it, for tests of several machines.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::sasp) struct Held {
    /// What a complete answer says of it.
    pub(in crate::sasp) entry: WeightEntry,
    pub(in crate::sasp) quiesced_by_balancer: bool,
}

impl Gwm {
    /// Every member of one balancer.
    pub(in crate::sasp) fn held(&self, uid: &Name) -> BTreeMap<(Name, MemberKey), Held> {
        let groups = self.balancers.get(uid).into_iter().flat_map(|b| b.groups());
        groups
            .flat_map(|(group, members)| {
                members.iter().map(|(key, member)| {
                    let entry = member.clone().report(*key, false);
                    let held = Held {
                        entry: entry.expect("nothing is left out"),
                        quiesced_by_balancer: member.quiesced_by_balancer,
                    };
                    ((group.clone(), *key), held)
                })
            })
            .collect()
    }

    /// Panics unless everything fits together.
    pub(in crate::sasp) fn assert_sound(&self) {
        properties::check_invariants(self);
    }
}

/// Members 1, 2 and 3 of group G weigh 10, 20 and 30.
pub(super) fn policy() -> Policy {
    let mut policy = Policy::default();
    for (member, weight) in [(1, 10), (2, 20), (3, 30)] {
        set_weight(&mut policy, "G", member, weight);
    }
    policy
}

pub(super) fn set_weight(policy: &mut Policy, group: &str, member: u8, weight: u16) {
    let fixed = Assessment::fixed(weight);
    policy
        .weights
        .insert(None, &name(group), key(member), fixed)
        .unwrap();
}

/// Group, last byte of the member's address, flags, weight.
pub(super) type Row = (String, u8, u8, u16);

pub(super) fn row(group: &str, member: u8, flags: u8, weight: u16) -> Row {
    (group.into(), member, flags, weight)
}

pub(super) fn rows(groups: &[GroupOf<WeightEntry>]) -> Vec<Row> {
    let row = |group: &Group, entry: &WeightEntry| {
        let std::net::IpAddr::V4(address) = entry.member.key.address else {
            panic!("only IPv4 members are registered here");
        };
        (
            group.name.to_string(),
            address.octets()[3],
            entry.flags,
            entry.weight,
        )
    };
    let of_group = |group: &GroupOf<WeightEntry>| -> Vec<Row> {
        group
            .items
            .iter()
            .map(|entry| row(&group.group, entry))
            .collect()
    };
    groups.iter().flat_map(of_group).collect()
}

pub(super) fn code_of(reply: &Body) -> Code {
    reply
        .code()
        .unwrap_or_else(|| panic!("no reply but {reply:?}"))
}

pub(super) use requests::{deregister, get_weights, register, set_lb_state, set_member_state};
