//! Every reason for which a GWM refuses a request, with the code that the sender gets.
//!
//! The variants stand in the order in which the reasons are looked for: of two that apply, the sender hears the
//! earlier one. RFC 4678 allows one code per reply and is silent on the order.

use crate::sasp::code::Code;

/// Why a request was refused. A refused request has changed nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, thiserror::Error)]
pub enum Refusal {
    /// A version that we do not speak.
    #[error("its version is not spoken here")]
    Version,
    /// The bytes are framed as a message but are not one.
    #[error("its bytes make no message")]
    Undecodable,
    /// A name for something new is not printable UTF-8 (RFC 4678 section 4).
    #[error("an LB UID or group name is not printable UTF-8")]
    NotText,
    /// "All groups" and a list of members contradict each other.
    #[error("all groups and single members are named together")]
    AllGroupsWithMembers,
    /// An LB UID of length 0 or above the limit.
    #[error("an LB UID is empty or too long")]
    LbUidLength,
    /// An empty group name where one is needed.
    #[error("a group name is empty")]
    EmptyGroupName,
    /// The LB UID is not the one that this connection speaks for.
    #[error("the LB UID is not the one that this connection speaks for")]
    OtherBalancer,
    /// The operator lists balancers, and this is none of them.
    #[error("the LB UID is not listed, add a [[balancer]] for it if it is yours")]
    UnlistedBalancer,
    /// The operator lists the addresses of this balancer, and this is none of them.
    #[error("the address is not among the sources of this LB UID")]
    SourceNotAllowed,
    /// The operator wants a certificate of this balancer, and the peer has shown none.
    #[error("this LB UID needs a certificate and the peer has shown none")]
    NoCertificate,
    /// The operator names the certificate of this balancer, and this is another.
    #[error("the certificate is not the one of this LB UID")]
    OtherCertificate,
    /// No room for another balancer, said where code 0x45 does not exist.
    #[error("the limit of balancers is reached")]
    NoRoomForBalancer,
    /// A member asks for more than itself.
    #[error("a member may not deregister a whole group")]
    MemberNamesWholeGroup,
    /// The operator wants members to speak for themselves only.
    #[error("a member may only speak for members with its own address")]
    MemberNamesAnother,
    /// The operator lists who may speak for which members, and this peer may not for these.
    #[error("no [[member]] lets this peer speak for a member with that address")]
    MemberNotAllowed,
    /// A member names a balancer that has not spoken, or not for the grace time.
    #[error("no balancer with this LB UID has contacted this GWM")]
    LbNotContacted,
    /// A balancer asks about itself before it said anything.
    #[error("the LB UID is unknown, register first")]
    UnknownLb,
    /// A member speaks and the balancer did not set Trust.
    #[error("the balancer does not trust members' own messages")]
    NoTrust,
    /// A group stands twice in the request, or beside "all groups".
    #[error("a group is named twice")]
    DuplicateGroup,
    /// A member stands twice in one group of the request.
    #[error("a member is named twice in one group")]
    DuplicateMember,
    /// This balancer has no such group.
    #[error("a group is unknown")]
    UnknownGroup,
    /// An address that no member can have.
    #[error("a member has an address that no host has")]
    ImpossibleAddress,
    /// System and application members in one group.
    #[error("system and application members would share a group")]
    MixedGroup,
    /// No room for another balancer.
    #[error("the limit of balancers is reached")]
    TooManyBalancers,
    /// No room for another group.
    #[error("the limit of groups of one balancer is reached")]
    TooManyGroups,
    /// No room for another member.
    #[error("the limit of members is reached")]
    TooManyMembers,
    /// The balancer's own Get Weights reply would become too long.
    #[error("the balancer's weights would no longer fit one message")]
    ReplyTooLong,
    /// A member is not in that group.
    #[error("a member is not registered in that group")]
    UnknownMember,
    /// A member is in that group already.
    #[error("a member is registered in that group already")]
    AlreadyRegistered,
}

impl Refusal {
    /// A check: `Ok` if what must hold does.
    pub(super) fn unless(self, holds: bool) -> Result<(), Self> {
        if holds { Ok(()) } else { Err(self) }
    }

    /// The code that the sender gets (RFC 4678 section 7).
    pub fn code(self) -> Code {
        match self {
            Self::Version | Self::Undecodable | Self::NotText | Self::AllGroupsWithMembers => {
                Code::NOT_UNDERSTOOD
            }
            Self::LbUidLength => Code::INVALID_LB_UID,
            Self::EmptyGroupName => Code::EMPTY_GROUP_NAME,
            Self::OtherBalancer
            | Self::UnlistedBalancer
            | Self::SourceNotAllowed
            | Self::NoCertificate
            | Self::OtherCertificate
            | Self::NoRoomForBalancer
            | Self::MemberNamesWholeGroup
            | Self::MemberNamesAnother
            | Self::MemberNotAllowed
            | Self::NoTrust => Code::NOT_ACCEPTED,
            Self::LbNotContacted => Code::LB_NOT_CONTACTED,
            Self::UnknownLb => Code::UNKNOWN_LB,
            Self::DuplicateGroup => Code::DUPLICATE_GROUP,
            Self::DuplicateMember => Code::DUPLICATE_MEMBER,
            Self::UnknownGroup => Code::UNKNOWN_GROUP,
            Self::ImpossibleAddress
            | Self::MixedGroup
            | Self::TooManyBalancers
            | Self::TooManyGroups
            | Self::TooManyMembers
            | Self::ReplyTooLong => Code::INVALID_GROUP,
            Self::UnknownMember => Code::UNKNOWN_MEMBER,
            Self::AlreadyRegistered => Code::MEMBER_ALREADY_REGISTERED,
        }
    }
}
