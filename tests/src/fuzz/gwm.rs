//! The GWM's machine under several peers and an operator who do anything at any time.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use sasp_ctl::sasp::{
    code::{Reason, lb_flags},
    codec::{decode, encode},
    frame::Deframer,
    gwm::{Assessment, CloseReason, ConnectionId, Gwm, Limits, Policy, WeightChange},
    msg::{
        Body, DeregistrationRequest, GetWeightsRequest, MemberState, Message, RegistrationRequest,
        SetLbStateRequest, SetMemberStateRequest,
    },
};

use super::supply::Supply;

const UIDS: [&str; 5] = ["A", "A", "B", "C", ""];
const LIMITS: Limits = Limits {
    connections: 5,
    balancers: 2,
    groups: 3,
    members: 12,
    members_total: 20,
    reply_bytes: 2000,
    uid_bytes: 64,
    first_message: Duration::from_secs(30),
    idle: Duration::from_secs(300),
};
/// No machine needs so many calls at one instant.
const CALLS_MAX: usize = 100;

struct World {
    gwm: Gwm,
    now: Instant,
    opened: u64,
    /// Open connections; a driver has one of these for each.
    streams: BTreeMap<ConnectionId, Deframer>,
}

/// Bytes as everything that happens to a GWM.
///
/// # Panics
/// If it breaks a promise.
pub fn gwm_machine(data: &[u8]) {
    let mut supply = Supply::new(data);
    let mut world = World {
        gwm: Gwm::new(policy(&mut supply)),
        now: Instant::now(),
        opened: 0,
        streams: BTreeMap::new(),
    };
    world.connect();
    while !supply.is_empty() {
        world.happen(&mut supply);
        world.drain();
    }
}

impl World {
    fn connect(&mut self) {
        self.opened += 1;
        let id = ConnectionId(self.opened);
        let peer = ([10, 0, 0, (self.opened % 6) as u8], 1024).into();
        self.gwm.handle_connect(id, peer, self.now);
        self.streams.insert(id, Deframer::new(4096));
    }

    fn pick(&self, supply: &mut Supply<'_>) -> Option<ConnectionId> {
        let ids: Vec<_> = self.streams.keys().copied().collect();
        let at = usize::from(supply.u8());
        (!ids.is_empty()).then(|| ids[at % ids.len()])
    }

    fn happen(&mut self, supply: &mut Supply<'_>) {
        match supply.u8() % 12 {
            0 => self.connect(),
            1 => {
                if let Some(id) = self.pick(supply) {
                    self.gwm.handle_disconnect(id, self.now);
                    self.streams.remove(&id);
                }
            }
            2 => self.pass(supply.time()),
            3 => drop(self.gwm.set_policy(policy(supply), self.now)),
            4 => {
                let change = WeightChange {
                    balancer: None,
                    group: supply.name(&["G", "H"]),
                    member: supply.key(),
                    assessment: Some(assessment(supply)),
                };
                self.gwm.update_weights(&[change]);
            }
            5 => {
                if let Some(id) = self.pick(supply) {
                    self.receive(id, supply.bytes(255));
                }
            }
            _ => {
                if let Some(id) = self.pick(supply) {
                    let id_and_body = (u32::from(supply.u16()), request(supply));
                    let (message_id, body) = id_and_body;
                    let message = Message {
                        version: 1,
                        id: message_id,
                        body,
                    };
                    let mut bytes = encode(&message).expect("small");
                    // Now and then a wrong bit.
                    if supply.u8() == 0 {
                        let at = usize::from(supply.u8()) % bytes.len();
                        bytes[at] ^= 1 << (supply.u8() % 8);
                    }
                    self.receive(id, &bytes);
                }
            }
        }
    }

    /// What a driver does with bytes: one message after the other, each only when the last is answered.
    fn receive(&mut self, id: ConnectionId, bytes: &[u8]) {
        let Some(deframer) = self.streams.get_mut(&id) else {
            return;
        };
        deframer.push(bytes);
        while let Some(deframer) = self.streams.get_mut(&id) {
            match deframer.next() {
                Ok(None) => return,
                Err(error) => self.gwm.handle_framing_lost(id, error, self.now),
                Ok(Some(frame)) => {
                    self.send_all(id);
                    self.gwm.handle_frame(id, &frame, self.now);
                    self.take_closed();
                    if self.streams.contains_key(&id) {
                        self.expect_reply(id, &frame);
                    }
                }
            }
            self.take_closed();
        }
    }

