//! The member's machine and the GWM's in one world: do they understand each other?

use std::{net::IpAddr, time::Instant};

use super::*;
use crate::sasp::{
    code::{Code, FLAG_LB, VERSION, lb_flags, member_flags, weight_flags},
    codec::{decode, encode},
    frame::Deframer,
    gwm::{ConnectionId, Gwm, Policy},
    msg::{
        Body, GetWeightsRequest, Group, GroupOf, Member, MemberState, Message, RegistrationRequest,
        SetLbStateRequest, SetMemberStateRequest, WeightEntry,
    },
};

const STEPS_AT_ONE_INSTANT: usize = 1_000;
const BALANCER: ConnectionId = ConnectionId(0);

struct World {
    gwm: Gwm,
    agent: Agent,
    connection: Option<(ConnectionId, Deframer)>,
    connections: u64,
    now: Instant,
    events: Vec<Event>,
}

impl World {
    fn new(wanted: Wanted) -> Self {
        let now = Instant::now();
        Self {
            gwm: Gwm::new(Policy::default()),
            agent: Agent::new(config(&["A"], &["G"]), wanted, 7, now),
            connection: None,
            connections: 0,
            now,
            events: Vec::new(),
        }
    }

    fn settle(&mut self) {
        for _ in 0..STEPS_AT_ONE_INSTANT {
            if !self.step() {
                return;
            }
        }
        panic!("a tight loop");
    }

    /// One thing that is due; false if nothing is.
    fn step(&mut self) -> bool {
        let now = self.now;
        while self.gwm.poll_event().is_some() {}
        while self.gwm.poll_ready().is_some() {}
        self.events
            .extend(std::iter::from_fn(|| self.agent.poll_event()));
        if let Some((closed, _)) = self.gwm.poll_close() {
            if self.connection.take_if(|(id, _)| *id == closed).is_some() {
                self.agent.handle_disconnected(LinkDown::Closed, now);
            }
            return true;
        }
        if self.gwm.poll_timeout().is_some_and(|at| at <= now) {
            self.gwm.handle_timeout(now);
            return true;
        }
        self.step_agent() || {
            let due = self.agent.poll_timeout().is_some_and(|at| at <= now);
            if due {
                self.agent.handle_timeout(now);
            }
            due
        }
    }

    fn step_agent(&mut self) -> bool {
        let now = self.now;
        match (self.agent.link(), &mut self.connection) {
            (Link::Wanted, None) => {
                self.connections += 1;
                let id = ConnectionId(self.connections);
                self.gwm.handle_connect(id, peer(), now);
                self.connection = Some((id, Deframer::new(1 << 20)));
                self.agent.handle_connected(now);
                true
            }
            (Link::Closed, Some((id, _))) => {
                self.gwm.handle_disconnect(*id, now);
                self.connection = None;
                true
            }
            (_, Some((id, deframer))) => {
                if let Some(message) = self.gwm.poll_transmit(*id, now) {
                    self.agent.handle_bytes(&encode(&message).unwrap(), now);
                } else if let Some(bytes) = self.agent.poll_transmit() {
                    deframer.push(&bytes);
                    let frame = deframer.next().unwrap().expect("one whole message");
                    self.gwm
                        .handle_message(*id, decode(&frame).unwrap().message, now);
                } else {
                    return false;
                }
                true
            }
            _ => false,
        }
    }

    fn run(&mut self, span: Duration) {
        let end = self.now + span;
        self.settle();
        loop {
            let due = [self.agent.poll_timeout(), self.gwm.poll_timeout()];
            let Some(at) = due.into_iter().flatten().min().filter(|at| *at <= end) else {
                break;
            };
            self.now = at.max(self.now);
            self.settle();
        }
        self.now = end;
    }

    fn want(&mut self, wanted: Wanted) {
        self.agent.set_wanted(wanted, self.now);
        self.settle();
    }

    /// The balancer asks.
    fn ask(&mut self, body: Body) -> Body {
        let message = Message {
            version: VERSION,
            id: 1,
            body,
        };
        self.gwm.handle_message(BALANCER, message, self.now);
        self.gwm
            .poll_transmit(BALANCER, self.now)
            .expect("a reply")
            .body
    }

    /// The balancer comes.
    fn balancer_comes(&mut self, trust: bool) {
        self.gwm.handle_connect(BALANCER, peer(), self.now);
        let flags = if trust { lb_flags::TRUST } else { 0 };
        let reply = self.ask(Body::SetLbStateRequest(SetLbStateRequest {
            lb_uid: name("A"),
            health: 0x7f,
            flags,
        }));
        assert_eq!(reply, Body::SetLbStateReply(Code::SUCCESS));
    }

    /// What the balancer gets of the group.
    fn weights(&mut self) -> Vec<WeightEntry> {
        let groups = vec![group()];
        match self.ask(Body::GetWeightsRequest(GetWeightsRequest { groups })) {
            Body::GetWeightsReply(reply) => {
                reply.groups.into_iter().flat_map(|of| of.items).collect()
            }
            other => panic!("no weights but {other:?}"),
        }
    }

    fn member_is(&mut self) -> Option<(bool, u8)> {
        let weights = self.weights();
        let entry = weights.iter().find(|entry| entry.member.key == key(1))?;
        Some((entry.flags & weight_flags::QUIESCE != 0, entry.state))
    }

