//! Balancers, GWMs and members joined by a network that delays, cuts, loses and breaks, under a virtual clock that
//! jumps to whatever happens next: hours run in milliseconds. Everything follows from a seed and a list of faults.
//!
//! # Layout
//! * `pipe`: connections. `balancer`, `manager`, `member`: who stands at their ends, with what must always hold there.
//! * `faults`: what goes wrong. `peace`: what must hold when nothing goes wrong any more.

mod balancer;
mod faults;
mod manager;
mod member;
mod peace;
mod pipe;
mod random;

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use balancer::{Balancer, Socket};
use manager::Manager;
use member::Peer;
use pipe::Cable;
use random::Random;

use super::super::{
    client::{Desired, Link, LinkDown},
    gwm::{ConnectionId, Policy},
    msg::Name,
};

/// No world needs so many steps at one instant: it would be a tight loop.
const STEPS_AT_ONE_INSTANT: usize = 3_000;

/// What happens by itself at some time.
#[derive(Clone, Copy, Debug)]
enum Later {
    /// The GWM's kernel finds out that a connection is no more.
    Notice(usize, ConnectionId),
    /// A GWM accepts connections again.
    Up(usize),
    /// The oldest twin is switched off, and the balancer whose UID it used is restarted.
    TwinLeaves,
}

#[derive(Debug)]
struct Network {
    now: Instant,
    random: Random,
    managers: Vec<Manager>,
    balancers: Vec<Balancer>,
    /// Others with the UID of a balancer, which its index names.
    twins: Vec<(usize, Balancer)>,
    peers: Vec<Peer>,
    cables: BTreeMap<ConnectionId, Cable>,
    connections: u64,
    later: Vec<(Instant, Later)>,
    steps: u64,
}

impl Network {
    /// Balancer `edge-N` for each of `desired`; they share the GWMs evenly.
    fn new(policies: Vec<Policy>, desired: Vec<Desired>, seed: u64) -> Self {
        let now = Instant::now();
        let mut random = Random(seed);
        let gwms = policies.len();
        let managers = policies.into_iter().map(|p| Manager::new(p, now)).collect();
        let balancer = |(number, desired)| {
            let uid = Name::new(format!("edge-{number}").as_bytes()).unwrap();
            Balancer::new(&uid, number % gwms, desired, random.next(), now)
        };
        let balancers = (0_usize..).zip(desired).map(balancer).collect();
        Self {
            now,
            random,
            managers,
            balancers,
            twins: Vec::new(),
            peers: Vec::new(),
            cables: BTreeMap::new(),
            connections: 0,
            later: Vec::new(),
            steps: 0,
        }
    }

    fn run(&mut self, span: Duration) {
        let end = self.now + span;
        self.settle();
        while let Some(at) = self.next_time().filter(|at| *at <= end) {
            self.now = at;
            self.settle();
        }
        self.now = end;
        self.settle();
    }

    fn settle(&mut self) {
        let before = self.steps;
        while self.step() {
            self.steps += 1;
            let steps = self.steps - before;
            assert!(steps < STEPS_AT_ONE_INSTANT as u64, "a tight loop");
        }
        self.managers.iter().for_each(|m| m.gwm.assert_sound());
        self.peers.retain(|peer| !peer.is_gone());
    }

    fn next_time(&self) -> Option<Instant> {
        let Self { now, .. } = *self;
        let timers = self.managers.iter().filter_map(|m| m.gwm.poll_timeout());
        let clients = self.everybody().filter_map(|b| b.client.poll_timeout());
        let stalls = self.everybody().map(|balancer| balancer.stalled_until);
        let attempts = self
            .everybody()
            .filter_map(|balancer| match balancer.socket {
                Socket::Attempt(at, _) => Some(at),
                _ => None,
            });
        let pipes = self.cables.values().flat_map(|c| [&c.to_gwm, &c.to_peer]);
        let due: Vec<_> = timers.chain(clients).collect();
        assert!(due.iter().all(|at| *at > now), "a timer that is not served");
        let arrivals = pipes.filter_map(|pipe| pipe.next_arrival(now));
        let later = self.later.iter().map(|(at, _)| *at);
        let all = due.into_iter().chain(stalls).chain(attempts);
        all.chain(arrivals)
            .chain(later)
            .filter(|at| *at > now)
            .min()
    }

