//! The balancer's machine and the GWM's in one world with a virtual clock: do they understand each other?

mod rfc_flows;
mod virtual_network;

use std::{
    net::{IpAddr, Ipv4Addr},
    time::{Duration, Instant},
};

use super::{
    client::{Client, Config, Desired, DesiredMember, Event, GroupWeights, Link, LinkDown, State},
    code::{Code, Type},
    codec::{decode, encode},
    frame::Deframer,
    gwm::{Assessment, ConnectionId, Gwm, Policy},
    msg::{MemberKey, Name},
};

/// No two machines need so many steps at one instant.
const STEPS_AT_ONE_INSTANT: usize = 10_000;

struct Balancer {
    client: Client,
    connection: Option<(ConnectionId, Deframer)>,
    events: Vec<Event>,
}

struct World {
    gwm: Gwm,
    balancers: Vec<Balancer>,
    connections: u64,
    now: Instant,
}

fn name(text: &str) -> Name {
    Name::new(text.as_bytes()).unwrap()
}

fn key(last_octet: u8) -> MemberKey {
    MemberKey {
        protocol: 6,
        port: 80,
        address: [10, 10, 10, last_octet].into(),
    }
}

fn policy(weights: &[(u8, u16)]) -> Policy {
    let mut policy = Policy::default();
    for (octet, weight) in weights {
        let rule = Assessment::fixed(*weight);
        policy
            .weights
            .insert(None, &name("A"), key(*octet), rule)
            .unwrap();
    }
    policy
}

fn desired(members: &[(u8, bool)]) -> Desired {
    let member = |quiesced| DesiredMember {
        label: name("web"),
        quiesced,
    };
    let members = members
        .iter()
        .map(|(octet, quiesced)| (key(*octet), member(*quiesced)));
    Desired {
        groups: [(name("A"), members.collect())].into(),
        ..Desired::default()
    }
}

impl World {
    fn new(policy: Policy, desired: &[Desired]) -> Self {
        let now = Instant::now();
        let balancer = |(seed, desired): (u64, &Desired)| {
            let config = Config::new(name("edge-1"));
            let mut client = Client::new(config, desired.clone(), seed, now);
            client.enable(now);
            Balancer {
                client,
                connection: None,
                events: Vec::new(),
            }
        };
        let balancers = (0..).zip(desired).map(balancer).collect();
        Self {
            gwm: Gwm::new(policy),
            balancers,
            connections: 0,
            now,
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
        if let Some((closed, _)) = self.gwm.poll_close() {
            for balancer in &mut self.balancers {
                if balancer
                    .connection
                    .take_if(|(id, _)| *id == closed)
                    .is_some()
                {
                    balancer.client.handle_disconnected(LinkDown::Closed, now);
                }
            }
            return true;
        }
        if self.gwm.poll_timeout().is_some_and(|at| at <= now) {
            self.gwm.handle_timeout(now);
            return true;
        }
        while self.gwm.poll_ready().is_some() {}
        self.balancers
            .iter_mut()
            .any(|balancer| balancer.step(&mut self.gwm, &mut self.connections, now))
    }

    fn run(&mut self, span: Duration) {
        let end = self.now + span;
        self.settle();
        loop {
            let clients = self
                .balancers
                .iter()
                .filter_map(|one| one.client.poll_timeout());
            let next = clients.chain(self.gwm.poll_timeout()).min();
            let Some(at) = next.filter(|at| *at <= end) else {
                break;
            };
            self.now = at.max(self.now);
            self.settle();
        }
        self.now = end;
    }

    /// The network fails, seen by both sides.
    fn cut(&mut self) {
        let balancer = &mut self.balancers[0];
        if let Some((id, _)) = balancer.connection.take() {
            balancer
                .client
                .handle_disconnected(LinkDown::Failed("timed out".into()), self.now);
            self.gwm.handle_disconnect(id, self.now);
        }
    }

    fn weights(&self) -> &GroupWeights {
        let events = self.balancers[0].events.iter().rev();
        let mut weights = events.filter_map(|event| match event {
            Event::Weights { weights, .. } => Some(weights),
            _ => None,
        });
        weights.next().expect("weights were told")
    }

    /// Codes other than success that the first balancer has got.
    fn refusals(&self) -> Vec<(Type, Code)> {
        let codes = self.balancers[0].client.snapshot().counters.codes;
        let codes = codes
            .iter()
            .flat_map(|(kind, codes)| codes.keys().map(|code| (*kind, *code)));
        codes.filter(|(_, code)| *code != Code::SUCCESS).collect()
    }
}

impl Balancer {
    fn step(&mut self, gwm: &mut Gwm, connections: &mut u64, now: Instant) -> bool {
        self.events
            .extend(std::iter::from_fn(|| self.client.poll_event()));
        match (self.client.link(), &mut self.connection) {
            (Link::Wanted, None) => {
                *connections += 1;
                let id = ConnectionId(*connections);
                let peer = (IpAddr::V4(Ipv4Addr::LOCALHOST), 40_000).into();
                gwm.handle_connect(id, peer, now);
                self.connection = Some((id, Deframer::new(1 << 20)));
                self.client.handle_connected(now);
                true
            }
            (Link::Closed, Some((id, _))) => {
                gwm.handle_disconnect(*id, now);
                self.connection = None;
                true
            }
            (_, Some((id, deframer))) => {
                if let Some(message) = gwm.poll_transmit(*id, now) {
                    self.client.handle_bytes(&encode(&message).unwrap(), now);
                    return true;
                }
                if let Some(bytes) = self.client.poll_transmit() {
                    deframer.push(&bytes);
                    let frame = deframer.next().unwrap().expect("one whole message");
                    gwm.handle_message(*id, decode(&frame).unwrap().message, now);
                    return true;
                }
                self.is_due(now)
            }
            _ => self.is_due(now),
        }
    }

