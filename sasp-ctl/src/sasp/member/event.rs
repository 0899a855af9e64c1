//! What an agent tells its owner. What only repeats what is known, such as a refreshed registration, is no event.

use std::{fmt, time::Duration};

use super::{Lost, config::Condition};
use crate::sasp::{
    code::{Code, Type},
    codec::DecodeError,
    msg::Name,
};

/// One balancer's group: what a member is registered in.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Pair {
    /// The balancer.
    pub uid: Name,
    /// Its group, which another balancer may have, too.
    pub group: Name,
}

impl fmt::Display for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "group {} of balancer {}", self.group, self.uid)
    }
}

/// How a registration went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Registration {
    /// The GWM did not have the member.
    New,
    /// The GWM had the member already, by whomever.
    Already,
    /// The GWM had forgotten the member, on a connection on which it was registered.
    Renewed,
}

/// What has happened, in order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// A connection stands; nothing was said yet.
    Connected,
    /// The member is registered.
    Registered {
        /// Where.
        pair: Pair,
        /// How that went.
        how: Registration,
    },
    /// The GWM knows another condition of the member than before.
    Told {
        /// Where.
        pair: Pair,
        /// The condition.
        condition: Condition,
    },
    /// The member is not registered (any more), as was wanted.
    Deregistered {
        /// Where.
        pair: Pair,
        /// What the GWM said: success, or that it does not have such a member, group or balancer.
        code: Code,
    },
    /// The member is not registered, so the GWM does not take its condition.
    NotRegistered {
        /// Where.
        pair: Pair,
        /// What the GWM does not have.
        code: Code,
    },
    /// The GWM refused what it may take later; it is tried again.
    Waiting {
        /// Where.
        pair: Pair,
        /// The request.
        request: Type,
        /// Why.
        code: Code,
        /// When it is tried again.
        retry_in: Duration,
    },
    /// The GWM refused what it will not take later, either. Nothing is said for this pair any more.
    Refused {
        /// Where.
        pair: Pair,
        /// The request.
        request: Type,
        /// Why.
        code: Code,
    },
    /// The GWM does not speak our version of SASP. Nothing is said for any pair any more.
    VersionRefused {
        /// The highest that it speaks.
        version: u8,
    },
    /// The GWM sent a message that could not be understood; it was ignored.
    Ignored(DecodeError),
    /// The connection is no more, or could not be made.
    Lost {
        /// Why.
        reason: Lost,
        /// When the next attempt comes; `None`: nothing is left to be said.
        retry_in: Option<Duration>,
    },
}