    fn everybody(&self) -> impl Iterator<Item = &Balancer> {
        self.balancers
            .iter()
            .chain(self.twins.iter().map(|(_, twin)| twin))
    }

    /// One thing that is due; false if nothing is.
    fn step(&mut self) -> bool {
        let now = self.now;
        if let Some(at) = self.later.iter().position(|(at, _)| *at <= now) {
            let (_, what) = self.later.remove(at);
            self.happen(what);
            return true;
        }
        let Self {
            managers,
            balancers,
            twins,
            peers,
            cables,
            connections,
            random,
            ..
        } = self;
        let everybody = balancers
            .iter_mut()
            .chain(twins.iter_mut().map(|(_, twin)| twin));
        for balancer in everybody {
            let manager = &mut managers[balancer.gwm];
            if dial(balancer, manager, cables, connections, now, random)
                || balancer.step(cables, now, random)
            {
                return true;
            }
        }
        managers.iter_mut().any(|m| m.step(cables, now, random))
            || peers.iter_mut().any(|peer| peer.step(cables, now, random))
    }

    fn happen(&mut self, what: Later) {
        match what {
            Later::Notice(gwm, id) => self.managers[gwm].notice_loss(id, self.now),
            Later::Up(gwm) => self.managers[gwm].is_up = true,
            Later::TwinLeaves => {
                if self.twins.is_empty() {
                    return;
                }
                let (of, twin) = self.twins.remove(0);
                self.hang_up(twin.socket);
                let desired = self.balancers[of].desired.clone();
                self.restart_balancer(of, desired);
            }
        }
    }

    /// A process ends, and its kernel tells the other end.
    fn hang_up(&mut self, socket: Socket) {
        if let Socket::Open(id) = socket
            && let Some(cable) = self.cables.get_mut(&id)
        {
            cable
                .to_gwm
                .send(pipe::Piece::End, self.now, &mut self.random);
        }
    }

    fn restart_balancer(&mut self, index: usize, desired: Desired) {
        self.hang_up(self.balancers[index].socket);
        let Balancer { uid, gwm, .. } = &self.balancers[index];
        let seed = self.random.next();
        self.balancers[index] = Balancer::new(uid, *gwm, desired, seed, self.now);
    }

    /// A connection that somebody else makes to a GWM, if it accepts any.
    fn plug_in(&mut self, gwm: usize) -> Option<ConnectionId> {
        let manager = &mut self.managers[gwm];
        if !manager.is_up || manager.silent_until > self.now {
            return None;
        }
        Some(connect(
            manager,
            &mut self.cables,
            &mut self.connections,
            self.now,
        ))
    }
}

fn connect(
    manager: &mut Manager,
    cables: &mut BTreeMap<ConnectionId, Cable>,
    connections: &mut u64,
    now: Instant,
) -> ConnectionId {
    *connections += 1;
    let id = ConnectionId(*connections);
    cables.insert(id, Cable::default());
    manager.accept(id, now);
    id
}

/// What a driver does about [`Link::Wanted`]; true if that was something.
fn dial(
    balancer: &mut Balancer,
    manager: &mut Manager,
    cables: &mut BTreeMap<ConnectionId, Cable>,
    connections: &mut u64,
    now: Instant,
    random: &mut Random,
) -> bool {
    let gave_up = balancer.client.link() != Link::Wanted;
    match balancer.socket {
        Socket::None if balancer.wants_to_connect(now) => {
            balancer.socket = if manager.silent_until > now {
                Socket::Lost
            } else {
                Socket::Attempt(now + random.millis(1, 100), manager.is_up)
            };
        }
        Socket::Attempt(..) | Socket::Lost if gave_up => balancer.socket = Socket::None,
        Socket::Attempt(at, true) if at <= now && manager.is_up => {
            let id = connect(manager, cables, connections, now);
            balancer.connected(id, now);
        }
        Socket::Attempt(at, _) if at <= now => {
            balancer.disconnected(LinkDown::Unreachable("refused".into()), now);
        }
        _ => return false,
    }
    true
}
