//! Writing: Lengths are taken from what was written, so that no caller computes one.

use super::{EncodeError, Wire};
use crate::sasp::{code::Type, msg::Name};

/// A message in the making.
#[derive(Debug)]
pub(in crate::sasp) struct Writer {
    out: Vec<u8>,
    limit: usize,
}

impl Writer {
    /// `limit`: the longest message in bytes.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            out: Vec::new(),
            limit,
        }
    }

    /// Writes one component: type, Length of its own fields, own fields.
    pub(in crate::sasp) fn component(
        &mut self,
        kind: Type,
        write: impl FnOnce(&mut Fields<'_>),
    ) -> Result<(), EncodeError> {
        let too_long = EncodeError::TooLong { limit: self.limit };
        let start = self.out.len();
        let mut fields = Fields { out: &mut self.out };
        fields.u16(kind.0);
        fields.u16(0);
        write(&mut fields);
        if self.out.len() > self.limit {
            return Err(too_long);
        }
        let own = self.out.get_mut(start..).unwrap_or_default();
        let length = u16::try_from(own.len()).map_err(|_| too_long)?;
        if let [_, _, told @ ..] = own {
            patch(told, length.to_be_bytes());
        }
        Ok(())
    }

    /// Writes a component that only holds the count of what follows.
    pub(in crate::sasp) fn counted(&mut self, kind: Type, len: usize) -> Result<(), EncodeError> {
        let count = count(kind, len)?;
        self.component(kind, |fields| fields.u16(count))
    }

    /// Writes items whose count was written before.
    pub(in crate::sasp) fn list<T: Wire>(&mut self, items: &[T]) -> Result<(), EncodeError> {
        items.iter().try_for_each(|item| item.write(self))
    }

    /// Sets the header's message length and hands out the bytes.
    pub(super) fn finish(mut self) -> Result<Vec<u8>, EncodeError> {
        let length = i32::try_from(self.out.len())
            .map_err(|_| EncodeError::TooLong { limit: self.limit })?;
        if let [_, _, _, _, _, told @ ..] = self.out.as_mut_slice() {
            patch(told, length.to_be_bytes());
        }
        Ok(self.out)
    }
}

/// The count field of `of`, if `len` items fit it.
pub(in crate::sasp) fn count(of: Type, len: usize) -> Result<u16, EncodeError> {
    u16::try_from(len).map_err(|_| EncodeError::TooManyItems { of, count: len })
}

/// Overwrites the first bytes of `slot`, which the caller wrote as zeros before.
fn patch<const N: usize>(slot: &mut [u8], bytes: [u8; N]) {
    if let Some(slot) = slot.first_chunk_mut() {
        *slot = bytes;
    }
}

/// The own fields of one component.
#[derive(Debug)]
pub(in crate::sasp) struct Fields<'a> {
    out: &'a mut Vec<u8>,
}

impl Fields<'_> {
    pub(in crate::sasp) fn bytes(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    pub(in crate::sasp) fn u8(&mut self, value: u8) {
        self.out.push(value);
    }

    pub(in crate::sasp) fn u16(&mut self, value: u16) {
        self.bytes(&value.to_be_bytes());
    }

    pub(in crate::sasp) fn u32(&mut self, value: u32) {
        self.bytes(&value.to_be_bytes());
    }

    /// A string with its length byte.
    pub(in crate::sasp) fn string(&mut self, name: &Name) {
        self.u8(name.len_byte());
        self.bytes(name.as_bytes());
    }
}
