//! The promise of the data plane (design: no per-flow state unless a slot has changed owner): no live flow that has
//! spoken within the idle timeout ever changes backend unless its backend died. Whatever makes weights move slowly, and
//! members that come and go on their own, must not break it.

use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use sasp_xdp_common::abi::backend::Index;
use sasp_xdp_common::parse::{TCP, UDP};

use super::frames::Says;
use super::world::{World, key, next_hop, service, word};
use crate::balance::change::Change;
use crate::balance::inputs::{Freshness, Word};
use crate::balance::spec::{Affinity, MemberSpec, MoveLimit, OnDown, ServiceSpec, Track};

/// Members that the config may know; the GWM speaks of more.
const MEMBERS: u8 = 4;
/// All members that the GWM may speak of. The last one may not register itself.
const SPOKEN_OF: u8 = 7;
const FLOWS: u8 = 40;
const UDP_IDLE: Duration = Duration::from_secs(60);

/// What happens next. `service` is 0 (TCP, IPv4) or 1 (UDP, IPv6).
#[derive(Clone, Copy, Debug)]
enum Step {
    Packet {
        service: usize,
        flow: u8,
        says: Says,
    },
    Wait(Duration),
    Sweep,
    Word {
        service: usize,
        member: u8,
        word: Option<Word>,
    },
    Session {
        service: usize,
        freshness: Freshness,
        converging: bool,
    },
    Quiesce {
        service: usize,
        member: u8,
        quiesced: bool,
    },
    NextHop {
        member: u8,
        resolved: bool,
    },
    /// Takes a member out of the config, or puts it back.
    Toggle {
        service: usize,
        member: u8,
    },
    Restart,
    /// The daemon is killed after so many writes of what it does next; packets go on.
    Kill {
        writes: usize,
    },
}

/// A flow as its client sees it.
#[derive(Clone, Copy, Debug)]
struct Flow {
    backend: Index,
    generation: u32,
    spoke_ns: u64,
}

/// The world, and what the flows expect of it.
struct Witness {
    world: World,
    flows: HashMap<(usize, u8), Flow>,
    /// There is no daemon.
    killed: bool,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    // Packets in bursts: what happens between them is what matters, and tables are dear.
    let burst = prop::collection::vec(packet(), 40..60);
    let events = prop::collection::vec(event(), 1..3);
    prop::collection::vec((burst, events), 20).prop_map(|rounds| {
        let flatten = |(packets, events): (Vec<Step>, Vec<Step>)| packets.into_iter().chain(events);
        rounds.into_iter().flat_map(flatten).collect()
    })
}

fn packet() -> impl Strategy<Value = Step> {
    let says = prop_oneof![
        3 => Just(Says::Open),
        10 => Just(Says::Data),
        1 => Just(Says::Reset),
    ];
    let packet = (0..2_usize, 0..FLOWS, says);
    let short =
        prop::sample::select(vec![0, 1, 1_000_000, 999_999_999]).prop_map(Duration::from_nanos);
    prop_oneof![
        9 => packet.prop_map(|(service, flow, says)| Step::Packet { service, flow, says }),
        1 => short.prop_map(Step::Wait),
    ]
}

fn event() -> impl Strategy<Value = Step> {
    let any_word = prop_oneof![
        4 => (1u16..=64).prop_map(|weight| Some(word(weight))),
        1 => Just(Some(word(0))),
        4 => (any::<bool>(), any::<bool>(), any::<bool>(), 0u16..3).prop_map(
            |(contact, quiesce, confident, weight)| {
                Some(Word { contact, quiesce, confident, ..word(weight) })
            }
        ),
        1 => Just(None),
    ];
    let any_word =
        (any_word, any::<bool>()).prop_map(|(word, by_lb)| word.map(|word| Word { by_lb, ..word }));
    let session = (
        0..2_usize,
        prop_oneof![
            5 => Just(Freshness::Live),
            1 => Just(Freshness::Held),
            1 => Just(Freshness::Gone),
        ],
        any::<bool>(),
    );
    let who = || (0..2_usize, 1..=MEMBERS);
    prop_oneof![
        8 => (0..2_usize, 1..=SPOKEN_OF, any_word).prop_map(|(service, member, word)| {
            Step::Word { service, member, word }
        }),
        1 => session.prop_map(|(service, freshness, converging)| {
            Step::Session { service, freshness, converging }
        }),
        1 => (0..2_usize, 1..=SPOKEN_OF, any::<bool>()).prop_map(|(service, member, quiesced)| {
            Step::Quiesce { service, member, quiesced }
        }),
        2 => (1..=SPOKEN_OF, prop::bool::weighted(0.7)).prop_map(|(member, resolved)| {
            Step::NextHop { member, resolved }
        }),
        2 => who().prop_map(|(service, member)| Step::Toggle { service, member }),
        1 => Just(Step::Restart),
        2 => (0_usize..6).prop_map(|writes| Step::Kill { writes }),
        5 => Just(Step::Sweep),
        5 => waits().prop_map(Step::Wait),
    ]
}

