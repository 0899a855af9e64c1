//! Cuts a byte stream into messages (RFC 4678 section 4.3): looks at the header's type and message length.
//!
//! Both stand at fixed places, so everything else in a message may be wrong, even the header's own length, and the
//! next message is still found: that is the codec's matter.
//! An error is final: where the next message starts can no longer be known, so the connection must be closed.

#[cfg(test)]
mod tests;

use bytes::{Bytes, BytesMut};

use super::code::Type;

/// Size of the header in bytes; its Length field says so.
pub const HEADER_LEN: usize = 13;
/// A header and the smallest component, in bytes. A declared length below it is lost framing.
const MESSAGE_MIN: usize = HEADER_LEN + 4;

/// Why the stream cannot be cut any further.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum FrameError {
    /// The bytes do not start with a SASP header.
    #[error("no SASP header but type {:#06x}, this is no SASP peer", .0.0)]
    NotSasp(Type),
    /// The message length is negative or has no room for a message.
    #[error("impossible message length {0}")]
    MessageLength(i32),
    /// The message is longer than we accept.
    #[error("message of {told} bytes is above the limit of {limit}")]
    TooLong {
        /// Length in the header, in bytes.
        told: usize,
        /// The limit, in bytes.
        limit: usize,
    },
}

/// Length of the message that `bytes` start with, in bytes; `None` if they do not show it yet.
///
/// # Errors
/// As soon as the bytes show that they do not start a message of at most `limit` bytes.
pub fn message_length(bytes: &[u8], limit: usize) -> Result<Option<usize>, FrameError> {
    let Some(([t0, t1], bytes)) = bytes.split_first_chunk() else {
        return Ok(None);
    };
    let kind = Type(u16::from_be_bytes([*t0, *t1]));
    if kind != Type::HEADER {
        return Err(FrameError::NotSasp(kind));
    }
    let Some([_, _, _version, told @ ..]) = bytes.first_chunk::<7>() else {
        return Ok(None);
    };
    let told = i32::from_be_bytes(*told);
    match usize::try_from(told) {
        Ok(length) if length > limit => Err(FrameError::TooLong {
            told: length,
            limit,
        }),
        Ok(length) if length >= MESSAGE_MIN => Ok(Some(length)),
        _ => Err(FrameError::MessageLength(told)),
    }
}

/// Collects bytes until they make whole messages.
#[derive(Debug)]
pub struct Deframer {
    buffer: BytesMut,
    limit: usize,
    broken: Option<FrameError>,
}

impl Deframer {
    /// `limit`: the longest message that is accepted, in bytes.
    pub fn new(limit: usize) -> Self {
        Self {
            buffer: BytesMut::new(),
            limit,
            broken: None,
        }
    }

    /// Takes bytes as they came from the peer, split anywhere.
    /// Take out what is whole with [`Deframer::next`] before pushing more, and no more is kept than one message
    /// and one push.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.broken.is_none() {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// The next whole message with its header; `None` until more bytes come.
    ///
    /// # Errors
    /// When framing is lost, and again at every later call.
    #[expect(
        clippy::should_implement_trait,
        reason = "an iterator would end at `None`, a stream goes on"
    )]
    pub fn next(&mut self) -> Result<Option<Bytes>, FrameError> {
        if let Some(error) = self.broken {
            return Err(error);
        }
        match message_length(&self.buffer, self.limit) {
            Ok(Some(length)) if length <= self.buffer.len() => {
                Ok(Some(self.buffer.split_to(length).freeze()))
            }
            Ok(_) => Ok(None),
            Err(error) => {
                self.buffer = BytesMut::new();
                self.broken = Some(error);
                Err(error)
            }
        }
    }

    /// True between messages: only then is the end of the stream a clean one.
    pub fn is_empty(&self) -> bool {
        self.broken.is_none() && self.buffer.is_empty()
    }
}
