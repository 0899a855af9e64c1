//! As much of a GWM as the tests need: it has the balancer's groups, answers, and can misbehave on command.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{key, name};
use crate::sasp::{
    code::{Code, Type, lb_flags, weight_flags},
    codec::{decode, encode},
    frame::Deframer,
    msg::{
        Body, GetWeightsReply, Group, GroupOf, Member, MemberKey, Message, Name, SendWeights,
        WeightEntry,
    },
};

/// A member as the GWM has it.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) flags: u8,
    pub(crate) weight: u16,
    pub(crate) state: u8,
}

impl Known {
    pub(crate) fn good() -> Self {
        let flags =
            weight_flags::CONTACT | weight_flags::CONFIDENT | weight_flags::REGISTERED_BY_LB;
        Self {
            flags,
            weight: 10,
            state: 0,
        }
    }
}

/// The GWM's memory of one balancer.
#[derive(Debug)]
pub(crate) struct Gwm {
    pub(crate) known: bool,
    pub(crate) groups: BTreeMap<Name, BTreeMap<MemberKey, Known>>,
    pub(crate) lb_flags: u8,
    pub(crate) interval: u16,
    /// Flags of a member that is just registered.
    pub(crate) newborn: Known,
    /// Codes for the next requests of a type, in place of what would be right.
    pub(crate) refuse: VecDeque<(Type, Code)>,
    /// No reply at all to requests of these types.
    pub(crate) mute: BTreeSet<Type>,
    /// Replies to Set LB State and Set Member State as figures 20 and 22 of the RFC have them.
    pub(crate) as_in_figures: bool,
    /// Groups and members come in the opposite order, each group in two parts.
    pub(crate) backwards: bool,
    /// Every message carries it; with another than 1, requests are not understood.
    pub(crate) version: u8,
    /// All requests so far.
    pub(crate) heard: Vec<Body>,
    deframer: Deframer,
}

impl Gwm {
    pub(crate) fn new() -> Self {
        Self {
            known: false,
            groups: BTreeMap::new(),
            lb_flags: 0,
            interval: 60,
            newborn: Known::good(),
            refuse: VecDeque::new(),
            mute: BTreeSet::new(),
            as_in_figures: false,
            backwards: false,
            version: 1,
            heard: Vec::new(),
            deframer: Deframer::new(1 << 20),
        }
    }

    /// The grace time is over, or the GWM is another one.
    pub(crate) fn forget(&mut self) {
        (self.known, self.lb_flags) = (false, 0);
        self.groups.clear();
    }

    /// A new connection.
    pub(crate) fn accept(&mut self) {
        self.deframer = Deframer::new(1 << 20);
    }

    pub(crate) fn member(&mut self, group: &str, octet: u8) -> &mut Known {
        self.groups
            .entry(name(group))
            .or_default()
            .entry(key(octet))
            .or_insert_with(Known::good)
    }

    pub(crate) fn is_push(&self) -> bool {
        self.lb_flags & lb_flags::PUSH != 0
    }

    /// What it has, as the tests write it: groups and last octets.
    pub(crate) fn registered(&self) -> Vec<(String, Vec<MemberKey>)> {
        let groups = self.groups.iter();
        groups
            .map(|(name, members)| (name.to_string(), members.keys().copied().collect()))
            .collect()
    }

    /// Types of the requests since the last call.
    pub(crate) fn take_heard(&mut self) -> Vec<Type> {
        self.heard.drain(..).map(|body| body.kind()).collect()
    }

    /// A Send Weights message with the named groups, or all.
    pub(crate) fn push(&self, only: Option<&[&str]>) -> Vec<u8> {
        let mut groups = self.weights();
        groups.retain(|of| {
            only.is_none_or(|only| only.iter().any(|text| name(text) == of.group.name))
        });
        encode(&Message {
            version: self.version,
            id: 0,
            body: Body::SendWeights(SendWeights { groups }),
        })
        .unwrap()
    }

    /// Takes bytes of requests, returns bytes of replies.
    pub(crate) fn handle(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.deframer.push(bytes);
        let mut out = Vec::new();
        while let Some(frame) = self.deframer.next().expect("the client frames well") {
            let request = decode(&frame).expect("the client encodes well").message;
            self.heard.push(request.body.clone());
            if self.mute.contains(&request.body.kind()) {
                continue;
            }
            let body = self.reply(request.body);
            out.extend(
                encode(&Message {
                    version: self.version,
                    id: request.id,
                    body,
                })
                .unwrap(),
            );
        }
        out
    }

