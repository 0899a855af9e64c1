//! What a GWM remembers of one connection: who speaks on it and what waits to be sent.

use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::net::SocketAddr;
use std::time::Instant;

use super::identity::Identity;
use super::refusal::Refusal;
use crate::sasp::code::Type;
use crate::sasp::msg::{Message, Name};

/// Replies that may wait on one connection. A driver sends what waits before it hands in the next request, so
/// more than one waits only if it does not.
pub(super) const REPLIES_MAX: usize = 16;

/// A connection, numbered by the driver; never used twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ConnectionId(pub u64);

/// Why the GWM ends a connection.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum CloseReason {
    /// Where the next message starts is not known any more.
    FramingLost,
    /// A message that no GWM is sent: an unknown type, a reply, Send Weights.
    UnexpectedMessage,
    /// Another connection speaks for the same LB UID now.
    Replaced,
    /// No message in the time for the first one, or for too long.
    Silent,
    /// The limit of connections was reached, and others were of more use.
    TooManyConnections,
    /// The peer takes no replies but goes on asking.
    RepliesNotTaken,
    /// After a reload the policy does not admit this balancer any more.
    NotAdmitted,
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FramingLost => "what it sends is no SASP",
            Self::UnexpectedMessage => "it sent a message that is not for a GWM",
            Self::Replaced => "another connection speaks for this LB UID now",
            Self::Silent => "it was silent for too long",
            Self::TooManyConnections => "the limit of connections is reached",
            Self::RepliesNotTaken => "it does not take its replies",
            Self::NotAdmitted => "it is not admitted any more",
        })
    }
}

/// The state of one connection.
#[derive(Clone, Debug)]
pub(super) struct Connection {
    pub(super) peer: SocketAddr,
    /// Who its certificate says that it is; `None` if it has shown none.
    pub(super) identity: Option<Identity>,
    /// The LB UID that this connection speaks for, once it has said so successfully.
    pub(super) bound: Option<Name>,
    /// When the last message came, or the connection was made.
    pub(super) heard: Instant,
    /// A message has come.
    pub(super) has_spoken: bool,
    /// Encoded by the driver in this order, before any push.
    pub(super) replies: VecDeque<Message>,
    /// When the interval asks for the next Send Weights.
    pub(super) push_at: Instant,
    /// That time has come.
    pub(super) push_due: bool,
    /// It has been told weights in answer to a question; the first answer is complete even under No-Change.
    pub(super) has_asked: bool,
    /// Refusals that were reported; the same again is only counted.
    reported: BTreeSet<(Type, Refusal)>,
}

impl Connection {
    pub(super) fn new(peer: SocketAddr, now: Instant) -> Self {
        Self {
            peer,
            identity: None,
            bound: None,
            heard: now,
            has_spoken: false,
            replies: VecDeque::new(),
            push_at: now,
            push_due: false,
            has_asked: false,
            reported: BTreeSet::new(),
        }
    }

    /// True the first time that this connection sees this refusal.
    pub(super) fn is_news(&mut self, kind: Type, refusal: Refusal) -> bool {
        self.reported.insert((kind, refusal))
    }
}