/// Around everything that has a time limit.
fn waits() -> impl Strategy<Value = Duration> {
    let around = |time: Duration| {
        prop::sample::select(vec![
            time - Duration::from_nanos(1),
            time,
            time + Duration::from_nanos(1),
            time + Duration::from_secs(13),
            time / 2,
            time - Duration::from_secs(1),
        ])
    };
    prop_oneof![
        3 => (1_u64..12).prop_map(Duration::from_secs),
        3 => around(UDP_IDLE),
        2 => around(super::world::TCP_IDLE),
    ]
}

/// What keeps weights from acting at once.
#[derive(Clone, Copy, Debug)]
enum Noise {
    /// Nothing.
    None,
    /// New weights move few slots at a time.
    Limited,
    /// Members start slowly, too.
    Slow,
}

fn noise() -> impl Strategy<Value = Noise> {
    prop::sample::select(vec![Noise::None, Noise::Limited, Noise::Slow])
}

fn specs(track: Track, affinity: Affinity, noise: Noise) -> Vec<ServiceSpec> {
    let with_noise = |spec| {
        let limit = MoveLimit {
            permille: 100,
            interval: Duration::from_secs(10),
        };
        let (slow_start, move_limit) = match noise {
            Noise::None => (None, None),
            Noise::Limited => (None, Some(limit)),
            Noise::Slow => (Some(Duration::from_secs(40)), Some(limit)),
        };
        ServiceSpec {
            track,
            affinity,
            // Not the last one.
            self_registered: vec![
                "10.0.0.0/30".parse().unwrap(),
                "10.0.0.4/31".parse().unwrap(),
                "10.0.0.6/32".parse().unwrap(),
            ],
            slow_start,
            move_limit,
            ..spec
        }
    };
    let udp = ServiceSpec {
        on_down: OnDown::Rehash,
        ..service("udp", "[2001:db8::1]:80", UDP, &[1, 2, 3])
    };
    vec![
        with_noise(service("tcp", "192.0.2.1:80", TCP, &[1, 2, 3])),
        with_noise(udp),
    ]
}

impl Witness {
    fn new(specs: Vec<ServiceSpec>) -> Self {
        let mut world = World::new(specs);
        for number in 1..=SPOKEN_OF {
            let address = key(TCP, number).address;
            let hop = Some(next_hop(address));
            world.inputs.next_hops.insert(address, hop);
        }
        for name in ["tcp", "udp"] {
            world.say(name, &[]);
        }
        Self {
            world,
            flows: HashMap::new(),
            killed: false,
        }
    }

    fn take(&mut self, step: Step) -> TestCaseResult {
        let asks_the_daemon = !matches!(
            step,
            Step::Packet { .. } | Step::Wait(_) | Step::Kill { .. }
        );
        if !asks_the_daemon {
            return self.happen(step);
        }
        let before = self.members();
        if self.killed {
            self.rise();
        }
        self.happen(step)?;
        self.killed |= self.world.fuse.is_some();
        for (service, member) in before.difference(&self.members()) {
            self.lose(*service, *member);
        }
        Ok(())
    }

    /// Members by service, as the daemon has them.
    fn members(&self) -> BTreeSet<(usize, IpAddr)> {
        let report = self.world.balancer.report();
        let service = |vip: &str| usize::from(vip.starts_with('['));
        let members = report.services.iter().flat_map(|reported| {
            let addresses = reported.members.iter().map(|member| &member.address);
            addresses.map(move |address| {
                let address: SocketAddr = address.parse().unwrap();
                (service(&reported.vip), address.ip())
            })
        });
        members.collect()
    }

    /// The flows of a member that is no longer wanted have nothing to expect, even while its record is still there.
    fn lose(&mut self, service: usize, member: IpAddr) {
        let IpAddr::V4(member) = member else {
            panic!("members have IPv4 addresses");
        };
        let record = |flow: &Flow| self.world.maps.backends[usize::from(flow.backend)];
        self.flows.retain(|(of, _), flow| {
            *of != service || record(flow).address != member.to_ipv6_mapped().octets()
        });
    }

    /// Another daemon goes on where the killed one was.
    fn rise(&mut self) {
        self.killed = false;
        self.world.fuse = None;
        self.world.restart();
        self.world.update();
    }

