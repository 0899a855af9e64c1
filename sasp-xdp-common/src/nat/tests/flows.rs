//! Random lives of many `full-nat` flows on a small pool, against what a client and an operator may expect.

use std::collections::HashMap;

use proptest::collection::vec;
use proptest::prelude::*;

use super::wire::*;
use crate::abi::backend::{Backend, MODE_FULL_NAT};
use crate::abi::counters::Reason;
use crate::abi::nat::{REPLY, SAW_FIN, SAW_MORE, SAW_RST, then, timeout_s};
use crate::family::{V4, V6};
use crate::maps::FamilyMaps;
use crate::maps::host::HostMaps;

const CLIENTS: u8 = 12;
const MEMBERS: u8 = 2;
const SECOND_NS: u64 = 1_000_000_000;

#[derive(Clone, Debug)]
enum Event {
    /// A client's packet.
    Speaks(u8, Content),
    /// A member's.
    Answers(u8, Content),
    Passes(u64),
    /// A member is replaced: its record has another generation.
    Dies(u8),
}

fn content() -> impl Strategy<Value = Content> {
    prop_oneof![3 => Just(SYN), 3 => Just(ACK), 1 => Just(FIN), 1 => Just(RST)]
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        8 => (0..CLIENTS, content()).prop_map(|(client, content)| Event::Speaks(client, content)),
        4 => (0..CLIENTS, content()).prop_map(|(client, content)| Event::Answers(client, content)),
        2 => prop_oneof![0..4_u64, 0..15_u64, 50..70_u64, 90..110_u64].prop_map(Event::Passes),
        1 => (0..MEMBERS).prop_map(Event::Dies),
    ];
    vec(event, 1..200)
}

/// What a client knows of its flow.
#[derive(Clone, Copy, Debug)]
struct Life {
    /// The member, in its generation.
    owner: (Wide, u32),
    /// Our end towards the member.
    source: End,
    spoke_ns: u64,
    forward: u32,
    reply: u32,
}

struct Play<F: Stage> {
    maps: HostMaps,
    members: Vec<Backend>,
    lives: HashMap<u8, Life>,
    family: core::marker::PhantomData<F>,
}

/// Every third flow is UDP.
fn is_udp(client: u8) -> bool {
    client.is_multiple_of(3)
}

fn bits(content: Content) -> u32 {
    match content {
        ACK => SAW_MORE,
        FIN => SAW_MORE | SAW_FIN,
        RST => SAW_MORE | SAW_RST,
        _ => 0,
    }
}

