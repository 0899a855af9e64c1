//! What the machine tells its owner.

use std::{collections::BTreeMap, time::Duration};

use serde::Serialize;

use crate::sasp::{
    code::{Code, Type},
    codec::{DecodeError, EncodeError},
    frame::FrameError,
    msg::{MemberKey, Name},
};

/// Where the session stands.
///
/// ```text
/// DISABLED ─► CONNECTING ─► SYNC ─► CONVERGING ⇄ ACTIVE
///                 ▲           │         │          │
///                 └─ BACKOFF ◄┴─────────┴──────────┘   any failure; DUPLICATE if our UID has another user
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Not wanted.
    Disabled,
    /// A connection is being made.
    Connecting,
    /// The GWM is being told who we are and what we have.
    Sync,
    /// Some group was registered so lately that the GWM cannot know all of it.
    Converging,
    /// All is told and weights can be believed.
    Active,
    /// Waiting before the next attempt.
    Backoff,
    /// The same, for long: another balancer seems to use our UID, and each throws the other out.
    Duplicate,
}

/// What the GWM says about one group: everything it last said, merged.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct GroupWeights {
    /// The group.
    pub name: Name,
    /// Members that we want in it. One that is missing here is unknown to the GWM: it has not spoken of it on
    /// this connection, or no longer has it.
    pub members: BTreeMap<MemberKey, MemberWeight>,
    /// The group was registered so lately that a missing contact or confidence shall take nobody down.
    pub converging: bool,
}

/// What the GWM says about one member (RFC 4678 section 5.3).
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug, Serialize)]
pub struct MemberWeight {
    /// The GWM can reach the member.
    pub contact: bool,
    /// No new work is wanted.
    pub quiesce: bool,
    /// The GWM stands behind the weight.
    pub confident: bool,
    /// Registered by the balancer; else by the member itself.
    pub by_lb: bool,
    /// Relative to the other members of the group.
    pub weight: u16,
    /// Opaque state byte that the member has set.
    pub state: u8,
}

/// What has happened, in order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// A connection stands; nothing was said yet.
    Connected,
    /// The GWM knows everything that we want it to know.
    Synced {
        /// Groups that are registered.
        groups: usize,
    },
    /// A message said something about this group; or its time of convergence is over.
    Weights {
        /// The members that we want in the group.
        weights: GroupWeights,
        /// Members that only the GWM knows, e.g. because they registered themselves. Not to be used unasked.
        unknown: BTreeMap<MemberKey, MemberWeight>,
    },
    /// The GWM refused a request; the session goes on without.
    Refused {
        /// The request.
        request: Type,
        /// The group that it was about, if one.
        group: Option<Name>,
        /// Why.
        code: Code,
    },
    /// The GWM sent a message that could not be understood; it was ignored.
    Ignored(DecodeError),
    /// The connection is no more.
    Lost {
        /// Why.
        reason: Lost,
        /// When the next attempt comes.
        retry_in: Duration,
    },
    /// Connections keep being closed soon after they stand: another balancer seems to use our UID.
    DuplicateUid,
    /// How [`super::Client::deregister_all`] ended; the session is disabled now.
    DeregisteredAll(Result<(), NotDeregistered>),
}

/// Why there is no connection any more.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Lost {
    /// The driver could not connect.
    #[error("cannot connect: {0}")]
    Unreachable(String),
    /// Connecting took too long.
    #[error("cannot connect: no answer in time")]
    ConnectTimeout,
    /// The GWM closed the connection.
    #[error("the GWM closed the connection")]
    Closed,
    /// The GWM closed the connection inside a message.
    #[error("the GWM closed the connection inside a message")]
    ClosedInMessage,
    /// The connection broke.
    #[error("the connection broke: {0}")]
    Failed(String),
    /// No reply in time.
    #[error("no reply to a {request} in time")]
    Timeout {
        /// The request.
        request: Type,
    },
    /// What came is not SASP, or not any more.
    #[error("lost framing: {0}")]
    Framing(#[from] FrameError),
    /// A reply that we wait for makes no sense.
    #[error("the reply makes no sense: {0}")]
    BadReply(DecodeError),
    /// A request cannot be written; they are cut into pieces far below any limit.
    #[error("cannot write a request: {0}")]
    Unsendable(EncodeError),
    /// The GWM does not speak our version.
    #[error("the GWM speaks version {0} of SASP, we speak {version} only", version = crate::sasp::code::VERSION)]
    Version(u8),
    /// The GWM refuses something without which no session is possible.
    #[error("the GWM refused a {request}: {code} ({:#04x}){}", .code.0, advice(*.code))]
    Refused {
        /// The request.
        request: Type,
        /// Why.
        code: Code,
    },
}

/// What to do about a refusal that ends a session, for the end of its line.
fn advice(code: Code) -> &'static str {
    match code {
        Code::NOT_ACCEPTED => {
            ": see that it admits our LB UID from this address and, under TLS, with our certificate"
        }
        Code::INVALID_LB_UID => ": choose another LB UID",
        _ => "",
    }
}

/// How the driver's connection ended, or why it never stood.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LinkDown {
    /// No connection could be made.
    Unreachable(String),
    /// The peer closed or reset it.
    Closed,
    /// It broke otherwise.
    Failed(String),
}

/// Why the GWM may still know our members.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotDeregistered {
    /// There was no connection.
    #[error("there is no connection to the GWM, it drops the members after its grace time")]
    NotConnected,
    /// The connection broke before the reply.
    #[error("the connection broke before the GWM confirmed")]
    Lost,
    /// The GWM refused.
    #[error("the GWM refused: {0}")]
    Refused(Code),
}