    fn is_due(&mut self, now: Instant) -> bool {
        let due = self.client.poll_timeout().is_some_and(|at| at <= now);
        if due {
            self.client.handle_timeout(now);
        }
        due
    }
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn weights_reach_the_balancer_and_changed_ones_at_once() {
    let mut world = World::new(
        policy(&[(1, 40), (2, 20)]),
        &[desired(&[(1, false), (2, false)])],
    );
    world.run(seconds(1));
    assert_eq!(world.balancers[0].client.snapshot().state, State::Active);
    assert_eq!(world.weights().members[&key(1)].weight, 40);
    assert!(!world.weights().converging);
    world.gwm.set_policy(policy(&[(1, 1), (2, 20)]), world.now);
    world.settle();
    assert_eq!(world.weights().members[&key(1)].weight, 1);
    assert_eq!(world.refusals(), []);
}

#[test]
fn members_that_no_rule_matches_converge_for_two_intervals() {
    let mut world = World::new(policy(&[(1, 40)]), &[desired(&[(1, false), (2, false)])]);
    world.run(seconds(19));
    assert!(world.weights().converging);
    world.run(seconds(2));
    assert!(!world.weights().converging);
    assert!(!world.weights().members[&key(2)].confident);
}

#[test]
fn within_the_grace_time_nothing_is_registered_twice_and_after_it_everything_is() {
    let mut world = World::new(policy(&[(1, 40)]), &[desired(&[(1, false)])]);
    world.run(seconds(60));
    world.cut();
    world.run(seconds(60));
    let registrations = |world: &World| {
        world.balancers[0].client.snapshot().counters.sent[&Type::REGISTRATION_REQUEST]
    };
    assert_eq!(registrations(&world), 1);
    assert_eq!(world.refusals(), []);
    world.cut();
    world.gwm = Gwm::new(policy(&[(1, 50)]));
    world.run(seconds(60));
    assert_eq!(registrations(&world), 2);
    assert_eq!(world.weights().members[&key(1)].weight, 50);
}

#[test]
fn a_quiesced_member_weighs_nothing_until_it_is_resumed() {
    let mut world = World::new(
        policy(&[(1, 40), (2, 20)]),
        &[desired(&[(1, false), (2, true)])],
    );
    world.run(seconds(2));
    let member = |world: &World, octet| world.weights().members[&key(octet)];
    assert!(member(&world, 2).quiesce);
    assert_eq!(member(&world, 2).weight, 0);
    world.balancers[0]
        .client
        .set_desired(desired(&[(1, false), (2, false)]), world.now);
    world.run(seconds(11));
    assert!(!member(&world, 2).quiesce);
    assert_eq!(member(&world, 2).weight, 20);
    assert_eq!(world.refusals(), []);
}

#[test]
fn a_farewell_leaves_nothing_for_the_next_balancer() {
    let mut world = World::new(policy(&[(1, 40)]), &[desired(&[(1, false)])]);
    world.run(seconds(5));
    world.balancers[0].client.deregister_all(world.now);
    world.settle();
    assert_eq!(
        world.balancers[0].events.last(),
        Some(&Event::DeregisteredAll(Ok(())))
    );
    let mut next = World::new(Policy::default(), &[desired(&[(1, false)])]);
    std::mem::swap(&mut next.gwm, &mut world.gwm);
    next.connections = 100;
    next.run(seconds(5));
    assert_eq!(next.refusals(), []);
}

#[test]
fn two_balancers_of_one_name_notice_each_other() {
    let mine = desired(&[(1, false)]);
    let mut world = World::new(policy(&[(1, 40)]), &[mine.clone(), mine]);
    world.run(seconds(3600));
    let told = |balancer: &Balancer| balancer.events.contains(&Event::DuplicateUid);
    assert!(world.balancers.iter().all(told));
    let attempts = world.balancers[0].client.snapshot().counters.connects;
    assert!(attempts < 40, "{attempts} connections in an hour");
}
