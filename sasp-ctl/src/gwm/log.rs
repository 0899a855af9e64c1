//! Events of the state machine as log lines, one each.

use tracing::{info, warn};

use crate::sasp::gwm::{Event, Speaker};

/// Logs one event.
pub(super) fn event(event: Event) {
    match event {
        Event::BalancerConnected {
            uid,
            peer,
            remembered_members,
        } => {
            info!(%uid, %peer, remembered_members, "balancer connected");
        }
        Event::BalancerReplaced { uid, old, new } => {
            warn!(%uid, %old, %new, "balancer replaced by a newer connection with its LB UID");
        }
        Event::BalancerLost { uid, members } => {
            warn!(%uid, members, "balancer lost, its groups stay for the grace time");
        }
        Event::GraceExpired { uid, members } => {
            warn!(%uid, members, "grace time expired, balancer forgotten");
        }
        Event::BalancerState {
            uid,
            health,
            push,
            trust,
            no_change,
        } => {
            info!(%uid, health, push, trust, no_change, "balancer state");
        }
        Event::Registered {
            uid,
            members,
            unmatched,
            by,
        } => {
            info!(%uid, members, unmatched, by = name(by), "members registered");
        }
        Event::Deregistered {
            uid,
            members,
            reason,
            by,
        } => {
            info!(%uid, members, %reason, by = name(by), "members deregistered");
        }
        Event::MemberStates { uid, members, by } => {
            info!(%uid, members, by = name(by), "member states changed");
        }
        Event::Refused {
            uid,
            peer,
            kind,
            refusal,
            cause,
        } => {
            let code = format!("{:#04x}", refusal.code().0);
            let cause = cause.map(|cause| format!(" ({cause})")).unwrap_or_default();
            warn!(uid = uid.map(tracing::field::display), %peer, code, "{kind} refused: {refusal}{cause}");
        }
        Event::Closed {
            uid,
            peer,
            reason,
            cause,
        } => {
            let cause = cause.map(|cause| format!(" ({cause})")).unwrap_or_default();
            warn!(uid = uid.map(tracing::field::display), %peer, "connection closed: {reason}{cause}");
        }
    }
}

fn name(speaker: Speaker) -> &'static str {
    match speaker {
        Speaker::Balancer => "balancer",
        Speaker::Member => "member",
    }
}
