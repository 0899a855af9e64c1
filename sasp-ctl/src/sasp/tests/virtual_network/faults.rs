//! What goes wrong, or is merely changed, while the protocol runs.

use std::time::Duration;

use proptest::{collection::vec, option, prelude::*};

use super::{Balancer, Later, Network, Peer, Socket, pipe::Piece};
use crate::sasp::{
    client::{Desired, DesiredMember, LbState},
    code::{FLAG_LB, Reason},
    gwm::{Assessment, Policy, WeightChange},
    msg::{
        Body, DeregistrationRequest, Group, GroupOf, Member, MemberKey, MemberState, Name,
        RegistrationRequest, SetMemberStateRequest,
    },
};

/// One thing that happens. Numbers choose among what there is.
#[derive(Clone, Debug)]
pub(super) enum Fault {
    Wait(u16),
    Moment(u8),
    /// Both ends are told that the connection is no more.
    Break(usize),
    /// Nobody is; the GWM's kernel finds out after so many seconds, or not before another connection comes.
    Tear(usize, Option<u16>),
    /// All that it knew is gone, and nobody may connect for so many seconds.
    RestartGwm(usize, u16),
    /// No packet passes for so many seconds.
    Partition(usize, u16),
    RestartBalancer(usize, Option<Desired>),
    /// Deregisters everything, and comes back.
    Leave(usize),
    /// Another one with the same UID and config, for so many seconds.
    Twin(usize, u16),
    /// Reads nothing for so many seconds.
    Stall(usize, u16),
    Reweigh(usize, Vec<(u8, u8, Option<Assessment>)>),
    /// Interval and grace time in seconds.
    Policy(usize, u8, u8),
    Want(usize, Desired),
    /// A member of this balancer's groups speaks for itself.
    MemberSpeaks(usize, Vec<Words>),
    Garbage(usize, Vec<u8>),
}

/// What a member says: group, member, and what of it.
pub(super) type Words = (u8, u8, Saying);

#[derive(Clone, Copy, Debug)]
pub(super) enum Saying {
    Register,
    Deregister,
    State(u8, u8),
}

fn name(group: u8) -> Name {
    Name::new(format!("G{group}").as_bytes()).unwrap()
}

fn key(member: u8) -> MemberKey {
    MemberKey {
        protocol: 6,
        port: 80,
        address: [10, 0, 0, member].into(),
    }
}

pub(super) fn desired() -> impl Strategy<Value = Desired> {
    let lb_state = any::<(bool, bool, bool)>().prop_map(|(push, trust, no_change)| LbState {
        health: 0x7f,
        push,
        trust,
        no_change,
    });
    let members = vec((0..6_u8, any::<bool>()), 0..6);
    (lb_state, vec((0..3_u8, members), 0..4)).prop_map(|(lb_state, groups)| {
        let mut desired = Desired {
            lb_state,
            ..Desired::default()
        };
        for (group, members) in groups {
            let wanted = desired.groups.entry(name(group)).or_default();
            wanted.extend(members.into_iter().map(|(member, quiesced)| {
                let label = Name::new(format!("label {member}").as_bytes()).unwrap();
                (key(member), DesiredMember { label, quiesced })
            }));
        }
        desired
    })
}

/// Weights as real GWMs have them: 0 to 64, 0 to 100, 0 to 65,535.
fn assessment() -> impl Strategy<Value = Assessment> {
    let weight = prop_oneof![0..=64_u16, 0..=100_u16, any::<u16>()];
    (any::<(bool, bool)>(), any::<bool>(), weight).prop_map(
        |((contact, confident), quiesce, weight)| Assessment {
            contact,
            confident,
            quiesce,
            weight,
        },
    )
}

pub(super) fn policy() -> impl Strategy<Value = Policy> {
    let rules = vec((0..3_u8, 0..6_u8, assessment()), 0..12);
    rules.prop_map(|rules| {
        let mut policy = Policy::default();
        for (group, member, assessment) in rules {
            policy
                .weights
                .apply(&change((group, member, Some(assessment))));
        }
        policy
    })
}

