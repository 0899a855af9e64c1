//! One pair of a balancer and a group: what the GWM knows, what is to be said next, what a code means.

use std::time::{Duration, Instant};

use super::{
    config::{Condition, Presence, Wanted},
    event::{Event, Pair, Registration},
    requests::Request,
};
use crate::sasp::code::Code;
use crate::sasp::saturate::Later as _;
use crate::sasp::waits::{Jitter, Waits};

/// A GWM that takes a registration and does not know the member then, so often in a row, is not asked at once again.
const CONTRADICTIONS_MAX: u8 = 2;

/// Whether the GWM has the member.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Registered {
    No,
    /// It had it, on an earlier connection or by somebody else's word.
    Perhaps,
    Yes,
}

/// When something is to be said.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Due {
    Now,
    At(Instant),
}

impl Due {
    fn from(at: Option<Instant>) -> Self {
        at.map_or(Self::Now, Self::At)
    }

    /// Whether that time has come.
    fn is_over(self, now: Instant) -> bool {
        match self {
            Self::Now => true,
            Self::At(at) => at <= now,
        }
    }

    /// The time, but not before `earliest`; `None`: now.
    pub(super) fn after(self, earliest: Option<Instant>) -> Option<Instant> {
        match self {
            Self::Now => earliest,
            Self::At(at) => Some(at).max(earliest),
        }
    }
}

/// A reply.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answer {
    pub(super) request: Request,
    pub(super) code: Code,
    /// When a registration that this answer confirms is repeated.
    pub(super) refresh_at: Option<Instant>,
}

/// The progress of one pair.
#[derive(Debug)]
pub(super) struct Progress {
    pair: Pair,
    registered_by_others: bool,
    registered: Registered,
    /// What this connection was told.
    told: Option<Condition>,
    /// What the owner heard of what the GWM knows, over all connections.
    announced: Option<Condition>,
    /// A request is on its way.
    asked: Option<Request>,
    refused: bool,
    /// After a refusal that may be over then.
    wait_until: Option<Instant>,
    /// Going waits as well: it was going that was refused, or the balancer is not there.
    wait_is_for_all: bool,
    refresh_at: Option<Instant>,
    waits: Waits,
    contradictions: u8,
}

impl Progress {
    pub(super) fn new(pair: Pair, registered_by_others: bool, waits: Waits) -> Self {
        Self {
            pair,
            registered_by_others,
            registered: if registered_by_others {
                Registered::Perhaps
            } else {
                Registered::No
            },
            told: None,
            announced: None,
            asked: None,
            refused: false,
            wait_until: None,
            wait_is_for_all: false,
            refresh_at: None,
            waits,
            contradictions: 0,
        }
    }

    pub(super) fn pair(&self) -> &Pair {
        &self.pair
    }

    pub(super) fn is_registered(&self) -> bool {
        self.registered == Registered::Yes
    }

    /// As far as it knows; a registration that is on its way counts.
    pub(super) fn may_be_registered(&self) -> bool {
        self.registered != Registered::No || self.asked == Some(Request::Register)
    }

    pub(super) fn is_refused(&self) -> bool {
        self.refused
    }

    /// Nothing is on its way, missing or to be kept up.
    pub(super) fn is_done(&self, wanted: &Wanted) -> bool {
        self.asked.is_none() && self.next(wanted).is_none()
    }

    /// When there is something to be said next, unless a reply comes before.
    pub(super) fn due(&self, wanted: &Wanted) -> Option<Due> {
        match self.asked {
            None => self.next(wanted).map(|(_, due)| due),
            Some(_) => None,
        }
    }

    /// There is something to be said now.
    pub(super) fn is_due(&self, wanted: &Wanted, now: Instant) -> bool {
        self.due(wanted).is_some_and(|due| due.is_over(now))
    }

    /// What is to be sent now, if anything.
    pub(super) fn start(&mut self, wanted: &Wanted, now: Instant) -> Option<Request> {
        if !self.is_due(wanted, now) {
            return None;
        }
        let (request, _) = self.next(wanted)?;
        self.asked = Some(request);
        self.wait_until = None;
        self.asked
    }

    /// The connection is no more: what was on its way may have been done, and the GWM may be another one next time.
    pub(super) fn disconnected(&mut self) {
        let registering = self.asked == Some(Request::Register);
        if self.registered == Registered::Yes || registering {
            self.registered = Registered::Perhaps;
        }
        (self.asked, self.told, self.refresh_at) = (None, None, None);
    }

    /// Nothing is said any more.
    pub(super) fn refuse(&mut self) {
        self.refused = true;
    }

    /// What is to be said next, and when.
    fn next(&self, wanted: &Wanted) -> Option<(Request, Due)> {
        if self.refused {
            return None;
        }
        if let Some(missing) = self.missing(wanted) {
            // A refusal of something else is no reason to stay.
            let holds = missing != Request::Deregister || self.wait_is_for_all;
            let wait_until = self.wait_until.filter(|_| holds);
            return Some((missing, Due::from(wait_until)));
        }
        let refresh_at = self
            .refresh_at
            .filter(|_| wanted.presence == Presence::Registered)?;
        // A repetition that was refused waits, too.
        let at = Some(refresh_at).max(self.wait_until).unwrap_or(refresh_at);
        Some((Request::Register, Due::At(at)))
    }