    /// Every request that does not end the connection is answered, under its own id.
    fn expect_reply(&mut self, id: ConnectionId, request: &[u8]) {
        let reply = self.gwm.poll_transmit(id, self.now).expect("a reply");
        assert_eq!(&reply.id.to_be_bytes(), &request[9..13], "the id is echoed");
        assert!(!matches!(reply.body, Body::SendWeights(_)), "no reply");
        encode(&reply).expect("a reply fits a message");
        self.send_all(id);
    }

    fn send_all(&mut self, id: ConnectionId) {
        while let Some(message) = self.gwm.poll_transmit(id, self.now) {
            assert!(matches!(message.body, Body::SendWeights(_)), "{message:?}");
            assert_eq!(message.id, 0);
            let bytes = encode(&message).expect("a push fits a message");
            let same = decode(&bytes).expect("it can be read").message;
            assert_eq!(same, message);
        }
    }

    fn take_closed(&mut self) {
        while let Some((id, reason)) = self.gwm.poll_close() {
            assert_ne!(reason, CloseReason::RepliesNotTaken, "they are taken");
            self.streams.remove(&id);
            assert_eq!(self.gwm.poll_transmit(id, self.now), None);
        }
    }

    fn drain(&mut self) {
        self.take_closed();
        while let Some(id) = self.gwm.poll_ready() {
            assert!(
                self.streams.contains_key(&id),
                "a closed connection is ready"
            );
            self.send_all(id);
        }
        while self.gwm.poll_event().is_some() {}
        assert!(self.streams.len() <= LIMITS.connections);
        assert!(self.gwm.registered().count() <= LIMITS.members_total);
    }

    /// Lets time pass, and everything that falls due.
    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        let mut calls = 0;
        while let Some(at) = self.gwm.poll_timeout().filter(|at| *at <= end) {
            calls = if at > self.now { 0 } else { calls + 1 };
            assert!(calls < CALLS_MAX, "a timer that is not served");
            self.now = self.now.max(at);
            self.gwm.handle_timeout(self.now);
            self.drain();
        }
        self.now = end;
    }
}

fn request(supply: &mut Supply<'_>) -> Body {
    let flags = supply.pick(&[1, 1, 0, 0xff]);
    match supply.u8() % 8 {
        0..=2 => Body::RegistrationRequest(RegistrationRequest {
            flags,
            groups: supply.groups(&UIDS, |_, member| member),
        }),
        3 => Body::DeregistrationRequest(DeregistrationRequest {
            flags,
            reason: Reason(supply.u8()),
            groups: supply.groups(&UIDS, |_, member| member),
        }),
        4 => Body::GetWeightsRequest(GetWeightsRequest {
            groups: (0..supply.u8() % 3).map(|_| supply.group(&UIDS)).collect(),
        }),
        5 => Body::SetMemberStateRequest(SetMemberStateRequest {
            flags,
            groups: supply.groups(&UIDS, |supply, member| MemberState {
                member,
                state: supply.u8(),
                flags: supply.u8(),
            }),
        }),
        _ => Body::SetLbStateRequest(SetLbStateRequest {
            lb_uid: supply.name(&UIDS),
            health: supply.u8(),
            flags: supply.u8() & (lb_flags::PUSH | lb_flags::TRUST | lb_flags::NO_CHANGE),
        }),
    }
}

fn assessment(supply: &mut Supply<'_>) -> Assessment {
    let flags = supply.u8();
    Assessment {
        contact: flags & 1 != 0,
        confident: flags & 2 != 0,
        quiesce: flags & 4 != 0,
        weight: supply.u16(),
    }
}

fn policy(supply: &mut Supply<'_>) -> Policy {
    let mut policy = Policy {
        interval: supply.time().max(Duration::from_secs(1)),
        grace: supply.time(),
        members_speak_for_themselves: supply.u8() & 1 != 0,
        limits: LIMITS,
        ..Policy::default()
    };
    for _ in 0..supply.u8() % 4 {
        let (group, key) = (supply.name(&["G", "H"]), supply.key());
        let assessment = assessment(supply);
        // The same rule twice is refused; that is not what is looked at here.
        let _ = policy.weights.insert(None, &group, key, assessment);
    }
    policy
}
