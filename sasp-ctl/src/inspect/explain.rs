//! What the numbers of [`crate::sasp::code`] mean to a person: direction, section of the RFC, flags, codes.

use crate::sasp::code::{Code, Type, lb_flags, member_flags, weight_flags};

/// Who sends a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// A balancer or a member asks, the GWM replies.
    Request,
    /// The GWM replies.
    Reply,
    /// The GWM speaks unasked.
    Push,
}

/// The role of a message type, if it is one.
pub fn role(kind: Type) -> Option<Role> {
    Some(match kind {
        Type::REGISTRATION_REQUEST
        | Type::DEREGISTRATION_REQUEST
        | Type::GET_WEIGHTS_REQUEST
        | Type::SET_LB_STATE_REQUEST
        | Type::SET_MEMBER_STATE_REQUEST => Role::Request,
        Type::REGISTRATION_REPLY
        | Type::DEREGISTRATION_REPLY
        | Type::GET_WEIGHTS_REPLY
        | Type::SET_LB_STATE_REPLY
        | Type::SET_MEMBER_STATE_REPLY => Role::Reply,
        Type::SEND_WEIGHTS => Role::Push,
        _ => return None,
    })
}

/// The reply that section 4.2 of the RFC gives a request.
pub fn reply_to(request: Type) -> Type {
    match request {
        Type::REGISTRATION_REQUEST => Type::REGISTRATION_REPLY,
        Type::DEREGISTRATION_REQUEST => Type::DEREGISTRATION_REPLY,
        Type::GET_WEIGHTS_REQUEST => Type::GET_WEIGHTS_REPLY,
        Type::SET_LB_STATE_REQUEST => Type::SET_LB_STATE_REPLY,
        Type::SET_MEMBER_STATE_REQUEST => Type::SET_MEMBER_STATE_REPLY,
        other => other,
    }
}

/// The section of RFC 4678 that describes a type.
pub fn section(kind: Type) -> Option<&'static str> {
    Some(match kind {
        Type::HEADER => "4.3",
        Type::MEMBER_DATA => "5.1",
        Type::GROUP_DATA => "5.2",
        Type::WEIGHT_ENTRY => "5.3",
        Type::MEMBER_STATE_INSTANCE => "5.4",
        Type::GROUP_OF_MEMBER_DATA => "6.1",
        Type::GROUP_OF_WEIGHT_ENTRY_DATA => "6.2",
        Type::GROUP_OF_MEMBER_STATE_DATA => "6.3",
        Type::REGISTRATION_REQUEST => "7.1.1",
        Type::REGISTRATION_REPLY => "7.1.2",
        Type::DEREGISTRATION_REQUEST => "7.2.1",
        Type::DEREGISTRATION_REPLY => "7.2.2",
        Type::GET_WEIGHTS_REQUEST => "7.3.1",
        Type::GET_WEIGHTS_REPLY => "7.3.2",
        Type::SEND_WEIGHTS => "7.4",
        Type::SET_MEMBER_STATE_REQUEST => "7.5.1",
        Type::SET_MEMBER_STATE_REPLY => "7.5.2",
        Type::SET_LB_STATE_REQUEST => "7.6.1",
        Type::SET_LB_STATE_REPLY => "7.6.2",
        _ => return None,
    })
}

/// The bits of a flag byte and their names; what is not in it is reserved.
pub type FlagNames = &'static [(u8, &'static str)];

/// Registration, DeRegistration and Set Member State (RFC 4678 section 7.1.1).
pub const SENDER_FLAGS: FlagNames = &[(crate::sasp::code::FLAG_LB, "lb")];
/// Set LB State (RFC 4678 section 7.6.1).
pub const LB_FLAGS: FlagNames = &[
    (lb_flags::PUSH, "push"),
    (lb_flags::TRUST, "trust"),
    (lb_flags::NO_CHANGE, "no_change"),
];
/// Weight Entry (RFC 4678 section 5.3).
pub const WEIGHT_FLAGS: FlagNames = &[
    (weight_flags::CONTACT, "contact"),
    (weight_flags::QUIESCE, "quiesce"),
    (weight_flags::REGISTERED_BY_LB, "registered_by_lb"),
    (weight_flags::CONFIDENT, "confident"),
];
/// Member State Instance (RFC 4678 section 5.4).
pub const MEMBER_FLAGS: FlagNames = &[(member_flags::QUIESCE, "quiesce")];