    /// What the GWM does not know yet.
    fn missing(&self, wanted: &Wanted) -> Option<Request> {
        match (wanted.presence, self.registered) {
            (Presence::Registered, Registered::No | Registered::Perhaps) => Some(Request::Register),
            (Presence::Gone, Registered::Yes | Registered::Perhaps) => Some(Request::Deregister),
            (Presence::Gone | Presence::Any, Registered::No) => None,
            (Presence::Registered, Registered::Yes)
            | (Presence::Any, Registered::Yes | Registered::Perhaps) => wanted
                .condition
                .filter(|condition| self.told != Some(*condition))
                .map(Request::SetState),
        }
    }

    /// Takes the reply to what was asked.
    pub(super) fn answered(
        &mut self,
        answer: Answer,
        wanted: &Wanted,
        jitter: &mut Jitter,
        now: Instant,
    ) -> Option<Event> {
        self.asked = None;
        let Answer { request, code, .. } = answer;
        match (request, code) {
            (Request::Register, Code::SUCCESS | Code::MEMBER_ALREADY_REGISTERED) => {
                self.registered(code == Code::SUCCESS, answer.refresh_at)
            }
            (Request::Register, Code::INVALID_GROUP)
                if self.may_be_registered() && wanted.condition.is_some() =>
            {
                self.find_out_otherwise(answer.refresh_at);
                None
            }
            (Request::Deregister, Code::SUCCESS | Code::UNKNOWN_MEMBER | Code::UNKNOWN_GROUP) => {
                self.deregistered(code)
            }
            (Request::SetState(condition), Code::SUCCESS) => self.told(condition),
            (Request::SetState(_), Code::UNKNOWN_MEMBER | Code::UNKNOWN_GROUP) => {
                self.unknown(answer, wanted, jitter, now)
            }
            (_, Code::LB_NOT_CONTACTED | Code::UNKNOWN_LB) => {
                self.balancer_is_absent(answer, jitter, now)
            }
            (
                _,
                Code::NOT_UNDERSTOOD
                | Code::NOT_ACCEPTED
                | Code::DUPLICATE_MEMBER
                | Code::DUPLICATE_GROUP
                | Code::EMPTY_GROUP_NAME
                | Code::INVALID_LB_UID,
            ) => {
                self.refuse();
                let (pair, request) = (self.pair.clone(), request.kind());
                Some(Event::Refused {
                    pair,
                    request,
                    code,
                })
            }
            // Code 0x45 may be about limits that have room again later; and nobody knows about unknown codes.
            _ => Some(self.wait(answer, self.waits.longest(jitter), now)),
        }
    }

    fn registered(&mut self, anew: bool, refresh_at: Option<Instant>) -> Option<Event> {
        let how = match (anew, self.registered) {
            (true, Registered::Yes) => Registration::Renewed,
            (true, _) => Registration::New,
            (false, _) => Registration::Already,
        };
        let is_news = anew || self.registered != Registered::Yes;
        self.registered = Registered::Yes;
        self.refresh_at = refresh_at;
        self.waits.reset();
        // What the GWM took in just now has the condition of every newcomer. What it had already may have any,
        // e.g. because the balancer registered it meanwhile, so it is told again.
        self.told = anew.then(Condition::default);
        if anew {
            self.announced = self.told;
        }
        let pair = self.pair.clone();
        is_news.then_some(Event::Registered { pair, how })
    }

    /// A GWM without room for another member refuses also one that it has. Its reply to a condition tells.
    fn find_out_otherwise(&mut self, refresh_at: Option<Instant>) {
        self.registered = Registered::Yes;
        (self.told, self.announced) = (None, None);
        self.refresh_at = refresh_at;
    }

    fn deregistered(&mut self, code: Code) -> Option<Event> {
        self.is_gone();
        let pair = self.pair.clone();
        Some(Event::Deregistered { pair, code })
    }

    fn told(&mut self, condition: Condition) -> Option<Event> {
        self.contradictions = 0;
        self.waits.reset();
        self.registered = Registered::Yes;
        self.told = Some(condition);
        let is_news = self.announced != self.told;
        self.announced = self.told;
        let pair = self.pair.clone();
        is_news.then_some(Event::Told { pair, condition })
    }

    /// The GWM has no such member to set the state of.
    fn unknown(
        &mut self,
        answer: Answer,
        wanted: &Wanted,
        jitter: &mut Jitter,
        now: Instant,
    ) -> Option<Event> {
        self.is_gone();
        if wanted.presence != Presence::Registered {
            let (pair, code) = (self.pair.clone(), answer.code);
            return Some(Event::NotRegistered { pair, code });
        }
        self.contradictions = self.contradictions.saturating_add(1);
        (self.contradictions >= CONTRADICTIONS_MAX)
            .then(|| self.wait(answer, self.waits.longest(jitter), now))
    }

    fn balancer_is_absent(
        &mut self,
        answer: Answer,
        jitter: &mut Jitter,
        now: Instant,
    ) -> Option<Event> {
        self.is_gone();
        let retry_in = self.waits.next(jitter);
        let waiting = self.wait(answer, retry_in, now);
        if self.registered_by_others {
            self.registered = Registered::Perhaps;
        } else if answer.request == Request::Deregister {
            return self.deregistered(answer.code);
        }
        Some(waiting)
    }

    fn is_gone(&mut self) {
        self.registered = Registered::No;
        (self.told, self.announced, self.refresh_at) = (None, None, None);
    }

    fn wait(&mut self, answer: Answer, retry_in: Duration, now: Instant) -> Event {
        self.wait_until = Some(now.later(retry_in));
        let Answer { request, code, .. } = answer;
        self.wait_is_for_all = request == Request::Deregister
            || matches!(code, Code::LB_NOT_CONTACTED | Code::UNKNOWN_LB);
        Event::Waiting {
            pair: self.pair.clone(),
            request: answer.request.kind(),
            code: answer.code,
            retry_in,
        }
    }
}
