//! SASP messages and components as Rust values, each with how it looks on the wire.
//!
//! Values are what was on the wire, not what is allowed: an empty group name or an over-long LB UID decodes,
//! because the GWM owes it a code of its own (RFC 4678 section 7).

mod deregistration;
mod group;
mod lb_state;
mod member;
mod member_state;
mod name;
mod registration;
mod weights;

#[cfg(test)]
pub(crate) mod strategy;

pub use deregistration::DeregistrationRequest;
pub use group::{Group, GroupOf};
pub use lb_state::SetLbStateRequest;
pub use member::{Member, MemberKey, MemberState, WeightEntry};
pub use member_state::SetMemberStateRequest;
pub use name::Name;
pub use registration::RegistrationRequest;
pub use weights::{GetWeightsReply, GetWeightsRequest, SendWeights};

use super::{
    code::{Code, Type},
    codec::{Cause, EncodeError, Reader, Wire, Writer},
};

/// A whole message: header fields and body.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message {
    /// Version of the header; [`super::code::VERSION`] unless the peer refused it.
    pub version: u8,
    /// Opaque; a reply echoes it bit for bit.
    pub id: u32,
    /// What it says.
    pub body: Body,
}

/// What a message says.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "each variant is its payload's type")]
pub enum Body {
    RegistrationRequest(RegistrationRequest),
    RegistrationReply(Code),
    DeregistrationRequest(DeregistrationRequest),
    DeregistrationReply(Code),
    GetWeightsRequest(GetWeightsRequest),
    GetWeightsReply(GetWeightsReply),
    SendWeights(SendWeights),
    SetLbStateRequest(SetLbStateRequest),
    SetLbStateReply(Code),
    SetMemberStateRequest(SetMemberStateRequest),
    SetMemberStateReply(Code),
}

impl Body {
    /// The type that this body has on the wire.
    pub fn kind(&self) -> Type {
        match self {
            Self::RegistrationRequest(_) => Type::REGISTRATION_REQUEST,
            Self::RegistrationReply(_) => Type::REGISTRATION_REPLY,
            Self::DeregistrationRequest(_) => Type::DEREGISTRATION_REQUEST,
            Self::DeregistrationReply(_) => Type::DEREGISTRATION_REPLY,
            Self::GetWeightsRequest(_) => Type::GET_WEIGHTS_REQUEST,
            Self::GetWeightsReply(_) => Type::GET_WEIGHTS_REPLY,
            Self::SendWeights(_) => Type::SEND_WEIGHTS,
            Self::SetLbStateRequest(_) => Type::SET_LB_STATE_REQUEST,
            Self::SetLbStateReply(_) => Type::SET_LB_STATE_REPLY,
            Self::SetMemberStateRequest(_) => Type::SET_MEMBER_STATE_REQUEST,
            Self::SetMemberStateReply(_) => Type::SET_MEMBER_STATE_REPLY,
        }
    }

    /// The return code, if this is a reply.
    pub fn code(&self) -> Option<Code> {
        match self {
            Self::RegistrationReply(code)
            | Self::DeregistrationReply(code)
            | Self::SetLbStateReply(code)
            | Self::SetMemberStateReply(code) => Some(*code),
            Self::GetWeightsReply(reply) => Some(reply.code),
            Self::RegistrationRequest(_)
            | Self::DeregistrationRequest(_)
            | Self::GetWeightsRequest(_)
            | Self::SendWeights(_)
            | Self::SetLbStateRequest(_)
            | Self::SetMemberStateRequest(_) => None,
        }
    }
}

impl Wire for Body {
    fn write(&self, to: &mut Writer) -> Result<(), EncodeError> {
        match self {
            Self::RegistrationRequest(request) => request.write(to),
            Self::DeregistrationRequest(request) => request.write(to),
            Self::GetWeightsRequest(request) => request.write(to),
            Self::GetWeightsReply(reply) => reply.write(to),
            Self::SendWeights(weights) => weights.write(to),
            Self::SetLbStateRequest(request) => request.write(to),
            Self::SetMemberStateRequest(request) => request.write(to),
            Self::RegistrationReply(code)
            | Self::DeregistrationReply(code)
            | Self::SetLbStateReply(code)
            | Self::SetMemberStateReply(code) => {
                to.component(self.kind(), |fields| fields.u8(code.0))
            }
        }
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Cause> {
        let kind = from.peek_type().ok_or(Cause::Truncated)?;
        let mut code = || from.component(kind, |fields| fields.u8().map(Code));
        Ok(match kind {
            Type::REGISTRATION_REPLY => Self::RegistrationReply(code()?),
            Type::DEREGISTRATION_REPLY => Self::DeregistrationReply(code()?),
            Type::SET_LB_STATE_REPLY => Self::SetLbStateReply(code()?),
            Type::SET_MEMBER_STATE_REPLY => Self::SetMemberStateReply(code()?),
            Type::REGISTRATION_REQUEST => Self::RegistrationRequest(Wire::read(from)?),
            Type::DEREGISTRATION_REQUEST => Self::DeregistrationRequest(Wire::read(from)?),
            Type::GET_WEIGHTS_REQUEST => Self::GetWeightsRequest(Wire::read(from)?),
            Type::GET_WEIGHTS_REPLY => Self::GetWeightsReply(Wire::read(from)?),
            Type::SEND_WEIGHTS => Self::SendWeights(Wire::read(from)?),
            Type::SET_LB_STATE_REQUEST => Self::SetLbStateRequest(Wire::read(from)?),
            Type::SET_MEMBER_STATE_REQUEST => Self::SetMemberStateRequest(Wire::read(from)?),
            unknown => return Err(Cause::UnknownMessage(unknown)),
        })
    }
}
