//! A byte stream into messages that goes on after damage, where [`crate::sasp::frame`] must give up.
//!
//! Bytes that belong to no message are skipped up to the next that look like a header, and reported. No more is kept
//! than one message of at most [`MESSAGE_MAX`] bytes and what was pushed last.

use super::component::starts_message;
use crate::sasp::frame::{self, FrameError};

/// The longest message that is believed, in bytes: as long as a balancer accepts.
pub const MESSAGE_MAX: usize = 16 << 20;

/// A piece of the stream.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Piece {
    /// One message, as long as its header says.
    Message {
        /// Its first byte, counted from the start of the stream.
        offset: u64,
        /// It.
        bytes: Vec<u8>,
    },
    /// A message that does not go on: the stream ended, or bytes are missing.
    Cut {
        /// Its first byte.
        offset: u64,
        /// What there is of it.
        bytes: Vec<u8>,
        /// How long its header says it is; `None` if the header is not whole.
        told: Option<usize>,
    },
    /// Bytes that are no message.
    Skipped {
        /// The first of them.
        offset: u64,
        /// How many.
        count: u64,
        /// Why the first is no message's.
        reason: FrameError,
    },
}

/// Cuts a stream.
#[derive(Debug, Default)]
pub struct Frames {
    buffer: Vec<u8>,
    /// Bytes at the start of `buffer` that were handed out; moved away when more are pushed.
    taken: usize,
    /// Position of `buffer[taken]` in the stream.
    offset: u64,
    skipping: Option<(u64, FrameError)>,
}

impl Frames {
    /// Takes bytes that follow those before.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.taken);
        self.taken = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// Bytes that are kept.
    pub fn len(&self) -> usize {
        self.buffer.len() - self.taken
    }

    /// Whether nothing is kept: the stream is between messages.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The next piece; `None` until more bytes come.
    pub fn next_piece(&mut self) -> Option<Piece> {
        if self.skipping.is_none() {
            match frame::message_length(self.rest(), MESSAGE_MAX) {
                Ok(Some(length)) if length <= self.len() => {
                    let offset = self.offset;
                    let bytes = self.take(length);
                    return Some(Piece::Message { offset, bytes });
                }
                Ok(_) => return None,
                Err(reason) => {
                    self.skipping = Some((self.offset, reason));
                    self.advance(1);
                }
            }
        }
        let Some(at) = next_header(self.rest()) else {
            // The last three bytes may be the start of a header.
            self.advance(self.len().saturating_sub(3));
            return None;
        };
        self.advance(at);
        self.skipped()
    }

    /// The stream ends or bytes of it are missing: the next piece of what is kept, until there is none.
    pub fn next_at_end(&mut self) -> Option<Piece> {
        if let Some(piece) = self.next_piece() {
            return Some(piece);
        }
        if self.skipping.is_some() {
            self.advance(self.len());
            return self.skipped();
        }
        if self.is_empty() {
            return None;
        }
        let offset = self.offset;
        let told = frame::message_length(self.rest(), MESSAGE_MAX)
            .ok()
            .flatten();
        // A wrong length may have swallowed the messages that follow.
        let inner = self.rest().get(1..).and_then(next_header);
        let bytes = self.take(inner.map_or(self.len(), |at| 1 + at));
        Some(Piece::Cut {
            offset,
            bytes,
            told,
        })
    }

    /// So many bytes of the stream are missing behind those that were pushed. Take what is kept out with
    /// [`Frames::next_at_end`] before.
    pub fn skip(&mut self, missing: u64) {
        self.offset += missing;
    }

    fn skipped(&mut self) -> Option<Piece> {
        self.skipping.take().map(|(offset, reason)| Piece::Skipped {
            offset,
            count: self.offset - offset,
            reason,
        })
    }

    fn rest(&self) -> &[u8] {
        self.buffer.get(self.taken..).unwrap_or_default()
    }

    fn take(&mut self, count: usize) -> Vec<u8> {
        let bytes = self.rest().get(..count).unwrap_or_default().to_vec();
        self.advance(bytes.len());
        bytes
    }

    /// At most as many as there are.
    fn advance(&mut self, count: usize) {
        self.taken += count;
        self.offset += count as u64;
    }
}

/// Where the next bytes are that look like a header.
fn next_header(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(starts_message)
}