impl<F: Stage> Play<F>
where
    HostMaps: FamilyMaps<F>,
{
    fn new(addresses: u32, ports: u16) -> Self {
        let members = (0..MEMBERS).map(|host| backend::<F>(MODE_FULL_NAT, host, 8080));
        Self {
            maps: maps(addresses, ports),
            members: members.collect(),
            lives: HashMap::new(),
            family: core::marker::PhantomData,
        }
    }

    fn wire(client: u8, content: Content) -> Wire {
        let from = (wide::<F>(9, client / 4), 1000 + u16::from(client));
        let content = if is_udp(client) { UDP } else { content };
        Wire::new::<F>(from, (vip::<F>(), 80), content)
    }

    fn is_live(&self, client: u8, life: &Life) -> bool {
        let member = self.member(client);
        if life.owner != (member.address, member.generation) {
            return false;
        }
        let timeout = timeout_s(life.forward, life.reply, !is_udp(client), 100, true);
        self.maps.now_ns - life.spoke_ns <= u64::from(timeout) * SECOND_NS
    }

    fn member(&self, client: u8) -> Backend {
        self.members[usize::from(client % MEMBERS)]
    }

    fn speaks(&mut self, client: u8, content: Content) -> Result<(), TestCaseError> {
        let (wire, member) = (Self::wire(client, content), self.member(client));
        let owner = (member.address, member.generation);
        let before = self.lives.get(&client).copied();
        let mine = before.filter(|life| self.is_live(client, life));
        match forward::<F>(&self.maps, &wire, &member) {
            Ok(bytes) => {
                let (to, source) = translation::<F>(&self.maps, &wire.flow::<F>());
                let sent = Wire {
                    macs: MEMBER_MACS,
                    hops: 63,
                    from: source,
                    to,
                    ..wire
                };
                prop_assert_eq!(bytes, sent.bytes());
                prop_assert_eq!(to, (member.address, 8080));
                if let Some(life) = mine {
                    prop_assert_eq!(source, life.source, "a live flow moved");
                }
                self.lived(client, content, owner, source, before);
                self.nobody_shares(client)
            }
            Err(Reason::NatUnknown) => {
                prop_assert!(mine.is_none(), "a live flow was refused");
                prop_assert!(!is_udp(client) && content != SYN);
                Ok(())
            }
            Err(Reason::NatExhausted) => {
                prop_assert!(mine.is_none(), "a live flow was refused");
                self.all_taken(client)
            }
            Err(reason) => Err(TestCaseError::fail(format!("{reason:?}"))),
        }
    }

    fn lived(
        &mut self,
        client: u8,
        content: Content,
        owner: (Wide, u32),
        source: End,
        before: Option<Life>,
    ) {
        let known = before.filter(|life| (life.owner, life.source) == (owner, source));
        let (mut forward, mut reply) = known.map_or((0, 0), |life| (life.forward, life.reply));
        if content == SYN && (forward | reply) & (SAW_FIN | SAW_RST) != 0 {
            (forward, reply) = (0, 0);
        }
        // It may have been silent and have been made anew: as little as can be.
        if content == SYN && !known.is_some_and(|life| self.is_live(client, &life)) {
            forward = 0;
        }
        let life = Life {
            owner,
            source,
            spoke_ns: self.maps.now_ns,
            forward: then(forward, bits(content)),
            reply,
        };
        self.lives.insert(client, life);
    }

    fn nobody_shares(&self, client: u8) -> Result<(), TestCaseError> {
        let mine = self.lives[&client];
        for (other, life) in &self.lives {
            let theirs = (life.source, life.owner.0, is_udp(*other));
            if *other != client && self.is_live(*other, life) {
                prop_assert_ne!((mine.source, mine.owner.0, is_udp(client)), theirs);
            }
        }
        Ok(())
    }

    /// Every source towards a client's member belongs to a translation that has not been silent for too long.
    fn all_taken(&self, client: u8) -> Result<(), TestCaseError> {
        let (settings, member) = (&self.maps.settings, self.member(client));
        let protocol = Self::wire(client, SYN).place().protocol;
        for address in 0..settings.pool_v4_len {
            for port in 0..settings.pool_ports {
                let vip = F::vip(
                    &F::member(&pool::<F>(address as u8)),
                    (50_000 + port).to_be_bytes(),
                    protocol,
                );
                let key = F::flow(&F::member(&member.address), 8080_u16.to_be_bytes(), &vip);
                let nat = F::own(&self.maps).nat.borrow();
                let back = nat.get(&key).expect("a source was free");
                let forward = nat.get(F::other(back));
                let forward = forward.filter(|forward| *F::other(forward) == key);
                let (seen, state) =
                    forward.map_or((0, 0), |entry| (F::seen_ns(entry), F::state(entry)));
                let timeout = timeout_s(state, F::state(back), !is_udp(client), 100, true);
                let silent = self.maps.now_ns - F::seen_ns(back).max(seen);
                prop_assert!(silent <= u64::from(timeout) * SECOND_NS);
            }
        }
        Ok(())
    }

    /// A member answers what it was sent last; the client gets it if the flow lives.
    fn answers(&mut self, client: u8, content: Content) -> Result<(), TestCaseError> {
        let Some(life) = self.lives.get(&client).copied() else {
            return Ok(());
        };
        let request = Self::wire(client, content);
        let answer = Wire {
            from: (life.owner.0, 8080),
            to: life.source,
            ..request.clone()
        };
        if !self.is_live(client, &life) {
            return Ok(());
        }
        let Some(Ok(bytes)) = reply::<F>(&self.maps, &answer) else {
            return Err(TestCaseError::fail("an answer to a live flow was lost"));
        };
        let got = Wire {
            macs: BACK_MACS,
            hops: 63,
            from: request.to,
            to: request.from,
            ..answer
        };
        prop_assert_eq!(bytes, got.bytes());
        let now_ns = self.maps.now_ns;
        if let Some(life) = self.lives.get_mut(&client) {
            life.spoke_ns = now_ns;
            life.reply = then(life.reply, bits(content));
        }
        Ok(())
    }

    fn every_back_entry_is_marked(&self) -> Result<(), TestCaseError> {
        let nat = F::own(&self.maps).nat.borrow();
        let (back, forward): (Vec<_>, Vec<_>) = nat
            .iter()
            .partition(|(_, entry)| F::state(entry) & REPLY != 0);
        for (key, entry) in &forward {
            let other = nat.get(F::other(entry));
            prop_assert!(other.is_some_and(|other| F::other(other) == *key));
        }
        prop_assert!(back.len() >= forward.len());
        Ok(())
    }

    fn play(mut self, events: &[Event]) -> Result<(), TestCaseError> {
        for event in events {
            match *event {
                Event::Speaks(client, content) => self.speaks(client, content)?,
                Event::Answers(client, content) => self.answers(client, content)?,
                Event::Passes(seconds) => self.maps.now_ns += seconds * SECOND_NS,
                Event::Dies(member) => self.members[usize::from(member)].generation += 2,
            }
            self.every_back_entry_is_marked()?;
        }
        Ok(())
    }
}

proptest! {
    #[test]
    fn no_two_live_flows_share_a_source_and_replies_reach_their_client(
        events in events(),
        addresses in 1..=2_u32,
        ports in 1..=4_u16,
    ) {
        Play::<V4>::new(addresses, ports).play(&events)?;
        Play::<V6>::new(addresses, ports).play(&events)?;
    }
}