    fn happen(&mut self, step: Step) -> TestCaseResult {
        match step {
            Step::Packet {
                service,
                flow,
                says,
            } => return self.packet(service, flow, says),
            Step::Wait(time) if self.killed => self.world.wait(time),
            Step::Wait(time) => {
                let ticks = self.world.pass(time);
                self.killed = ticks > 0 && self.world.fuse.is_some();
            }
            Step::Sweep => self.world.sweep(),
            Step::Word {
                service,
                member,
                word,
            } => {
                let spec = &self.world.specs[service];
                let input = self.world.inputs.groups.get_mut(&spec.group).unwrap();
                let key = key(spec.protocol, member);
                match word {
                    Some(word) => input.members.insert(key, word),
                    None => input.members.remove(&key),
                };
                self.world.update();
            }
            Step::Session {
                service,
                freshness,
                converging,
            } => {
                let spec = &self.world.specs[service];
                let input = self.world.inputs.groups.get_mut(&spec.group).unwrap();
                input.freshness = freshness;
                input.converging = converging;
                self.world.update();
            }
            Step::Quiesce {
                service,
                member,
                quiesced,
            } => {
                let spec = &self.world.specs[service];
                let (group, key) = (spec.group.clone(), key(spec.protocol, member));
                let now = self.world.maps.now_ns;
                // It may be out of the config.
                if let Ok(changes) = self.world.balancer.quiesce(&group, &key, quiesced, now) {
                    self.world.apply(changes);
                }
            }
            Step::NextHop { member, resolved } => {
                let address = key(TCP, member).address;
                let hop = resolved.then(|| next_hop(address));
                self.world.inputs.next_hops.insert(address, hop);
                self.world.update();
            }
            Step::Toggle { service, member } => {
                let spec = &mut self.world.specs[service];
                let key = key(spec.protocol, member);
                let before = spec.members.len();
                spec.members.retain(|member| member.key != key);
                if spec.members.len() == before {
                    spec.members.push(MemberSpec {
                        forward: crate::balance::spec::Forward::Dsr,
                        server_id: None,
                        key,
                        weight: member.into(),
                    });
                }
                self.world.configure();
            }
            Step::Kill { writes } => self.world.fuse = Some(writes),
            Step::Restart => {
                let changes = self.world.restart();
                prop_assert!(changes.is_empty(), "a restart changed {}", changes.len());
                let changes = self.world.update();
                let tables = changes
                    .iter()
                    .filter(|change| matches!(change, Change::SetTable { .. }));
                prop_assert_eq!(tables.count(), 0, "a restart moved slots");
            }
        }
        Ok(())
    }

    fn packet(&mut self, service: usize, flow: u8, says: Says) -> TestCaseResult {
        let spec = &self.world.specs[service];
        let (tcp, idle) = (spec.protocol == TCP, spec.idle.as_nanos() as u64);
        let opens = tcp && says == Says::Open;
        let transient = tcp && says == Says::Reset;
        let sent = self.world.send(client(service, flow), spec, says);
        let now = self.world.maps.now_ns;
        let lives = self.flows.get(&(service, flow)).copied().filter(|flow| {
            let record = self.world.record(flow.backend);
            let there = record.usable() && record.generation == flow.generation;
            there && now - flow.spoke_ns <= idle
        });
        match lives {
            Some(flow) if !opens => {
                prop_assert_eq!(sent, Ok(flow.backend), "a live flow moved: {:?}", flow);
            }
            _ => {}
        }
        // Records are written before the table that goes with them.
        if opens
            && !self.killed
            && let Ok(index) = sent
        {
            prop_assert!(
                self.world.record(index).weight > 0,
                "{} opened flows get none",
                index
            );
        }
        if transient {
            return Ok(());
        }
        match sent {
            Ok(backend) => {
                let generation = self.world.record(backend).generation;
                let spoke = Flow {
                    backend,
                    generation,
                    spoke_ns: now,
                };
                self.flows.insert((service, flow), spoke);
            }
            Err(_) => {
                self.flows.remove(&(service, flow));
            }
        }
        Ok(())
    }

    /// Nobody speaks any more.
    fn rest(&mut self) -> TestCaseResult {
        self.rise();
        self.world.calm_down();
        prop_assert_eq!(self.world.tracked(), 0, "slots stay tracked");
        prop_assert_eq!(self.world.flows(), 0, "flows stay remembered");
        Ok(())
    }
}

/// Clients share addresses, so that affinity to a client has something to hold together.
fn client(service: usize, flow: u8) -> SocketAddr {
    let port = 40_000 + u16::from(flow);
    let host = flow / 4 + 1;
    match service {
        0 => (Ipv4Addr::new(198, 51, 100, host), port).into(),
        _ => (
            Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, host.into()),
            port,
        )
            .into(),
    }
}

fn history(track: Track, affinity: Affinity, noise: Noise, steps: Vec<Step>) -> TestCaseResult {
    let mut witness = Witness::new(specs(track, affinity, noise));
    for step in steps {
        witness.take(step)?;
    }
    witness.rest()
}

proptest! {
    // What falsifies a promise is long: it is fixed and told as a test of its own, not kept as a seed.
    #![proptest_config(ProptestConfig {
        cases: 100,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn no_live_flow_changes_backend_unless_its_backend_died(steps in steps(), noise in noise()) {
        history(Track::Exceptions, Affinity::Flow, noise, steps)?;
    }

    #[test]
    fn nor_where_a_client_sticks_to_a_backend(steps in steps(), noise in noise()) {
        history(Track::Exceptions, Affinity::Client, noise, steps)?;
    }

    #[test]
    fn nor_where_every_flow_is_remembered(steps in steps(), noise in noise()) {
        history(Track::Always, Affinity::Flow, noise, steps)?;
    }
}
