//! DeRegistration Request (RFC 4678 section 7.2).

use super::{GroupOf, Member};
use crate::sasp::{
    code::{Reason, Type},
    codec::{Cause, EncodeError, Reader, Wire, Writer, count},
};

/// DeRegistration Request (0x1020).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeregistrationRequest {
    /// [`super::super::code::FLAG_LB`] and reserved bits.
    pub flags: u8,
    /// Why.
    pub reason: Reason,
    /// What to remove; a group without members stands for all of it.
    pub groups: Vec<GroupOf<Member>>,
}

impl Wire for DeregistrationRequest {
    fn write(&self, to: &mut Writer) -> Result<(), EncodeError> {
        let groups = count(Type::DEREGISTRATION_REQUEST, self.groups.len())?;
        to.component(Type::DEREGISTRATION_REQUEST, |fields| {
            fields.u8(self.flags);
            fields.u8(self.reason.0);
            fields.u16(groups);
        })?;
        to.list(&self.groups)
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Cause> {
        let (flags, reason, groups) = from.component(Type::DEREGISTRATION_REQUEST, |fields| {
            Ok((fields.u8()?, Reason(fields.u8()?), fields.u16()?))
        })?;
        Ok(Self {
            flags,
            reason,
            groups: from.list(groups)?,
        })
    }
}
