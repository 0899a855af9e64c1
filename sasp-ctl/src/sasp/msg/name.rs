//! The protocol's strings: LB UIDs, group names and labels.

use std::fmt;

use serde::{Serialize, Serializer};

/// A byte string of the protocol (LB UID, group name, label): compared bytewise, printed escaped.
#[derive(Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(Box<[u8]>);

impl Name {
    /// The longest string that a length byte can announce.
    pub const MAX: usize = 255;

    /// `None` if longer than [`Name::MAX`] bytes.
    pub fn new(bytes: impl Into<Box<[u8]>>) -> Option<Self> {
        let bytes = bytes.into();
        (bytes.len() <= Self::MAX).then_some(Self(bytes))
    }

    /// The bytes, at most [`Name::MAX`].
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Length in bytes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Length as it stands on the wire.
    pub(in crate::sasp) fn len_byte(&self) -> u8 {
        u8::try_from(self.0.len()).unwrap_or(u8::MAX)
    }

    /// True for the empty string, which means "all groups" in some requests.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Valid UTF-8 without control characters: what may name something new (RFC 4678 section 4).
    pub fn is_text(&self) -> bool {
        std::str::from_utf8(&self.0).is_ok_and(|text| !text.chars().any(char::is_control))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match std::str::from_utf8(&self.0) {
            Ok(text) => write!(f, "{}", text.escape_debug()),
            Err(_) => write!(f, "{}", self.0.escape_ascii()),
        }
    }
}

/// Escaped, as [`fmt::Display`] has it.
impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}
