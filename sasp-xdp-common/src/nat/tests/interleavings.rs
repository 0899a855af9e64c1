//! All interleavings of the steps in which translations are made and reclaimed, on an abstract map.
//!
//! Every step touches the map once, as every call of the packet path and of the daemon does. Two or three machines run;
//! whoever may step is chosen in every possible way.

use std::collections::{BTreeMap, HashSet};

type FlowId = u8;
type Source = u8;

#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
enum Key {
    Forward(FlowId),
    Back(Source),
    Lock(Source),
}

/// How long an entry has been silent.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
enum Age {
    Live,
    /// Closed, and silent for long enough for those who find nothing else.
    Closed,
    /// Silent for too long.
    Silent,
}

/// The key of the other way, and how long this way has been silent.
type Entry = (u8, Age);
type Map = BTreeMap<Key, Entry>;

#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
enum At {
    /// A packet looks for its translation.
    Look,
    Verify(Source),
    Claim(usize),
    /// Looks at the holder of a source, before and under its lock.
    Holder {
        candidate: usize,
        locked: bool,
    },
    HolderForward {
        candidate: usize,
        locked: bool,
        flow: FlowId,
    },
    Lock(usize),
    RemoveForward(usize, FlowId),
    RemoveBack(usize),
    Unlock {
        candidate: usize,
        free: bool,
    },
    AddForward(Source),
    RemoveOwn(Source),
    Sent(Source),
    Refused,
    Swept,
}

#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
struct Machine {
    /// The daemon's sweep has none.
    flow: Option<FlowId>,
    /// Sources in the order in which they are tried or swept.
    candidates: Vec<Source>,
    /// From this candidate on, sources of closed flows are taken too.
    scarce_from: usize,
    at: At,
}

impl Machine {
    fn packet(flow: FlowId, candidates: &[Source]) -> Self {
        Self {
            flow: Some(flow),
            candidates: candidates.repeat(2),
            scarce_from: candidates.len(),
            at: At::Look,
        }
    }

    fn sweep(sources: &[Source], is_scarce: bool) -> Self {
        let at = At::Holder {
            candidate: 0,
            locked: false,
        };
        Self {
            flow: None,
            candidates: sources.to_vec(),
            scarce_from: if is_scarce { 0 } else { sources.len() },
            at,
        }
    }

    fn ended(&self) -> bool {
        matches!(self.at, At::Sent(_) | At::Refused | At::Swept)
    }

    fn is_over(&self, age: Age, candidate: usize) -> bool {
        age >= if candidate < self.scarce_from {
            Age::Silent
        } else {
            Age::Closed
        }
    }

    fn next(&self, candidate: usize) -> At {
        match (candidate + 1 < self.candidates.len(), self.flow) {
            (true, Some(_)) => At::Claim(candidate + 1),
            (true, None) => At::Holder {
                candidate: candidate + 1,
                locked: false,
            },
            (false, Some(_)) => At::Refused,
            (false, None) => At::Swept,
        }
    }

    /// One access to the map.
    fn step(&mut self, map: &mut Map) {
        let source = |candidate: usize| self.candidates[candidate];
        let flow = self.flow.unwrap_or(0);
        self.at = match self.at.clone() {
            At::Look => match map.get(&Key::Forward(flow)) {
                Some((source, _)) => At::Verify(*source),
                None => At::Claim(0),
            },
            At::Verify(source) => match map.get(&Key::Back(source)) {
                Some((to, _)) if *to == flow => At::Sent(source),
                _ => At::Refused,
            },
            At::Claim(candidate) => {
                if insert(map, Key::Back(source(candidate)), flow) {
                    At::AddForward(source(candidate))
                } else {
                    At::Holder {
                        candidate,
                        locked: false,
                    }
                }
            }
            At::Holder { candidate, locked } => match map.get(&Key::Back(source(candidate))) {
                Some((flow, age)) if self.is_over(*age, candidate) => At::HolderForward {
                    candidate,
                    locked,
                    flow: *flow,
                },
                Some(_) if locked => At::Unlock {
                    candidate,
                    free: false,
                },
                Some(_) => self.next(candidate),
                None if locked => At::Unlock {
                    candidate,
                    free: true,
                },
                None => self.next(candidate),
            },
            At::HolderForward {
                candidate,
                locked,
                flow,
            } => {
                let forward = map.get(&Key::Forward(flow));
                let own = forward.filter(|(back, _)| *back == source(candidate));
                let is_over = own.is_none_or(|(_, age)| self.is_over(*age, candidate));
                match (own, locked) {
                    _ if !is_over && locked => At::Unlock {
                        candidate,
                        free: false,
                    },
                    _ if !is_over => self.next(candidate),
                    (Some(_), true) => At::RemoveForward(candidate, flow),
                    (None, true) => At::RemoveBack(candidate),
                    (_, false) => At::Lock(candidate),
                }
            }
            At::Lock(candidate) => {
                if insert(map, Key::Lock(source(candidate)), 0) {
                    At::Holder {
                        candidate,
                        locked: true,
                    }
                } else {
                    self.next(candidate)
                }
            }
            At::RemoveForward(candidate, flow) => {
                map.remove(&Key::Forward(flow));
                At::RemoveBack(candidate)
            }
            At::RemoveBack(candidate) => {
                map.remove(&Key::Back(source(candidate)));
                At::Unlock {
                    candidate,
                    free: true,
                }
            }
            At::Unlock { candidate, free } => {
                map.remove(&Key::Lock(source(candidate)));
                match (free, self.flow) {
                    (true, Some(_)) => At::Claim(candidate),
                    _ => self.next(candidate),
                }
            }
            At::AddForward(source) => {
                if insert(map, Key::Forward(flow), source) {
                    At::Sent(source)
                } else {
                    At::RemoveOwn(source)
                }
            }
            At::RemoveOwn(source) => {
                map.remove(&Key::Back(source));
                At::Look
            }
            ended => ended,
        };
    }
}

