//! Registration Request (RFC 4678 section 7.1).

use super::{GroupOf, Member};
use crate::sasp::{
    code::Type,
    codec::{Cause, EncodeError, Reader, Wire, Writer, count},
};

/// Registration Request (0x1010).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RegistrationRequest {
    /// [`super::super::code::FLAG_LB`] and reserved bits.
    pub flags: u8,
    /// What to register.
    pub groups: Vec<GroupOf<Member>>,
}

impl Wire for RegistrationRequest {
    fn write(&self, to: &mut Writer) -> Result<(), EncodeError> {
        let groups = count(Type::REGISTRATION_REQUEST, self.groups.len())?;
        to.component(Type::REGISTRATION_REQUEST, |fields| {
            fields.u8(self.flags);
            fields.u16(groups);
        })?;
        to.list(&self.groups)
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Cause> {
        let (flags, groups) = from.component(Type::REGISTRATION_REQUEST, |fields| {
            Ok((fields.u8()?, fields.u16()?))
        })?;
        Ok(Self {
            flags,
            groups: from.list(groups)?,
        })
    }
}