    fn reply(&mut self, request: Body) -> Body {
        let kind = request.kind();
        let code = match self.refuse.front() {
            _ if self.version != 1 => Code::NOT_UNDERSTOOD,
            Some((refused, code)) if *refused == kind => {
                let code = *code;
                self.refuse.pop_front();
                code
            }
            _ => self.apply(request),
        };
        match kind {
            Type::GET_WEIGHTS_REQUEST => {
                let groups = if code == Code::SUCCESS {
                    self.weights()
                } else {
                    Vec::new()
                };
                Body::GetWeightsReply(GetWeightsReply {
                    code,
                    interval: self.interval,
                    groups,
                })
            }
            Type::REGISTRATION_REQUEST => Body::RegistrationReply(code),
            Type::DEREGISTRATION_REQUEST => Body::DeregistrationReply(code),
            _ if self.as_in_figures => Body::DeregistrationReply(code),
            Type::SET_LB_STATE_REQUEST => Body::SetLbStateReply(code),
            _ => Body::SetMemberStateReply(code),
        }
    }

    fn apply(&mut self, request: Body) -> Code {
        match request {
            Body::SetLbStateRequest(request) => {
                (self.known, self.lb_flags) = (true, request.flags);
                Code::SUCCESS
            }
            Body::RegistrationRequest(request) => {
                self.known = true;
                self.register(&request.groups)
            }
            _ if !self.known => Code::UNKNOWN_LB,
            Body::DeregistrationRequest(request) => self.deregister(&request.groups),
            Body::SetMemberStateRequest(request) => {
                for of in request.groups {
                    let Some(known) = self.groups.get_mut(&of.group.name) else {
                        return Code::UNKNOWN_GROUP;
                    };
                    for item in of.items {
                        let Some(known) = known.get_mut(&item.member.key) else {
                            return Code::UNKNOWN_MEMBER;
                        };
                        known.state = item.state;
                        known.flags &= !weight_flags::QUIESCE;
                        known.flags |= (item.flags & 1) * weight_flags::QUIESCE;
                    }
                }
                Code::SUCCESS
            }
            _ => Code::SUCCESS,
        }
    }

    fn register(&mut self, groups: &[GroupOf<Member>]) -> Code {
        let known = |of: &GroupOf<Member>| {
            let group = self.groups.get(&of.group.name);
            of.items
                .iter()
                .any(|m| group.is_some_and(|group| group.contains_key(&m.key)))
        };
        if groups.iter().any(known) {
            return Code::MEMBER_ALREADY_REGISTERED;
        }
        for of in groups {
            let group = self.groups.entry(of.group.name.clone()).or_default();
            group.extend(
                of.items
                    .iter()
                    .map(|member| (member.key, self.newborn.clone())),
            );
        }
        Code::SUCCESS
    }

    fn deregister(&mut self, groups: &[GroupOf<Member>]) -> Code {
        for of in groups {
            if of.group.name.is_empty() {
                self.groups.clear();
                return Code::SUCCESS;
            }
            let Some(group) = self.groups.get_mut(&of.group.name) else {
                return Code::UNKNOWN_GROUP;
            };
            if of
                .items
                .iter()
                .any(|member| !group.contains_key(&member.key))
            {
                return Code::UNKNOWN_MEMBER;
            }
            group.retain(|key, _| !of.items.iter().any(|member| member.key == *key));
            if of.items.is_empty() || group.is_empty() {
                self.groups.remove(&of.group.name);
            }
        }
        Code::SUCCESS
    }

    fn weights(&self) -> Vec<GroupOf<WeightEntry>> {
        let mut groups = self.in_order();
        if self.backwards {
            for of in groups.clone() {
                let (first, last) = of.items.split_at(of.items.len() / 2);
                let part = |items: &[_]| GroupOf {
                    group: of.group.clone(),
                    items: items.iter().rev().cloned().collect(),
                };
                groups.extend([part(last), part(first)]);
                groups.remove(0);
            }
            groups.reverse();
        }
        groups
    }

    fn in_order(&self) -> Vec<GroupOf<WeightEntry>> {
        let groups = self.groups.iter();
        groups
            .map(|(group, members)| GroupOf {
                group: Group {
                    lb_uid: name("edge-1"),
                    name: group.clone(),
                },
                items: members
                    .iter()
                    .map(|(key, known)| WeightEntry {
                        member: Member {
                            key: *key,
                            label: Name::default(),
                        },
                        state: known.state,
                        flags: known.flags,
                        weight: known.weight,
                    })
                    .collect(),
            })
            .collect()
    }
}
