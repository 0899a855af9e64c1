//! Everything that can be wrong with bytes or with a message, each by name.

use crate::sasp::code::{Type, VERSION};
use crate::sasp::frame::FrameError;

/// Why bytes are not a message, with what a GWM needs for its reply (code 0x10).
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("message {id:#010x} ({}) was not understood: {cause}", .kind.map_or("no type".into(), |kind| kind.to_string()))]
pub struct DecodeError {
    /// Type of the message component, as far as it could be read; not necessarily a known one.
    pub kind: Option<Type>,
    /// Version in the header; 0 if there was no whole header.
    pub version: u8,
    /// Message id in the header; 0 if there was no whole header.
    pub id: u32,
    /// What was wrong first.
    pub cause: Cause,
}

/// What is wrong with the bytes of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Cause {
    /// The header cannot be one; a [`super::super::frame::Deframer`] never hands out such a frame.
    #[error("bad header: {0}")]
    Framing(#[from] FrameError),
    /// The header's message length is not the number of bytes given.
    #[error("the header tells {told} bytes, there are {actual}")]
    MessageLength {
        /// Length in the header.
        told: usize,
        /// Bytes given.
        actual: usize,
    },
    /// A version that we do not speak. The rest of the message was not looked at.
    #[error("version {0} is not spoken here, only {VERSION}")]
    Version(u8),
    /// The first component is no message that we know.
    #[error("unknown message type {0}")]
    UnknownMessage(Type),
    /// The message ends inside a component.
    #[error("the message ends inside a component")]
    Truncated,
    /// The message ends where another component was announced.
    #[error("the message ends where a {expected} was announced")]
    Missing {
        /// What a count announced.
        expected: Type,
    },
    /// Another component stands where `expected` belongs.
    #[error("{found} found in the place of {expected}")]
    Misplaced {
        /// What belongs there.
        expected: Type,
        /// What is there.
        found: Type,
    },
    /// A component's Length is not the size of its own fixed fields.
    #[error("length {told} of {of} is not that of its fields")]
    ComponentLength {
        /// The component.
        of: Type,
        /// Its Length field.
        told: u16,
    },
    /// A second message component follows the first (RFC 4678 section 7 warns of it).
    #[error("a second message, {0}, follows the first")]
    SecondMessage(Type),
    /// More components follow than the counts announced.
    #[error("{0} follows that no count announced")]
    Surplus(Type),
    /// Bytes follow the message that are no component.
    #[error("{0} stray bytes follow the message")]
    TrailingBytes(usize),
}

/// Why a message cannot be put on the wire.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum EncodeError {
    /// A list is longer than its 16-bit count can say.
    #[error("{count} items do not fit the count of {of}, split the message (limit 65535)")]
    TooManyItems {
        /// The component that holds the count.
        of: Type,
        /// How many there are.
        count: usize,
    },
    /// The whole is longer than the header's signed 32-bit length can say.
    #[error("the message is longer than {limit} bytes, split it")]
    TooLong {
        /// The longest possible message in bytes.
        limit: usize,
    },
}
