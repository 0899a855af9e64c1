//! Events of the state machine as log lines, one each unless a peer causes too many of a sort.

use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tracing::field::{DisplayValue, display};
use tracing::{debug, info, warn};

use super::throttle::{KeptBack, Sort, Throttle};
use crate::sasp::codec::Cause;
use crate::sasp::gwm::{CloseReason, Event};
use crate::sasp::msg::Name;
use crate::tls::HandshakeError;

/// Logs events.
#[derive(Default, Debug)]
pub(super) struct Log {
    throttle: Mutex<Throttle>,
}

impl Log {
    /// Logs one event, unless its sort has had its lines for this window; `why` is what only the connection knows.
    pub(super) fn event(&self, event: Event, why: Option<&str>) {
        let (sort, peer) = sort(&event);
        if self.throttle().admits(sort, peer.ip()) {
            write(event, why);
        }
    }

    /// Logs that a peer did not get through the TLS handshake. One that just went away, as health checks do, is no news.
    pub(super) fn handshake(&self, peer: SocketAddr, error: &HandshakeError) {
        if error.peer_left() {
            debug!(%peer, "no TLS: {error}");
        } else if self.throttle().admits(Sort::Handshake, peer.ip()) {
            warn!(%peer, "no TLS: {error}");
        }
    }

    /// Begins a new window; says how many lines the last one has kept back.
    pub(super) fn end_window(&self) {
        let kept_back = self.throttle().end_window();
        for KeptBack {
            sort,
            source,
            lines,
        } in kept_back
        {
            match source {
                Some(source) => warn!(%source, lines, "more of the same not logged: {sort}"),
                None => warn!(
                    lines,
                    "more of the same from other sources not logged: {sort}"
                ),
            }
        }
    }

    /// Counts stay right between any two changes, so a poisoned lock is used on.
    fn throttle(&self) -> MutexGuard<'_, Throttle> {
        self.throttle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is counted together, and for whom.
fn sort(event: &Event) -> (Sort, SocketAddr) {
    let (sort, peer) = match event {
        Event::BalancerConnected { peer, .. } => (Sort::Connected, peer),
        Event::BalancerReplaced { new, .. } => (Sort::Replaced, new),
        Event::BalancerLost { peer, .. } => (Sort::Lost, peer),
        Event::GraceExpired { peer, .. } => (Sort::Expired, peer),
        Event::BalancerDiscarded { peer, .. } => (Sort::Discarded, peer),
        Event::BalancerState { peer, .. } => (Sort::State, peer),
        Event::Refused { peer, refusal, .. } => (Sort::Refused(*refusal), peer),
        Event::Closed { peer, reason, .. } => (Sort::Closed(*reason), peer),
        Event::Registered { peer, .. } => (Sort::Registered, peer),
        Event::Deregistered { peer, .. } => (Sort::Deregistered, peer),
        Event::MemberStates { peer, .. } => (Sort::MemberStates, peer),
    };
    (sort, *peer)
}

fn write(event: Event, why: Option<&str>) {
    match event {
        Event::BalancerConnected {
            uid,
            peer,
            remembered_members,
        } => info!(%uid, %peer, remembered_members, "balancer connected"),
        Event::BalancerReplaced { uid, old, new } => {
            warn!(%uid, %old, %new, "balancer replaced by a newer connection with its LB UID")
        }
        Event::BalancerLost { uid, peer, members } => {
            warn!(%uid, %peer, members, why, "balancer lost, its groups stay for the grace time")
        }
        Event::GraceExpired { uid, peer, members } => {
            warn!(%uid, %peer, members, "grace time expired, balancer forgotten")
        }
        Event::BalancerDiscarded { uid, peer, members } => {
            warn!(
                %uid, %peer, members,
                "balancer without a connection forgotten: limits.balancers is reached and another one needs its place"
            )
        }
        Event::BalancerState {
            uid,
            peer,
            health,
            push,
            trust,
            no_change,
        } => info!(%uid, %peer, health, push, trust, no_change, "balancer state"),
        Event::Registered {
            uid,
            peer,
            members,
            unmatched,
            by,
        } => info!(%uid, %peer, members, unmatched, %by, "members registered"),
        Event::Deregistered {
            uid,
            peer,
            members,
            reason,
            by,
        } => info!(%uid, %peer, members, %reason, %by, "members deregistered"),
        Event::MemberStates {
            uid,
            peer,
            members,
            by,
        } => info!(%uid, %peer, members, %by, "member states changed"),
        Event::Refused {
            uid,
            peer,
            kind,
            refusal,
            cause,
        } => {
            let (code, cause) = (refusal.code().0, in_brackets(cause));
            warn!(%peer, uid = optional(uid), "{kind} refused with {code:#04x}: {refusal}{cause}");
        }
        Event::Closed {
            uid,
            peer,
            reason,
            cause,
        } => write_closed(uid, peer, reason, cause),
    }
}

fn write_closed(uid: Option<Name>, peer: SocketAddr, reason: CloseReason, cause: Option<Cause>) {
    // `BalancerReplaced` has said it.
    if reason != CloseReason::Replaced {
        let cause = in_brackets(cause);
        warn!(%peer, uid = optional(uid), "connection closed: {reason}{cause}");
    }
}

/// The balancer that a connection speaks for; no field if it speaks for none.
fn optional(uid: Option<Name>) -> Option<DisplayValue<Name>> {
    uid.map(display)
}

fn in_brackets(cause: Option<Cause>) -> String {
    cause.map_or_else(String::new, |cause| format!(" ({cause})"))
}