fn change((group, member, assessment): (u8, u8, Option<Assessment>)) -> WeightChange {
    WeightChange {
        balancer: None,
        group: name(group),
        member: key(member),
        assessment,
    }
}

pub(super) fn fault() -> impl Strategy<Value = Fault> {
    let one = || 0..4_usize;
    let saying = prop_oneof![
        3 => Just(Saying::Register),
        2 => Just(Saying::Deregister),
        2 => any::<(u8, u8)>().prop_map(|(state, flags)| Saying::State(state, flags)),
    ];
    let words = vec((0..4_u8, 0..8_u8, saying), 1..4);
    let changes = vec((0..3_u8, 0..6_u8, option::of(assessment())), 1..5);
    prop_oneof![
        6 => (0..400_u16).prop_map(Fault::Wait),
        6 => any::<u8>().prop_map(Fault::Moment),
        1 => one().prop_map(Fault::Break),
        2 => (one(), option::of(0..300_u16)).prop_map(|(n, after)| Fault::Tear(n, after)),
        1 => (one(), 0..200_u16).prop_map(|(n, time)| Fault::RestartGwm(n, time)),
        1 => (one(), 0..200_u16).prop_map(|(n, time)| Fault::Partition(n, time)),
        1 => (one(), option::of(desired())).prop_map(|(n, want)| Fault::RestartBalancer(n, want)),
        1 => one().prop_map(Fault::Leave),
        1 => (one(), 0..2000_u16).prop_map(|(n, time)| Fault::Twin(n, time)),
        1 => (one(), 0..300_u16).prop_map(|(n, time)| Fault::Stall(n, time)),
        3 => (one(), changes).prop_map(|(n, changes)| Fault::Reweigh(n, changes)),
        1 => (one(), 1..60_u8, any::<u8>()).prop_map(|(n, interval, grace)| Fault::Policy(n, interval, grace)),
        3 => (one(), desired()).prop_map(|(n, desired)| Fault::Want(n, desired)),
        3 => (one(), words).prop_map(|(n, words)| Fault::MemberSpeaks(n, words)),
        1 => (one(), vec(any::<u8>(), 0..40)).prop_map(|(n, bytes)| Fault::Garbage(n, bytes)),
    ]
}

const fn seconds(seconds: u16) -> Duration {
    Duration::from_secs(seconds as u64)
}

impl Network {
    /// Lets one thing happen.
    pub(super) fn suffer(&mut self, fault: Fault) {
        let (balancers, gwms) = (self.balancers.len(), self.managers.len());
        match fault {
            Fault::Wait(time) => self.run(seconds(time)),
            Fault::Moment(millis) => self.run(Duration::from_millis(millis.into())),
            Fault::Break(n) => self.break_cable(n % balancers),
            Fault::Tear(n, after) => self.tear(n % balancers, after),
            Fault::RestartGwm(n, time) => self.restart_gwm(n % gwms, time),
            Fault::Partition(n, time) => self.partition(n % gwms, time),
            Fault::RestartBalancer(n, want) => {
                let n = n % balancers;
                let want = want.unwrap_or_else(|| self.balancers[n].desired.clone());
                self.restart_balancer(n, want);
            }
            Fault::Leave(n) => self.balancers[n % balancers]
                .client
                .deregister_all(self.now),
            Fault::Twin(n, time) => self.let_twin_come(n % balancers, time),
            Fault::Stall(n, time) => {
                let balancer = &mut self.balancers[n % balancers];
                balancer.stalled_until = self.now + seconds(time);
                balancer.is_disturbed = true;
            }
            Fault::Reweigh(n, changes) => {
                let changes: Vec<_> = changes.into_iter().map(change).collect();
                self.managers[n % gwms].gwm.update_weights(&changes);
            }
            Fault::Policy(n, interval, grace) => {
                let gwm = &mut self.managers[n % gwms].gwm;
                let mut policy = gwm.policy().clone();
                policy.interval = Duration::from_secs(interval.into());
                policy.grace = Duration::from_secs(grace.into());
                gwm.set_policy(policy, self.now);
            }
            Fault::Want(n, desired) => self.balancers[n % balancers].want(desired, self.now),
            Fault::MemberSpeaks(n, words) => self.let_member_speak(n % balancers, &words),
            Fault::Garbage(n, bytes) => {
                if let Some(id) = self.plug_in(n % gwms) {
                    self.peers.push(Peer::babbling(id, bytes));
                }
            }
        }
        self.settle();
    }

