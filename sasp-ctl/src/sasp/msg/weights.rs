//! Get Weights Request and Reply, Send Weights (RFC 4678 sections 7.3 and 7.4).

use super::{Group, GroupOf, WeightEntry};
use crate::sasp::{
    code::{Code, Type},
    codec::{Cause, EncodeError, Reader, Wire, Writer, count},
};

/// Get Weights Request (0x1030).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GetWeightsRequest {
    /// The groups asked for.
    pub groups: Vec<Group>,
}

/// Get Weights Reply (0x1035).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GetWeightsReply {
    /// How the request went.
    pub code: Code,
    /// Suggested polling interval in seconds (RFC 4678 section 7.3; erratum 946).
    pub interval: u16,
    /// The weights, group by group.
    pub groups: Vec<GroupOf<WeightEntry>>,
}

/// Send Weights (0x1040).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SendWeights {
    /// The weights, group by group.
    pub groups: Vec<GroupOf<WeightEntry>>,
}

impl Wire for GetWeightsRequest {
    fn write(&self, to: &mut Writer) -> Result<(), EncodeError> {
        to.counted(Type::GET_WEIGHTS_REQUEST, self.groups.len())?;
        to.list(&self.groups)
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Cause> {
        let groups = from.counted(Type::GET_WEIGHTS_REQUEST)?;
        Ok(Self {
            groups: from.list(groups)?,
        })
    }
}

impl Wire for GetWeightsReply {
    fn write(&self, to: &mut Writer) -> Result<(), EncodeError> {
        let groups = count(Type::GET_WEIGHTS_REPLY, self.groups.len())?;
        to.component(Type::GET_WEIGHTS_REPLY, |fields| {
            fields.u8(self.code.0);
            fields.u16(self.interval);
            fields.u16(groups);
        })?;
        to.list(&self.groups)
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Cause> {
        let (code, interval, groups) = from.component(Type::GET_WEIGHTS_REPLY, |fields| {
            Ok((Code(fields.u8()?), fields.u16()?, fields.u16()?))
        })?;
        Ok(Self {
            code,
            interval,
            groups: from.list(groups)?,
        })
    }
}

impl Wire for SendWeights {
    fn write(&self, to: &mut Writer) -> Result<(), EncodeError> {
        to.counted(Type::SEND_WEIGHTS, self.groups.len())?;
        to.list(&self.groups)
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Cause> {
        let groups = from.counted(Type::SEND_WEIGHTS)?;
        Ok(Self {
            groups: from.list(groups)?,
        })
    }
}
