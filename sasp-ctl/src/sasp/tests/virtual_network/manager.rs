//! A GWM with as much of a driver as it asks for: replies are sent before the next request is handed in, pushes are
//! made when there is room.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Instant,
};

use super::{
    pipe::{Cable, Piece},
    random::Random,
};
use crate::sasp::{
    codec::{decode, encode},
    frame::Deframer,
    gwm::{CloseReason, ConnectionId, Gwm, Policy},
    msg::Body,
};

/// The GWM's end of a connection.
#[derive(Debug)]
struct End {
    deframer: Deframer,
    outbox: Vec<u8>,
    /// Ids of requests without a reply yet.
    owed: VecDeque<u32>,
}

#[derive(Debug)]
pub(super) struct Manager {
    pub(super) gwm: Gwm,
    /// False: connections are refused.
    pub(super) is_up: bool,
    /// Until then, packets to it get lost.
    pub(super) silent_until: Instant,
    ends: BTreeMap<ConnectionId, End>,
}

impl Manager {
    pub(super) fn new(policy: Policy, now: Instant) -> Self {
        Self {
            gwm: Gwm::new(policy),
            is_up: true,
            silent_until: now,
            ends: BTreeMap::new(),
        }
    }

    pub(super) fn accept(&mut self, id: ConnectionId, now: Instant) {
        let peer = ([192, 0, 2, 1], 40_000).into();
        self.gwm.handle_connect(id, peer, now);
        self.ends.insert(
            id,
            End {
                deframer: Deframer::new(1 << 20),
                outbox: Vec::new(),
                owed: VecDeque::new(),
            },
        );
    }

    /// It starts anew and remembers nothing but its config. Which connections ended with it.
    pub(super) fn restart(&mut self) -> Vec<ConnectionId> {
        self.gwm = Gwm::new(self.gwm.policy().clone());
        std::mem::take(&mut self.ends).into_keys().collect()
    }

    /// Its kernel has found out that a connection is no more.
    pub(super) fn notice_loss(&mut self, id: ConnectionId, now: Instant) {
        if self.ends.remove(&id).is_some() {
            self.gwm.handle_disconnect(id, now);
        }
    }

    /// Something that can be done now; false if there is nothing.
    pub(super) fn step(
        &mut self,
        cables: &mut BTreeMap<ConnectionId, Cable>,
        now: Instant,
        random: &mut Random,
    ) -> bool {
        while self.gwm.poll_event().is_some() {}
        while self.gwm.poll_ready().is_some() {}
        if let Some((id, reason)) = self.gwm.poll_close() {
            assert_ne!(
                reason,
                CloseReason::RepliesNotTaken,
                "the driver keeps the rule"
            );
            if self.ends.remove(&id).is_some()
                && let Some(cable) = cables.get_mut(&id)
            {
                cable.to_peer.send(Piece::End, now, random);
            }
            return true;
        }
        if self.gwm.poll_timeout().is_some_and(|at| at <= now) {
            self.gwm.handle_timeout(now);
            return true;
        }
        let Self { gwm, ends, .. } = self;
        let busy = ends.iter_mut().find_map(|(id, end)| {
            let cable = cables.get_mut(id)?;
            end.step(*id, gwm, cable, now, random)
        });
        match busy {
            Some(Outcome::Gone(id)) => {
                self.ends.remove(&id);
                true
            }
            Some(Outcome::Busy) => true,
            None => false,
        }
    }
}

enum Outcome {
    Busy,
    Gone(ConnectionId),
}

impl End {
    fn step(
        &mut self,
        id: ConnectionId,
        gwm: &mut Gwm,
        cable: &mut Cable,
        now: Instant,
        random: &mut Random,
    ) -> Option<Outcome> {
        if !self.outbox.is_empty() {
            if !cable.to_peer.has_room() {
                return None;
            }
            cable.to_peer.write(&mut self.outbox, now, random);
            return Some(Outcome::Busy);
        }
        if let Some(message) = gwm.poll_transmit(id, now) {
            if !matches!(message.body, Body::SendWeights(_)) {
                let answered = self.owed.pop_front();
                assert_eq!(answered, Some(message.id), "one reply a request, in order");
            }
            self.outbox = encode(&message).expect("a GWM writes what fits a message");
            return Some(Outcome::Busy);
        }
        assert!(self.owed.is_empty(), "a request got no reply");
        match self.deframer.next() {
            Ok(Some(frame)) => {
                if let Ok(decoded) = decode(&frame) {
                    self.owed.push_back(decoded.message.id);
                }
                gwm.handle_frame(id, &frame, now);
                return Some(Outcome::Busy);
            }
            Err(error) => {
                gwm.handle_framing_lost(id, error, now);
                return None;
            }
            Ok(None) => {}
        }
        match cable.to_gwm.take(now)? {
            Piece::Bytes(bytes) => self.deframer.push(&bytes),
            Piece::End | Piece::Broken => {
                gwm.handle_disconnect(id, now);
                return Some(Outcome::Gone(id));
            }
        }
        Some(Outcome::Busy)
    }
}