    fn break_cable(&mut self, balancer: usize) {
        if let Socket::Open(id) = self.balancers[balancer].socket
            && let Some(cable) = self.cables.get_mut(&id)
        {
            for pipe in [&mut cable.to_gwm, &mut cable.to_peer] {
                pipe.send(Piece::Broken, self.now, &mut self.random);
            }
        }
    }

    fn tear(&mut self, balancer: usize, noticed_after: Option<u16>) {
        let Balancer { socket, gwm, .. } = self.balancers[balancer];
        let Socket::Open(id) = socket else {
            return;
        };
        self.balancers[balancer].is_disturbed = true;
        if let Some(cable) = self.cables.get_mut(&id) {
            cable.tear();
        }
        if let Some(after) = noticed_after {
            self.later
                .push((self.now + seconds(after), Later::Notice(gwm, id)));
        }
    }

    fn restart_gwm(&mut self, gwm: usize, downtime: u16) {
        for id in self.managers[gwm].restart() {
            if let Some(cable) = self.cables.get_mut(&id) {
                cable
                    .to_peer
                    .send(Piece::Broken, self.now, &mut self.random);
            }
        }
        self.managers[gwm].is_up = false;
        self.later
            .push((self.now + seconds(downtime), Later::Up(gwm)));
    }

    fn partition(&mut self, gwm: usize, time: u16) {
        self.managers[gwm].silent_until = self.now + seconds(time);
        for balancer in 0..self.balancers.len() {
            if self.balancers[balancer].gwm == gwm {
                self.tear(balancer, Some(300));
            }
        }
    }

    fn let_twin_come(&mut self, of: usize, time: u16) {
        if self.twins.len() > 1 {
            return;
        }
        let Balancer {
            uid, gwm, desired, ..
        } = &self.balancers[of];
        let seed = self.random.next();
        let twin = Balancer::new(uid, *gwm, desired.clone(), seed, self.now);
        self.twins.push((of, twin));
        self.later
            .push((self.now + seconds(time), Later::TwinLeaves));
    }

    fn let_member_speak(&mut self, of: usize, words: &[Words]) {
        let Balancer { uid, gwm, .. } = &self.balancers[of];
        let bodies = words.iter().map(|words| body(uid, *words)).collect();
        if let Some(id) = self.plug_in(*gwm) {
            self.peers.push(Peer::asking(id, bodies));
        }
    }
}

fn body(lb_uid: &Name, (group, member, saying): Words) -> Body {
    let flags = !FLAG_LB;
    let member = Member {
        key: key(member),
        label: Name::default(),
    };
    let group = Group {
        lb_uid: lb_uid.clone(),
        name: name(group),
    };
    match saying {
        Saying::Register => Body::RegistrationRequest(RegistrationRequest {
            flags,
            groups: vec![GroupOf {
                group,
                items: vec![member],
            }],
        }),
        Saying::Deregister => Body::DeregistrationRequest(DeregistrationRequest {
            flags,
            reason: Reason(0x80),
            groups: vec![GroupOf {
                group,
                items: vec![member],
            }],
        }),
        Saying::State(state, member_flags) => Body::SetMemberStateRequest(SetMemberStateRequest {
            flags,
            groups: vec![GroupOf {
                group,
                items: vec![MemberState {
                    member,
                    state,
                    flags: member_flags,
                }],
            }],
        }),
    }
}
