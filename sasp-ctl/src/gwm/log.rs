//! Events of the state machine as log lines, one each.

use tracing::field::{DisplayValue, display};
use tracing::{info, warn};

use crate::sasp::codec::Cause;
use crate::sasp::gwm::{CloseReason, Event};
use crate::sasp::msg::Name;

/// Logs one event.
pub(super) fn event(event: Event) {
    match event {
        Event::BalancerConnected {
            uid,
            peer,
            remembered_members,
        } => info!(%uid, %peer, remembered_members, "balancer connected"),
        Event::BalancerReplaced { uid, old, new } => {
            warn!(%uid, %old, %new, "balancer replaced by a newer connection with its LB UID")
        }
        Event::BalancerLost { uid, members } => {
            warn!(%uid, members, "balancer lost, its groups stay for the grace time")
        }
        Event::GraceExpired { uid, members } => {
            warn!(%uid, members, "grace time expired, balancer forgotten")
        }
        Event::BalancerState {
            uid,
            health,
            push,
            trust,
            no_change,
        } => info!(%uid, health, push, trust, no_change, "balancer state"),
        Event::Registered {
            uid,
            members,
            unmatched,
            by,
        } => info!(%uid, members, unmatched, %by, "members registered"),
        Event::Deregistered {
            uid,
            members,
            reason,
            by,
        } => info!(%uid, members, %reason, %by, "members deregistered"),
        Event::MemberStates { uid, members, by } => {
            info!(%uid, members, %by, "member states changed")
        }
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
        } if reason != CloseReason::Replaced => {
            let cause = in_brackets(cause);
            warn!(%peer, uid = optional(uid), "connection closed: {reason}{cause}");
        }
        // `BalancerReplaced` has said it.
        Event::Closed { .. } => {}
    }
}

/// The balancer that a connection speaks for; no field if it speaks for none.
fn optional(uid: Option<Name>) -> Option<DisplayValue<Name>> {
    uid.map(display)
}

fn in_brackets(cause: Option<Cause>) -> String {
    cause.map_or_else(String::new, |cause| format!(" ({cause})"))
}
