//! Every SASP number, each once (RFC 4678 sections 4.2, 5 to 7; rulings where its figures disagree).
//!
//! Open newtypes instead of closed enums: an unknown value survives decoding and encoding, and prints as hex.

use std::fmt;

use serde::{Serialize, Serializer};

/// The TCP port on which a GWM listens (RFC 4678 section 10).
pub const PORT: u16 = 3860;
/// The protocol version that we speak.
pub const VERSION: u8 = 1;
/// The longest LB UID that we accept, in bytes (RFC 4678 section 5.2: "should not be longer than 64").
pub const LB_UID_MAX: usize = 64;

macro_rules! open_enum {
    ($(#[$doc:meta])* $name:ident($int:ty) { $($(#[$vdoc:meta])* $variant:ident = $value:literal, $text:literal;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub $int);

        impl $name {
            $($(#[$vdoc])* pub const $variant: Self = Self($value);)*

            /// The name of a known value.
            pub fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($value => Some($text),)*
                    _ => None,
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self.name() {
                    Some(name) => f.write_str(name),
                    None => write!(f, "unknown {:#x}", self.0),
                }
            }
        }

        /// The name, as [`fmt::Display`] has it.
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{self} ({:#04x})", self.0)
            }
        }
    };
}

open_enum! {
    /// The type of a TLV: header, message or component (RFC 4678 section 4.2).
    Type(u16) {
        /// The header that starts every message.
        HEADER = 0x2010, "SASP Header";
        /// Registration Request, LB or member to GWM.
        REGISTRATION_REQUEST = 0x1010, "Registration Request";
        /// Registration Reply.
        REGISTRATION_REPLY = 0x1015, "Registration Reply";
        /// DeRegistration Request.
        DEREGISTRATION_REQUEST = 0x1020, "DeRegistration Request";
        /// DeRegistration Reply; figures 20 and 22 of the RFC print it for two other replies as well.
        DEREGISTRATION_REPLY = 0x1025, "DeRegistration Reply";
        /// Get Weights Request.
        GET_WEIGHTS_REQUEST = 0x1030, "Get Weights Request";
        /// Get Weights Reply.
        GET_WEIGHTS_REPLY = 0x1035, "Get Weights Reply";
        /// Send Weights, pushed by the GWM.
        SEND_WEIGHTS = 0x1040, "Send Weights";
        /// Set Load Balancer State Request.
        SET_LB_STATE_REQUEST = 0x1050, "Set LB State Request";
        /// Set Load Balancer State Reply (section 4.2, not figure 22).
        SET_LB_STATE_REPLY = 0x1055, "Set LB State Reply";
        /// Set Member State Request.
        SET_MEMBER_STATE_REQUEST = 0x1060, "Set Member State Request";
        /// Set Member State Reply (section 4.2, not figure 20).
        SET_MEMBER_STATE_REPLY = 0x1065, "Set Member State Reply";
        /// Member Data component.
        MEMBER_DATA = 0x3010, "Member Data";
        /// Group Data component.
        GROUP_DATA = 0x3011, "Group Data";
        /// Weight Entry Data component.
        WEIGHT_ENTRY = 0x3012, "Weight Entry";
        /// Member State Instance component.
        MEMBER_STATE_INSTANCE = 0x3013, "Member State Instance";
        /// Group of Member Data component.
        GROUP_OF_MEMBER_DATA = 0x4010, "Group of Member Data";
        /// Group of Weight Entry Data component.
        GROUP_OF_WEIGHT_ENTRY_DATA = 0x4011, "Group of Weight Entry Data";
        /// Group of Member State Data component (section 4.2, not figure 11).
        GROUP_OF_MEMBER_STATE_DATA = 0x4012, "Group of Member State Data";
    }
}

open_enum! {
    /// A return code (RFC 4678 section 7).
    Code(u8) {
        /// The request was done.
        SUCCESS = 0x00, "success";
        /// Well framed, but not understood; or a version that the GWM does not speak.
        NOT_UNDERSTOOD = 0x10, "message not understood";
        /// The GWM will not take this message from this sender.
        NOT_ACCEPTED = 0x11, "not accepted from this sender";
        /// The member is registered in that group already.
        MEMBER_ALREADY_REGISTERED = 0x40, "member already registered";
        /// The member is not in that group.
        UNKNOWN_MEMBER = 0x41, "unknown member";
        /// This LB has no such group.
        UNKNOWN_GROUP = 0x42, "unknown group";
        /// The GWM does not know this LB UID.
        UNKNOWN_LB = 0x43, "unknown LB UID";
        /// A member stands twice in one group of the request.
        DUPLICATE_MEMBER = 0x44, "duplicate member in the request";
        /// The group is not one that the GWM can serve.
        INVALID_GROUP = 0x45, "invalid group";
        /// A group stands twice in the request, or "all groups" beside another.
        DUPLICATE_GROUP = 0x46, "duplicate group in the request";
        /// A group name of length 0 where one is needed.
        EMPTY_GROUP_NAME = 0x50, "empty group name";
        /// An LB UID of length 0 or above the limit.
        INVALID_LB_UID = 0x51, "invalid LB UID length";
        /// A member names an LB that has not contacted the GWM.
        LB_NOT_CONTACTED = 0x61, "LB has not contacted the GWM";
    }
}

open_enum! {
    /// Why something is deregistered (RFC 4678 section 7.2).
    Reason(u8) {
        /// No reason given.
        NONE = 0x00, "no reason";
        /// Learned or purposeful.
        PURPOSEFUL = 0x01, "learned and purposeful";
    }
}

impl Type {
    /// True for the types that come directly after a header.
    pub(super) fn is_message(self) -> bool {
        self.name().is_some() && self.0 & 0xf000 == 0x1000
    }

    /// True for the messages that answer another.
    pub(super) fn is_reply(self) -> bool {
        matches!(
            self,
            Self::REGISTRATION_REPLY
                | Self::DEREGISTRATION_REPLY
                | Self::GET_WEIGHTS_REPLY
                | Self::SET_LB_STATE_REPLY
                | Self::SET_MEMBER_STATE_REPLY
        )
    }
}

/// Flags of a Registration, DeRegistration or Set Member State Request: the sender is the LB.
pub const FLAG_LB: u8 = 0x01;

/// Flags of Set LB State (RFC 4678 section 7.6).
pub mod lb_flags {
    /// The GWM shall send weights unasked.
    pub const PUSH: u8 = 0x01;
    /// Members may register themselves.
    pub const TRUST: u8 = 0x02;
    /// Leave out what has not changed.
    pub const NO_CHANGE: u8 = 0x04;
}

/// Flags of a Weight Entry (RFC 4678 section 5.3).
pub mod weight_flags {
    /// The GWM can reach the member.
    pub const CONTACT: u8 = 0x01;
    /// The member wants no new work.
    pub const QUIESCE: u8 = 0x02;
    /// Registered by the LB; else by the member itself.
    pub const REGISTERED_BY_LB: u8 = 0x04;
    /// The GWM stands behind this weight.
    pub const CONFIDENT: u8 = 0x08;
}

/// Flags of a Member State Instance (RFC 4678 section 5.4). Quiesce is another bit than in a Weight Entry.
pub mod member_flags {
    /// The member wants no new work.
    pub const QUIESCE: u8 = 0x01;
}