/// The names of the bits that are set.
pub fn flag_names(flags: u8, names: FlagNames) -> Vec<&'static str> {
    names
        .iter()
        .filter(|(bit, _)| flags & bit != 0)
        .map(|(_, name)| *name)
        .collect()
}

/// The bits that are set and have no name.
pub fn reserved(flags: u8, names: FlagNames) -> u8 {
    names.iter().fold(flags, |left, (bit, _)| left & !bit)
}

/// What a return code tells its reader, in a clause.
pub fn meaning(code: Code) -> &'static str {
    match code {
        Code::SUCCESS => "the request was done",
        Code::NOT_UNDERSTOOD => {
            "the GWM could not read the request, or does not speak its version (then the header has the one it speaks)"
        }
        Code::NOT_ACCEPTED => {
            "the GWM will not take this from this sender: its address or certificate may not speak for the LB UID, the connection belongs to another LB UID, or the balancer does not trust members"
        }
        Code::MEMBER_ALREADY_REGISTERED => {
            "a member is in that group already; nothing was registered"
        }
        Code::UNKNOWN_MEMBER => "a member is not in that group; nothing was changed",
        Code::UNKNOWN_GROUP => "no such group is registered for this LB UID",
        Code::UNKNOWN_LB => "nobody has spoken to the GWM as this LB UID, or it has forgotten it",
        Code::DUPLICATE_MEMBER => "a member stands twice in one group of the request",
        Code::INVALID_GROUP => {
            "the GWM cannot serve such a group, e.g. because it mixes systems and applications"
        }
        Code::DUPLICATE_GROUP => {
            "a group stands twice in the request, or \"all groups\" beside another"
        }
        Code::EMPTY_GROUP_NAME => "a group name is empty where one is needed",
        Code::INVALID_LB_UID => {
            "the LB UID is empty or longer than the GWM takes (the RFC suggests 64 bytes)"
        }
        Code::LB_NOT_CONTACTED => {
            "the balancer that the member names has not contacted the GWM; members try again later"
        }
        _ => "not a code of RFC 4678",
    }
}

/// Whether the RFC lists a code for a reply (sections 7.1.2, 7.2.2, 7.3.2, 7.5.2, 7.6.2).
pub fn is_listed(code: Code, reply: Type) -> bool {
    let others: &[Code] = match reply {
        Type::REGISTRATION_REPLY => &[
            Code::MEMBER_ALREADY_REGISTERED,
            Code::DUPLICATE_MEMBER,
            Code::INVALID_GROUP,
            Code::EMPTY_GROUP_NAME,
            Code::INVALID_LB_UID,
            Code::LB_NOT_CONTACTED,
        ],
        Type::DEREGISTRATION_REPLY => &[
            Code::UNKNOWN_MEMBER,
            Code::UNKNOWN_GROUP,
            Code::UNKNOWN_LB,
            Code::DUPLICATE_MEMBER,
            Code::DUPLICATE_GROUP,
            Code::INVALID_LB_UID,
            Code::LB_NOT_CONTACTED,
        ],
        Type::GET_WEIGHTS_REPLY => &[
            Code::UNKNOWN_GROUP,
            Code::UNKNOWN_LB,
            Code::DUPLICATE_GROUP,
            Code::INVALID_LB_UID,
        ],
        Type::SET_MEMBER_STATE_REPLY => &[
            Code::UNKNOWN_MEMBER,
            Code::UNKNOWN_GROUP,
            Code::UNKNOWN_LB,
            Code::DUPLICATE_MEMBER,
            Code::DUPLICATE_GROUP,
            Code::EMPTY_GROUP_NAME,
            Code::INVALID_LB_UID,
            Code::LB_NOT_CONTACTED,
        ],
        Type::SET_LB_STATE_REPLY => &[Code::INVALID_LB_UID],
        _ => return true,
    };
    let always = [Code::SUCCESS, Code::NOT_UNDERSTOOD, Code::NOT_ACCEPTED];
    always.contains(&code) || others.contains(&code)
}
