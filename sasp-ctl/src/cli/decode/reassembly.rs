//! One direction of a TCP connection: segments into the byte stream, by sequence number.
//!
//! What comes twice is taken once, what comes early waits, and what never comes is a gap behind which it goes on.
//! Checksums are not looked at: with offloading, captures of one's own packets have none.

use std::collections::BTreeMap;

use crate::inspect::frames::{Frames, Piece};

/// So many bytes or segments wait for a missing one; then it was not captured.
const WAITING_BYTES_MAX: usize = 1 << 20;
const WAITING_SEGMENTS_MAX: usize = 64;
/// A jump further than any window is another connection on the same ports.
const JUMP_MAX: u32 = 1 << 26;
/// Positions start here, so that a segment before the first one has a position, too.
const ORIGIN: u64 = 1 << 32;

/// What comes out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Event {
    Piece(Piece),
    /// So many bytes of the stream were not captured.
    Gap(u64),
}

/// What waits behind a gap.
#[derive(Debug)]
struct Waiting {
    payload: Vec<u8>,
    missing: usize,
}

#[derive(Debug, Default)]
pub(super) struct Direction {
    /// Sequence number of the next byte, once the first segment has come.
    next: Option<u32>,
    /// Bytes behind [`ORIGIN`] up to that byte.
    position: u64,
    waiting: BTreeMap<u64, Waiting>,
    waiting_bytes: usize,
    frames: Frames,
}

impl Direction {
    /// Bytes that are kept.
    pub(super) fn kept(&self) -> usize {
        self.frames.len() + self.waiting_bytes
    }

    /// Whether no byte has come yet.
    pub(super) fn is_new(&self) -> bool {
        self.position == 0 && self.waiting.is_empty()
    }

    /// Whether a SYN with this number starts another connection than the one that is known.
    pub(super) fn is_restarted_by(&self, syn: u32) -> bool {
        self.next
            .is_some_and(|next| !(self.is_new() && next == syn.wrapping_add(1)))
    }

    /// A SYN has come.
    pub(super) fn start(&mut self, sequence: u32) {
        self.next = Some(sequence.wrapping_add(1));
    }

    /// Payload has come, of which `missing` more bytes were not captured.
    pub(super) fn segment(&mut self, sequence: u32, payload: &[u8], missing: usize) -> Vec<Event> {
        let mut events = Vec::new();
        let mut next = *self.next.get_or_insert(sequence);
        if sequence.wrapping_sub(next).wrapping_add(JUMP_MAX) > 2 * JUMP_MAX {
            self.finish_into(&mut events);
            self.next = Some(sequence);
            next = sequence;
        }
        let ahead = i64::from(sequence.wrapping_sub(next).cast_signed());
        let Some(at) = (ORIGIN + self.position).checked_add_signed(ahead) else {
            return events;
        };
        self.take(at, payload, missing, &mut events);
        while self.waiting.len() > WAITING_SEGMENTS_MAX || self.waiting_bytes > WAITING_BYTES_MAX {
            self.jump(&mut events);
        }
        events
    }

    /// The connection or the capture ends.
    pub(super) fn finish(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        self.finish_into(&mut events);
        events
    }

    fn finish_into(&mut self, events: &mut Vec<Event>) {
        while !self.waiting.is_empty() {
            self.jump(events);
        }
        self.flush(events);
    }

    fn here(&self) -> u64 {
        ORIGIN + self.position
    }

    /// Takes a segment at a position, and those that waited for it.
    fn take(&mut self, at: u64, payload: &[u8], missing: usize, events: &mut Vec<Event>) {
        if at > self.here() {
            let better = |old: &Waiting| old.payload.len() < payload.len();
            if self.waiting.get(&at).is_none_or(better) {
                let payload = payload.to_vec();
                self.waiting_bytes += payload.len();
                if let Some(old) = self.waiting.insert(at, Waiting { payload, missing }) {
                    self.waiting_bytes -= old.payload.len();
                }
            }
            return;
        }
        self.deliver(at, payload, missing, events);
        while let Some(first) = self.waiting.first_entry()
            && *first.key() <= ORIGIN + self.position
        {
            let (at, waiting) = first.remove_entry();
            self.waiting_bytes -= waiting.payload.len();
            self.deliver(at, &waiting.payload, waiting.missing, events);
        }
    }

    /// Takes what is new of a segment that does not start ahead.
    fn deliver(&mut self, at: u64, payload: &[u8], missing: usize, events: &mut Vec<Event>) {
        let known = usize::try_from(self.here() - at).unwrap_or(usize::MAX);
        if let Some(new) = payload.get(known..).filter(|new| !new.is_empty()) {
            self.advance(new.len() as u64);
            self.frames.push(new);
            while let Some(piece) = self.frames.next_piece() {
                events.push(Event::Piece(piece));
            }
        }
        let end = at + (payload.len() + missing) as u64;
        if missing > 0 && end > self.here() {
            self.gap(end - self.here(), events);
        }
    }

    /// Gives up waiting for what is missing before the first segment that waits.
    fn jump(&mut self, events: &mut Vec<Event>) {
        let Some((at, first)) = self.waiting.pop_first() else {
            return;
        };
        self.waiting_bytes -= first.payload.len();
        self.gap(at - self.here(), events);
        self.take(at, &first.payload, first.missing, events);
    }

    fn gap(&mut self, missing: u64, events: &mut Vec<Event>) {
        self.flush(events);
        events.push(Event::Gap(missing));
        self.frames.skip(missing);
        self.advance(missing);
    }

    fn flush(&mut self, events: &mut Vec<Event>) {
        while let Some(piece) = self.frames.next_at_end() {
            events.push(Event::Piece(piece));
        }
    }

    fn advance(&mut self, count: u64) {
        self.position += count;
        // Sequence numbers wrap around.
        self.next = self.next.map(|next| next.wrapping_add(count as u32));
    }
}

#[cfg(test)]
mod tests;
