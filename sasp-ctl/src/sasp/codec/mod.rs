//! Messages to bytes and back (RFC 4678 sections 4 to 7): exact in what it writes, liberal in what it reads.
//!
//! A component's Length covers its own fixed fields only, never the components that follow it (section 8).
//! So a message is a flat sequence that is read by its counts, and every Length is checked for equality.
//! How each message looks is written beside its type in [`super::msg`]; what it *means* is not known here:
//! empty names, duplicate members and unknown codes decode.

mod error;
mod reader;
mod writer;

#[cfg(test)]
mod tests;

use super::{
    code::{Type, VERSION},
    frame,
    msg::{Body, Message},
};

pub use error::{Cause, DecodeError, EncodeError};
pub(super) use reader::Reader;
pub(super) use writer::{Writer, count};

/// The longest message that the header's signed length can tell, in bytes.
const MESSAGE_MAX: usize = i32::MAX as usize;

/// A component or message that reads and writes itself.
pub(super) trait Wire: Sized {
    /// Appends the bytes of `self`.
    fn write(&self, to: &mut Writer) -> Result<(), EncodeError>;
    /// Reads what [`Wire::write`] wrote.
    fn read(from: &mut Reader<'_>) -> Result<Self, Cause>;
}

/// A decoded message and what had to be tolerated.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Decoded {
    /// The message.
    pub message: Message,
    /// Accepted deviations, to be counted.
    pub quirks: Quirks,
}

/// Deviations from what we send that are accepted on input.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Quirks {
    /// A Set Member State Request held 0x4011, as figure 11 of the RFC prints it, instead of 0x4012.
    pub figure_11: bool,
    /// An IPv4 address came as `::ffff:a.b.c.d`, not with 12 zero bytes (RFC 4678 section 5.1).
    pub mapped_ipv4: bool,
}

/// The bytes of a message.
///
/// # Errors
/// If a list has more than 65,535 items or the whole has more than `i32::MAX` bytes.
pub fn encode(message: &Message) -> Result<Vec<u8>, EncodeError> {
    encode_within(message, MESSAGE_MAX)
}

fn encode_within(message: &Message, limit: usize) -> Result<Vec<u8>, EncodeError> {
    let mut writer = Writer::new(limit);
    writer.component(Type::HEADER, |header| {
        header.u8(message.version);
        header.u32(0);
        header.u32(message.id);
    })?;
    message.body.write(&mut writer)?;
    writer.finish()
}

/// The message in `frame`, which is exactly one message with its header.
///
/// # Errors
/// On the first thing that is wrong, with the message type and id if they could be read.
/// A version other than ours is such an error, found before anything behind the header is judged.
pub fn decode(frame: &[u8]) -> Result<Decoded, DecodeError> {
    let header_error = |cause: Cause| DecodeError {
        kind: None,
        version: 0,
        id: 0,
        cause,
    };
    let told = frame::message_length(frame, MESSAGE_MAX).map_err(|e| header_error(e.into()))?;
    let Some(([_, _, l0, l1, version, _, _, _, _, id @ ..], body)) =
        frame.split_first_chunk::<{ frame::HEADER_LEN }>()
    else {
        return Err(header_error(Cause::Truncated));
    };
    let (version, id) = (*version, u32::from_be_bytes(*id));
    let header_length = u16::from_be_bytes([*l0, *l1]);
    let mut reader = Reader::new(body);
    let kind = reader.peek_type();
    let body = match told {
        Some(told) if told != frame.len() => Err(Cause::MessageLength {
            told,
            actual: frame.len(),
        }),
        _ if version != VERSION => Err(Cause::Version(version)),
        _ if usize::from(header_length) != frame::HEADER_LEN => Err(Cause::ComponentLength {
            of: Type::HEADER,
            told: header_length,
        }),
        _ => Body::read(&mut reader).and_then(|body| reader.end().map(|()| body)),
    };
    match body {
        Ok(body) => Ok(Decoded {
            message: Message { version, id, body },
            quirks: reader.quirks,
        }),
        Err(cause) => Err(DecodeError {
            kind,
            version,
            id,
            cause,
        }),
    }
}
