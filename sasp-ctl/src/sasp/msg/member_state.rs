//! Set Member State Request (RFC 4678 section 7.5).

use super::{GroupOf, MemberState};
use crate::sasp::{
    code::Type,
    codec::{Cause, EncodeError, Reader, Wire, Writer, count},
};

/// Set Member State Request (0x1060).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SetMemberStateRequest {
    /// [`super::super::code::FLAG_LB`] and reserved bits.
    pub flags: u8,
    /// The new states.
    pub groups: Vec<GroupOf<MemberState>>,
}

impl Wire for SetMemberStateRequest {
    fn write(&self, to: &mut Writer) -> Result<(), EncodeError> {
        let groups = count(Type::SET_MEMBER_STATE_REQUEST, self.groups.len())?;
        to.component(Type::SET_MEMBER_STATE_REQUEST, |fields| {
            fields.u8(self.flags);
            fields.u16(groups);
        })?;
        to.list(&self.groups)
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Cause> {
        let (flags, groups) = from.component(Type::SET_MEMBER_STATE_REQUEST, |fields| {
            Ok((fields.u8()?, fields.u16()?))
        })?;
        Ok(Self {
            flags,
            groups: from.list(groups)?,
        })
    }
}