fn insert(map: &mut Map, key: Key, other: u8) -> bool {
    let free = !map.contains_key(&key);
    if free {
        map.insert(key, (other, Age::Live));
    }
    free
}

/// Walks through everything that can happen, each state once.
fn walk(map: Map, machines: Vec<Machine>, check: &impl Fn(&Map, &[Machine])) -> usize {
    let mut seen = HashSet::new();
    let mut open = vec![(map, machines)];
    while let Some((map, machines)) = open.pop() {
        if !seen.insert((map.clone(), machines.clone())) {
            continue;
        }
        check(&map, &machines);
        for index in 0..machines.len() {
            if machines[index].ended() {
                continue;
            }
            let (mut map, mut machines) = (map.clone(), machines.clone());
            machines[index].step(&mut map);
            open.push((map, machines));
        }
    }
    seen.len()
}

/// Who has sent a packet keeps its source, alone, in both entries.
fn nobody_shares(map: &Map, machines: &[Machine]) {
    let mut used = BTreeMap::new();
    for machine in machines {
        let (Some(flow), At::Sent(source)) = (machine.flow, &machine.at) else {
            continue;
        };
        assert_eq!(*used.entry(source).or_insert(flow), flow, "{machines:?}");
        let back = map.get(&Key::Back(*source)).map(|(to, _)| *to);
        let forward = map.get(&Key::Forward(flow)).map(|(to, _)| *to);
        assert_eq!((back, forward), (Some(flow), Some(*source)), "{machines:?}");
    }
}

const SILENT: FlowId = 9;

/// Of flows, and whether the daemon's sweep finds the map nearly full.
const AGES: [(Age, bool); 3] = [
    (Age::Silent, false),
    (Age::Closed, false),
    (Age::Closed, true),
];

/// Flows of an age that have these sources.
fn old(age: Age, sources: &[Source]) -> Map {
    let mut map = Map::new();
    for (index, source) in sources.iter().enumerate() {
        let flow = SILENT + index as u8;
        map.insert(Key::Forward(flow), (*source, age));
        map.insert(Key::Back(*source), (flow, age));
    }
    map
}

#[test]
fn two_flows_that_want_one_source_never_share_it() {
    let machines = vec![
        Machine::packet(1, &[1, 2]),
        Machine::packet(2, &[1, 2]),
        Machine::packet(3, &[2, 1]),
    ];
    assert!(walk(Map::new(), machines, &nobody_shares) > 100);
}

#[test]
fn two_packets_of_a_new_flow_leave_with_one_source() {
    let machines = vec![
        Machine::packet(1, &[1, 2]),
        Machine::packet(1, &[1, 2]),
        Machine::packet(2, &[2, 1]),
    ];
    assert!(walk(Map::new(), machines, &nobody_shares) > 100);
}

#[test]
fn a_silent_translations_source_goes_to_one_flow_whoever_reclaims_it() {
    for (age, is_scarce) in AGES {
        let machines = vec![
            Machine::packet(1, &[1]),
            Machine::packet(2, &[1]),
            Machine::sweep(&[1], is_scarce),
        ];
        assert!(walk(old(age, &[1]), machines, &nobody_shares) > 100);
        let machines = vec![
            Machine::packet(1, &[1, 2]),
            Machine::packet(2, &[2, 1]),
            Machine::sweep(&[1, 2], is_scarce),
        ];
        assert!(walk(old(age, &[1, 2]), machines, &nobody_shares) > 100);
    }
}

#[test]
fn a_closed_flows_source_is_taken_only_if_there_is_no_other() {
    let mut map = old(Age::Closed, &[1]);
    let machines = |candidates: &[Source]| vec![Machine::packet(1, candidates)];
    let ends_at = |source| {
        move |_: &Map, machines: &[Machine]| {
            let at = &machines[0].at;
            assert!(!machines[0].ended() || *at == At::Sent(source), "{at:?}");
        }
    };
    walk(map.clone(), machines(&[1, 2]), &ends_at(2));
    walk(map.clone(), machines(&[1]), &ends_at(1));
    map.append(&mut old(Age::Live, &[2]));
    walk(map, machines(&[2, 1]), &ends_at(1));
}

/// The silent flow's own packet may be the one that comes too late; it is refused, and harms nobody.
#[test]
fn a_flow_that_speaks_while_it_is_reclaimed_takes_nobodys_source() {
    for (age, is_scarce) in AGES {
        let machines = vec![
            Machine::packet(SILENT, &[1]),
            Machine::packet(1, &[1]),
            Machine::sweep(&[1], is_scarce),
        ];
        walk(old(age, &[1]), machines, &|map, machines| {
            // What the silent flow sends before it is reclaimed is of its former life.
            nobody_shares(map, &machines[1..]);
        });
    }
}

/// Without the lock there is a way: this is what it is for.
#[test]
#[should_panic(expected = "assertion")]
fn without_the_lock_a_source_would_be_taken_from_its_new_owner() {
    let unlocked = |mut machine: Machine| {
        machine.candidates = vec![1];
        machine.at = At::RemoveForward(0, SILENT);
        machine
    };
    let machines = vec![
        unlocked(Machine::packet(1, &[1])),
        unlocked(Machine::packet(2, &[1])),
    ];
    walk(old(Age::Silent, &[1]), machines, &nobody_shares);
}