    fn waits(&self) -> usize {
        let waits = self.events.iter();
        waits
            .filter(|event| matches!(event, Event::Waiting { .. }))
            .count()
    }
}

fn peer() -> std::net::SocketAddr {
    (IpAddr::from([127, 0, 0, 1]), 40_000).into()
}

fn group() -> Group {
    Group {
        lb_uid: name("A"),
        name: name("G"),
    }
}

fn member() -> Member {
    Member {
        key: key(1),
        label: name("by the balancer"),
    }
}

#[test]
fn a_member_of_a_trusting_balancer_registers_quiesces_resumes_and_goes() {
    let mut world = World::new(Wanted::serving(SERVING));
    world.balancer_comes(true);
    world.run(seconds(1));
    assert_eq!(world.member_is(), Some((false, 0)));
    let flags = world.weights()[0].flags;
    assert_eq!(flags & weight_flags::REGISTERED_BY_LB, 0, "by itself");
    world.want(Wanted::serving(Condition {
        quiesced: true,
        state: 0x0a,
    }));
    assert_eq!(world.member_is(), Some((true, 0x0a)));
    world.want(Wanted::serving(Condition {
        quiesced: false,
        state: 0x0a,
    }));
    assert_eq!(world.member_is(), Some((false, 0x0a)));
    world.want(Wanted::GONE);
    assert_eq!(world.member_is(), None);
    assert!(world.agent.is_done());
}

#[test]
fn a_member_of_a_balancer_without_trust_stops_and_says_why() {
    let mut world = World::new(Wanted::serving(SERVING));
    world.balancer_comes(false);
    world.run(seconds(1000));
    let refused = Event::Refused {
        pair: pair("A", "G"),
        request: crate::sasp::code::Type::REGISTRATION_REQUEST,
        code: Code::NOT_ACCEPTED,
    };
    assert_eq!(world.events, [Event::Connected, refused]);
    assert_eq!(world.agent.refused(), 1);
    assert_eq!(world.agent.poll_timeout(), None);
}

#[test]
fn a_balancer_that_comes_late_is_waited_for() {
    let mut world = World::new(Wanted::serving(SERVING));
    world.run(seconds(40));
    assert!((1..=2).contains(&world.waits()));
    assert_eq!(world.agent.registered(), 0);
    world.balancer_comes(true);
    world.run(seconds(60));
    assert_eq!(world.agent.registered(), 1);
    assert_eq!(world.member_is(), Some((false, 0)));
}

#[test]
fn what_a_gwm_forgets_with_its_balancer_is_registered_again_with_its_condition() {
    let mut world = World::new(Wanted::serving(QUIESCED));
    world.balancer_comes(true);
    world.run(seconds(1));
    world.gwm.handle_disconnect(BALANCER, world.now);
    world.run(seconds(200));
    assert!(world.waits() > 0, "the grace time is over");
    world.balancer_comes(true);
    world.run(seconds(120));
    assert_eq!(world.member_is(), Some((true, 0)));
}

#[test]
fn a_gwm_that_restarts_gets_everything_again() {
    let mut world = World::new(Wanted::serving(QUIESCED));
    world.balancer_comes(true);
    world.run(seconds(1));
    world.gwm = Gwm::new(Policy::default());
    world.balancer_comes(true);
    world.connection = None;
    world.agent.handle_disconnected(LinkDown::Closed, world.now);
    world.run(seconds(30));
    assert_eq!(world.member_is(), Some((true, 0)));
}

#[test]
fn a_condition_of_ours_does_not_undo_that_the_balancer_quiesced_the_member() {
    let mut world = World::new(Wanted::serving(SERVING));
    world.balancer_comes(true);
    world.run(seconds(1));
    let state = MemberState {
        member: member(),
        state: 0,
        flags: member_flags::QUIESCE,
    };
    let quiesce = SetMemberStateRequest {
        flags: FLAG_LB,
        groups: vec![GroupOf {
            group: group(),
            items: vec![state],
        }],
    };
    let reply = world.ask(Body::SetMemberStateRequest(quiesce));
    assert_eq!(reply, Body::SetMemberStateReply(Code::SUCCESS));
    world.want(Wanted::serving(Condition {
        quiesced: false,
        state: 0x32,
    }));
    assert_eq!(
        world.member_is(),
        Some((true, 0x32)),
        "the byte is ours, the flag is not"
    );
}

#[test]
fn a_member_that_the_balancer_has_registered_is_there_already() {
    let mut world = World::new(Wanted::serving(QUIESCED));
    world.balancer_comes(true);
    let registration = RegistrationRequest {
        flags: FLAG_LB,
        groups: vec![GroupOf {
            group: group(),
            items: vec![member()],
        }],
    };
    let reply = world.ask(Body::RegistrationRequest(registration));
    assert_eq!(reply, Body::RegistrationReply(Code::SUCCESS));
    world.run(seconds(1));
    let registered = Event::Registered {
        pair: pair("A", "G"),
        how: Registration::Already,
    };
    assert!(world.events.contains(&registered));
    assert_eq!(world.member_is(), Some((true, 0)));
}

#[test]
fn a_day_with_a_healthy_gwm_is_quiet_on_one_connection() {
    let mut world = World::new(Wanted::serving(SERVING));
    world.balancer_comes(true);
    world.run(seconds(24 * 3600));
    assert_eq!(world.connections, 1);
    assert_eq!(
        world.events.len(),
        2,
        "connected and registered: {:?}",
        world.events
    );
}
