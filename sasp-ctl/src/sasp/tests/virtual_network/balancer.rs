//! A balancer: its machine, its end of the connection, what it has come to believe, and what must always hold.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use super::{
    pipe::{Cable, Piece},
    random::Random,
};
use crate::sasp::{
    client::{Client, Config, Desired, Event, Link, LinkDown, Lost, MemberWeight, Snapshot},
    code::{Code, Type},
    gwm::ConnectionId,
    msg::{MemberKey, Name},
};

/// RFC 4678 section 9.2.
const WAIT_MIN: Duration = Duration::from_secs(20);

/// Bytes that may wait to be written: the requests that may be under way at once, of the few members that there are.
const OUTBOX_MAX: usize = 16 * 1_024;

/// Where the attempt to connect stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Socket {
    None,
    /// The network has the answer then; true: it is "yes".
    Attempt(Instant, bool),
    /// The attempt's packets get lost.
    Lost,
    Open(ConnectionId),
}

/// What the last events said of a group.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(super) struct Belief {
    pub(super) wanted: BTreeMap<MemberKey, MemberWeight>,
    pub(super) unknown: BTreeMap<MemberKey, MemberWeight>,
}

#[derive(Debug)]
pub(super) struct Balancer {
    pub(super) client: Client,
    pub(super) uid: Name,
    /// Which GWM it speaks to.
    pub(super) gwm: usize,
    pub(super) socket: Socket,
    /// Until then it reads nothing.
    pub(super) stalled_until: Instant,
    /// Something happened for which a request may run out of time.
    pub(super) is_disturbed: bool,
    pub(super) desired: Desired,
    pub(super) beliefs: BTreeMap<Name, Belief>,
    pub(super) twins_noticed: usize,
    outbox: Vec<u8>,
    lost_at: Option<Instant>,
}

impl Balancer {
    pub(super) fn new(uid: &Name, gwm: usize, desired: Desired, seed: u64, now: Instant) -> Self {
        let mut client = Client::new(Config::new(uid.clone()), desired.clone(), seed, now);
        client.enable(now);
        Self {
            client,
            uid: uid.clone(),
            gwm,
            socket: Socket::None,
            stalled_until: now,
            is_disturbed: false,
            desired,
            beliefs: BTreeMap::new(),
            twins_noticed: 0,
            outbox: Vec::new(),
            lost_at: None,
        }
    }

    pub(super) fn want(&mut self, desired: Desired, now: Instant) {
        self.desired = desired.clone();
        self.client.set_desired(desired, now);
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        self.client.snapshot()
    }

    pub(super) fn connected(&mut self, id: ConnectionId, now: Instant) {
        self.socket = Socket::Open(id);
        self.outbox.clear();
        self.client.handle_connected(now);
    }

    pub(super) fn disconnected(&mut self, reason: LinkDown, now: Instant) {
        self.socket = Socket::None;
        self.client.handle_disconnected(reason, now);
    }

    /// Something that can be done now on its own or on an open connection; false if there is nothing.
    pub(super) fn step(
        &mut self,
        cables: &mut BTreeMap<ConnectionId, Cable>,
        now: Instant,
        random: &mut Random,
    ) -> bool {
        while let Some(event) = self.client.poll_event() {
            self.hear(event, now);
        }
        if let Socket::Open(id) = self.socket
            && let Some(cable) = cables.get_mut(&id)
            && self.move_bytes(cable, now, random)
        {
            return true;
        }
        let is_due = self.client.poll_timeout().is_some_and(|at| at <= now);
        if is_due {
            self.client.handle_timeout(now);
        }
        is_due
    }

    fn move_bytes(&mut self, cable: &mut Cable, now: Instant, random: &mut Random) -> bool {
        if self.client.link() != Link::Open {
            cable.to_gwm.send(Piece::End, now, random);
            self.socket = Socket::None;
            return true;
        }
        while let Some(bytes) = self.client.poll_transmit() {
            self.outbox.extend(bytes);
            assert!(self.outbox.len() <= OUTBOX_MAX, "a queue without end");
        }
        if !self.outbox.is_empty() && cable.to_gwm.has_room() {
            cable.to_gwm.write(&mut self.outbox, now, random);
            return true;
        }
        if self.stalled_until > now {
            return false;
        }
        match cable.to_peer.take(now) {
            None => return false,
            Some(Piece::Bytes(bytes)) => self.client.handle_bytes(&bytes, now),
            Some(Piece::End) => self.disconnected(LinkDown::Closed, now),
            Some(Piece::Broken) => self.disconnected(LinkDown::Failed("reset".into()), now),
        }
        true
    }

    /// The network's view of an attempt to connect.
    pub(super) fn wants_to_connect(&self, now: Instant) -> bool {
        let wants = self.client.link() == Link::Wanted && self.socket == Socket::None;
        if wants && let Some(lost_at) = self.lost_at {
            assert!(
                now - lost_at >= WAIT_MIN,
                "connects {:?} after a loss",
                now - lost_at
            );
        }
        wants
    }

    fn hear(&mut self, event: Event, now: Instant) {
        match event {
            Event::Weights { weights, unknown } => {
                let wanted = weights.members;
                let belief = Belief { wanted, unknown };
                self.beliefs.insert(weights.name, belief);
            }
            Event::Lost { reason, retry_in } => {
                assert!(retry_in >= WAIT_MIN);
                self.lost_at = Some(now);
                let is_fair = match reason {
                    Lost::Timeout { .. } | Lost::Refused { .. } => self.is_disturbed,
                    Lost::Framing(_)
                    | Lost::BadReply(_)
                    | Lost::Version(_)
                    | Lost::Unsendable(_) => false,
                    _ => true,
                };
                assert!(is_fair, "{reason}");
            }
            Event::Refused { request, code, .. } => {
                // A member that has left by itself.
                let left = matches!(code, Code::UNKNOWN_MEMBER | Code::UNKNOWN_GROUP);
                assert!(
                    request == Type::SET_MEMBER_STATE_REQUEST && left,
                    "{request}: {code}"
                );
            }
            Event::Ignored(error) => panic!("a GWM said what makes no sense: {error}"),
            Event::DuplicateUid => self.twins_noticed += 1,
            Event::DeregisteredAll(_) => {
                // It comes back at once, as a service manager would have it.
                self.lost_at = None;
                self.client.enable(now);
            }
            Event::Connected | Event::Synced { .. } => {}
        }
    }
}
