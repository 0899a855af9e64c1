//! A peer that sends bytes of its own making, e.g. a member's messages, and counts the replies.

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
    gwm::ConnectionId,
    msg::{Body, Message},
};

#[derive(Debug)]
pub(super) struct Peer {
    pub(super) id: ConnectionId,
    outbox: Vec<u8>,
    deframer: Deframer,
    /// Ids of requests without a reply yet.
    awaited: VecDeque<u32>,
    is_gone: bool,
}

impl Peer {
    /// Sends requests without waiting for replies, and goes after the last reply.
    pub(super) fn asking(id: ConnectionId, bodies: Vec<Body>) -> Self {
        let mut peer = Self::babbling(id, Vec::new());
        for (message_id, body) in (1..).zip(bodies) {
            let message = Message {
                version: 1,
                id: message_id,
                body,
            };
            peer.outbox
                .extend(encode(&message).expect("test messages are small"));
            peer.awaited.push_back(message_id);
        }
        peer
    }

    /// Sends anything, and waits for the GWM to lose its patience.
    pub(super) fn babbling(id: ConnectionId, bytes: Vec<u8>) -> Self {
        Self {
            id,
            outbox: bytes,
            deframer: Deframer::new(1 << 20),
            awaited: VecDeque::new(),
            is_gone: false,
        }
    }

    pub(super) fn is_gone(&self) -> bool {
        self.is_gone
    }

    pub(super) fn step(
        &mut self,
        cables: &mut BTreeMap<ConnectionId, Cable>,
        now: Instant,
        random: &mut Random,
    ) -> bool {
        let Some(cable) = cables.get_mut(&self.id).filter(|_| !self.is_gone) else {
            return false;
        };
        if !self.outbox.is_empty() && cable.to_gwm.has_room() {
            cable.to_gwm.write(&mut self.outbox, now, random);
            return true;
        }
        match cable.to_peer.take(now) {
            None => return false,
            Some(Piece::End | Piece::Broken) => self.is_gone = true,
            Some(Piece::Bytes(bytes)) => self.read(&bytes),
        }
        if !self.is_gone && self.outbox.is_empty() && self.awaited.is_empty() {
            cable.to_gwm.send(Piece::End, now, random);
            self.is_gone = true;
        }
        true
    }

    fn read(&mut self, bytes: &[u8]) {
        self.deframer.push(bytes);
        while let Some(frame) = self.deframer.next().expect("a GWM frames well") {
            let reply = decode(&frame).expect("a GWM encodes well").message;
            // Of garbage that is a message, nobody knows how many there are.
            if let Some(awaited) = self.awaited.pop_front() {
                assert_eq!(reply.id, awaited, "one reply a request, in order");
            }
        }
    }
}
