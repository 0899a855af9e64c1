//! Reading: a flat sequence of components, each read within its own Length and nowhere else.

use super::{Cause, Quirks, Wire};
use crate::sasp::{code::Type, msg::Name};

/// What is left of a message.
#[derive(Debug)]
pub(in crate::sasp) struct Reader<'a> {
    rest: &'a [u8],
    /// Deviations that were accepted so far.
    pub(in crate::sasp) quirks: Quirks,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self {
            rest: bytes,
            quirks: Quirks::default(),
        }
    }

    /// The type of the next component, if two bytes are left.
    pub(in crate::sasp) fn peek_type(&self) -> Option<Type> {
        self.rest
            .first_chunk()
            .map(|bytes| Type(u16::from_be_bytes(*bytes)))
    }

    /// Reads one component that must be `expected` and whose Length must be that of what `read` reads.
    pub(in crate::sasp) fn component<T>(
        &mut self,
        expected: Type,
        read: impl FnOnce(&mut Fields<'a>) -> Result<T, Cause>,
    ) -> Result<T, Cause> {
        if self.rest.is_empty() {
            return Err(Cause::Missing { expected });
        }
        let ([t0, t1, l0, l1], _) = self.rest.split_first_chunk().ok_or(Cause::Truncated)?;
        let found = Type(u16::from_be_bytes([*t0, *t1]));
        if found != expected {
            return Err(Cause::Misplaced { expected, found });
        }
        let told = u16::from_be_bytes([*l0, *l1]);
        let (own, rest) = self
            .rest
            .split_at_checked(usize::from(told))
            .ok_or(Cause::Truncated)?;
        let mut fields = Fields {
            of: expected,
            told,
            rest: own,
        };
        fields.array::<4>()?;
        let value = read(&mut fields)?;
        fields.end()?;
        self.rest = rest;
        Ok(value)
    }

    /// Reads a component that only holds the count of what follows.
    pub(in crate::sasp) fn counted(&mut self, expected: Type) -> Result<u16, Cause> {
        self.component(expected, Fields::u16)
    }

    /// Reads `count` items. Memory grows with the bytes that are there, never with the count told.
    pub(in crate::sasp) fn list<T: Wire>(&mut self, count: u16) -> Result<Vec<T>, Cause> {
        let mut items = Vec::new();
        for _ in 0..count {
            items.push(T::read(self)?);
        }
        Ok(items)
    }

    /// Nothing may follow the one message.
    pub(super) fn end(&self) -> Result<(), Cause> {
        if self.rest.is_empty() {
            return Ok(());
        }
        Err(match self.peek_type() {
            Some(kind) if kind.is_message() => Cause::SecondMessage(kind),
            Some(kind) if kind.name().is_some() => Cause::Surplus(kind),
            _ => Cause::TrailingBytes(self.rest.len()),
        })
    }
}

/// The own fields of one component.
#[derive(Debug)]
pub(in crate::sasp) struct Fields<'a> {
    of: Type,
    told: u16,
    rest: &'a [u8],
}

impl Fields<'_> {
    fn lie(&self) -> Cause {
        Cause::ComponentLength {
            of: self.of,
            told: self.told,
        }
    }

    pub(in crate::sasp) fn array<const N: usize>(&mut self) -> Result<[u8; N], Cause> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(self.lie())?;
        self.rest = rest;
        Ok(*bytes)
    }

    pub(in crate::sasp) fn u8(&mut self) -> Result<u8, Cause> {
        self.array().map(u8::from_be_bytes)
    }

    pub(in crate::sasp) fn u16(&mut self) -> Result<u16, Cause> {
        self.array().map(u16::from_be_bytes)
    }

    /// A string with its length byte.
    pub(in crate::sasp) fn string(&mut self) -> Result<Name, Cause> {
        let len = self.u8()?;
        let (bytes, rest) = self
            .rest
            .split_at_checked(usize::from(len))
            .ok_or(self.lie())?;
        self.rest = rest;
        Name::new(bytes).ok_or(self.lie())
    }

    fn end(&self) -> Result<(), Cause> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(self.lie())
        }
    }
}
