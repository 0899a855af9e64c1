//! Events as log lines: one a change, what repeats itself goes to debug.

use std::collections::BTreeMap;

use tracing::{debug, error, info, warn};

use super::words;
use crate::sasp::code::Code;
use crate::sasp::member::{Condition, Event, Lost, Pair, Registration};
use crate::sasp::msg::MemberKey;

/// Remembers what was said.
#[derive(Debug)]
pub(super) struct Log {
    member: MemberKey,
    gwm: String,
    /// Why each pair waits; at most one line for each.
    waiting: BTreeMap<Pair, Code>,
    /// Why there is no connection.
    lost: Option<Lost>,
}

impl Log {
    pub(super) fn new(member: MemberKey, gwm: String) -> Self {
        Self {
            member,
            gwm,
            waiting: BTreeMap::new(),
            lost: None,
        }
    }

    /// Says once that the network is trusted.
    pub(super) fn plain(&self) {
        let gwm = &self.gwm;
        warn!(%gwm, "plain TCP: whoever can join this network can speak for this member, --tls-ca turns TLS on");
    }

    pub(super) fn event(&mut self, event: &Event) {
        let (member, gwm) = (&self.member, &self.gwm);
        match event {
            Event::Connected => debug!(%gwm, "connected"),
            Event::Registered { pair, how } => {
                self.lost = None;
                self.waiting.remove(pair);
                let Pair { uid, group } = pair;
                match how {
                    Registration::New => info!(%member, %uid, %group, "registered"),
                    Registration::Already => info!(%member, %uid, %group, "registered already"),
                    Registration::Renewed => {
                        warn!(%member, %uid, %group, "registered again, the GWM had forgotten it");
                    }
                }
            }
            Event::Told { pair, condition } => {
                let Pair { uid, group } = pair;
                let Condition { quiesced, state } = *condition;
                let what = if quiesced {
                    "quiesced"
                } else {
                    "takes new work"
                };
                info!(%member, %uid, %group, state, "{what}");
            }
            Event::Deregistered { pair, code } => {
                let Pair { uid, group } = pair;
                match *code {
                    Code::SUCCESS => info!(%member, %uid, %group, "deregistered"),
                    code => info!(%member, %uid, %group, %code, "was not registered any more"),
                }
            }
            Event::NotRegistered { pair, code } => {
                let Pair { uid, group } = pair;
                warn!(%member, %uid, %group, %code, "not registered, so it cannot be quiesced");
            }
            Event::Waiting {
                pair,
                request,
                code,
                retry_in,
            } => {
                let seconds = retry_in.as_secs();
                let why = match *code {
                    Code::LB_NOT_CONTACTED | Code::UNKNOWN_LB => {
                        format!("{pair}: the balancer has not contacted this GWM yet")
                    }
                    code => words::refusal(pair, *request, code),
                };
                if self.waiting.insert(pair.clone(), *code) == Some(*code) {
                    debug!(%member, "{why}, retrying in {seconds} s");
                } else {
                    warn!(%member, "{why}, retrying in {seconds} s");
                }
            }
            Event::Refused { .. } | Event::VersionRefused { .. } => {
                let why = words::refused(event).unwrap_or_default();
                error!(%member, "{why}");
            }
            Event::Ignored(error) => debug!(%gwm, cause = %error.cause, "ignored a message"),
            Event::Lost { reason, retry_in } => self.lost(reason, *retry_in),
        }
    }

    fn lost(&mut self, reason: &Lost, retry_in: Option<std::time::Duration>) {
        let gwm = &self.gwm;
        let then = retry_in.map_or_else(String::new, |retry_in| {
            format!(", retrying in {} s", retry_in.as_secs())
        });
        if self.lost.as_ref() == Some(reason) {
            debug!(%gwm, %reason, "still not connected{then}");
        } else {
            warn!(%gwm, %reason, "not connected{then}");
            self.lost = Some(reason.clone());
        }
    }
}
