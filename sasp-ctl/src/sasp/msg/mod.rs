//! SASP messages and components as Rust values; how they look on the wire is the codec's matter.
//!
//! Values are what was on the wire, not what is allowed: an empty group name or an over-long LB UID decodes,
//! because the GWM owes it a code of its own (RFC 4678 section 7).

use std::fmt;
use std::net::IpAddr;

use super::code::{Code, Reason, Type};

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

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

/// Identity of a member inside (LB UID, group). The label is no part of it (RFC 4678 section 5.1).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct MemberKey {
    /// IP protocol number; 0 (with port 0) is a system-level member, not a wildcard.
    pub protocol: u8,
    /// Port; 0 for a system-level member.
    pub port: u16,
    /// Address. An IPv4-mapped IPv6 address never stands here: decoding turns it into IPv4.
    pub address: IpAddr,
}

/// Member Data (0x3010).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Member {
    /// Who it is.
    pub key: MemberKey,
    /// Opaque, echoed.
    pub label: Name,
}

/// Group Data (0x3011).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Group {
    /// The LB's unique id.
    pub lb_uid: Name,
    /// The group's name; empty means "all groups" in Get Weights and DeRegistration.
    pub name: Name,
}

/// Weight Entry (0x3012) with the member that it follows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WeightEntry {
    /// Whose weight this is.
    pub member: Member,
    /// Opaque state byte of the member.
    pub state: u8,
    /// Bits of [`super::code::weight_flags`]; reserved bits as received.
    pub flags: u8,
    /// Relative weight inside the group.
    pub weight: u16,
}

/// Member State Instance (0x3013) with the member that it follows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MemberState {
    /// Whose state this is.
    pub member: Member,
    /// Opaque state byte.
    pub state: u8,
    /// Bits of [`super::code::member_flags`]; reserved bits as received.
    pub flags: u8,
}

/// A group and its items: 0x4010 with [`Member`], 0x4011 with [`WeightEntry`], 0x4012 with [`MemberState`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GroupOf<T> {
    /// The group.
    pub group: Group,
    /// At most 65,535.
    pub items: Vec<T>,
}

/// Registration Request (0x1010).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RegistrationRequest {
    /// [`super::code::FLAG_LB`] and reserved bits.
    pub flags: u8,
    /// What to register.
    pub groups: Vec<GroupOf<Member>>,
}

/// DeRegistration Request (0x1020).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeregistrationRequest {
    /// [`super::code::FLAG_LB`] and reserved bits.
    pub flags: u8,
    /// Why.
    pub reason: Reason,
    /// What to remove; a group without members stands for all of it.
    pub groups: Vec<GroupOf<Member>>,
}

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

/// Set LB State Request (0x1050).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SetLbStateRequest {
    /// The LB's unique id.
    pub lb_uid: Name,
    /// 0x00 (least) to 0x7f (most healthy).
    pub health: u8,
    /// Bits of [`super::code::lb_flags`]; reserved bits as received.
    pub flags: u8,
}

/// Set Member State Request (0x1060).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SetMemberStateRequest {
    /// [`super::code::FLAG_LB`] and reserved bits.
    pub flags: u8,
    /// The new states.
    pub groups: Vec<GroupOf<MemberState>>,
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
}

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
