//! Set LB State Request (RFC 4678 section 7.6).

use super::Name;
use crate::sasp::{
    code::Type,
    codec::{Cause, EncodeError, Reader, Wire, Writer},
};

/// Set LB State Request (0x1050).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SetLbStateRequest {
    /// The LB's unique id.
    pub lb_uid: Name,
    /// 0x00 (least) to 0x7f (most healthy).
    pub health: u8,
    /// Bits of [`super::super::code::lb_flags`]; reserved bits as received.
    pub flags: u8,
}

impl Wire for SetLbStateRequest {
    fn write(&self, to: &mut Writer) -> Result<(), EncodeError> {
        to.component(Type::SET_LB_STATE_REQUEST, |fields| {
            fields.string(&self.lb_uid);
            fields.u8(self.health);
            fields.u8(self.flags);
        })
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Cause> {
        from.component(Type::SET_LB_STATE_REQUEST, |fields| {
            Ok(Self {
                lb_uid: fields.string()?,
                health: fields.u8()?,
                flags: fields.u8()?,
            })
        })
    }
}
