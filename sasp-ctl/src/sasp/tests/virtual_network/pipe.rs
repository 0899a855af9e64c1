//! One direction of a TCP connection: bytes come in order, late, and cut or joined anywhere; or they vanish.

use std::{collections::VecDeque, time::Instant};

use super::random::Random;

/// So many bytes may be under way; a writer waits while its reader is slower. Less than a large reply, so that a slow
/// reader holds up its GWM in mid-message.
const WINDOW: usize = 2_000;

/// What reaches the other end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Piece {
    Bytes(Vec<u8>),
    /// The writer has closed.
    End,
    /// The network says that the connection is no more.
    Broken,
}

#[derive(Debug, Default)]
pub(super) struct Pipe {
    flying: VecDeque<(Instant, Piece)>,
    /// Written and not yet taken out.
    held: usize,
    /// Nothing that is written arrives any more, and nobody says so.
    pub(super) is_hole: bool,
}

impl Pipe {
    pub(super) fn has_room(&self) -> bool {
        self.held < WINDOW
    }

    /// Writes as much as there is room for, and removes it from `bytes`.
    pub(super) fn write(&mut self, bytes: &mut Vec<u8>, now: Instant, random: &mut Random) {
        while !bytes.is_empty() && self.has_room() {
            let most = bytes.len().min(WINDOW - self.held) as u64;
            // Often whole, sometimes a few bytes.
            let size = if random.below(2) == 0 {
                most
            } else {
                1 + random.below(most)
            };
            let piece: Vec<u8> = bytes.drain(..size as usize).collect();
            self.held += piece.len();
            self.send(Piece::Bytes(piece), now, random);
        }
    }

    pub(super) fn send(&mut self, piece: Piece, now: Instant, random: &mut Random) {
        if self.is_hole {
            return;
        }
        let arrival = now + random.millis(1, 80);
        let last = self.flying.back().map_or(arrival, |(at, _)| *at);
        self.flying.push_back((arrival.max(last), piece));
    }

    /// What has arrived, joined with what has arrived behind it.
    pub(super) fn take(&mut self, now: Instant) -> Option<Piece> {
        let (_, piece) = self.flying.pop_front_if(|(at, _)| *at <= now)?;
        let Piece::Bytes(mut bytes) = piece else {
            return Some(piece);
        };
        while let Some((_, Piece::Bytes(more))) = self
            .flying
            .pop_front_if(|(at, piece)| *at <= now && matches!(piece, Piece::Bytes(_)))
        {
            bytes.extend(more);
        }
        self.held -= bytes.len();
        Some(Piece::Bytes(bytes))
    }

    /// When something arrives that has not yet.
    pub(super) fn next_arrival(&self, now: Instant) -> Option<Instant> {
        let arrivals = self.flying.iter().map(|(at, _)| *at);
        arrivals.filter(|at| *at > now).min()
    }
}

/// A connection; each end is taken off when its owner has closed it or knows that it is no more.
#[derive(Debug, Default)]
pub(super) struct Cable {
    pub(super) to_gwm: Pipe,
    pub(super) to_peer: Pipe,
}

impl Cable {
    /// Nothing passes any more, and nobody is told.
    pub(super) fn tear(&mut self) {
        for pipe in [&mut self.to_gwm, &mut self.to_peer] {
            pipe.is_hole = true;
            pipe.flying.clear();
        }
    }
}
