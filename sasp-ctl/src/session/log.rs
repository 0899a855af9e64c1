//! One line an event, each cause once: what repeats itself goes to debug.

#[cfg(test)]
mod tests;

use std::collections::HashSet;

use tracing::{debug, error, info, warn};

use crate::sasp::client::{Event, Lost};

/// More different complaints in one connection are noise, too.
const CAUSES_MAX: usize = 64;

/// Remembers what was complained about.
#[derive(Debug)]
pub(super) struct Log {
    gwm: String,
    /// The failure that was last told, until a session stands again.
    lost: Option<Lost>,
    causes: HashSet<String>,
}

impl Log {
    /// A log about the GWM of this name.
    pub(super) fn new(gwm: String) -> Self {
        Self {
            gwm,
            lost: None,
            causes: HashSet::new(),
        }
    }

    /// There is no TLS.
    pub(super) fn plain(&self) {
        let gwm = &self.gwm;
        warn!(%gwm, "plain TCP: whoever is on the way to the GWM can read and change weights, `tls` protects them");
    }

    pub(super) fn event(&mut self, event: &Event) {
        let gwm = &self.gwm;
        match event {
            Event::Connected => debug!(%gwm, "connected"),
            Event::Synced { groups } => {
                self.lost = None;
                self.causes.clear();
                info!(%gwm, groups, "registered");
            }
            Event::Weights { weights, unknown } => {
                let (group, members) = (&weights.name, weights.members.len());
                debug!(%gwm, %group, members, unknown = unknown.len(), "weights received");
            }
            Event::Refused {
                request,
                group,
                code,
            } => {
                let cause = match group {
                    Some(group) => format!("{request} of group {group} refused: {code}"),
                    None => format!("{request} refused: {code}"),
                };
                self.complain(cause);
            }
            Event::Ignored(error) => {
                let cause = format!("ignored a message: {}", error.cause);
                self.complain(cause);
            }
            Event::Lost { reason, retry_in } => {
                let seconds = retry_in.as_secs();
                if self.lost.as_ref() == Some(reason) {
                    debug!(%gwm, %reason, "still not connected, backing off for {seconds} s");
                } else {
                    warn!(%gwm, %reason, "not connected, backing off for {seconds} s");
                    self.lost = Some(reason.clone());
                }
            }
            Event::DuplicateUid => error!(
                %gwm,
                "connections are closed soon after they stand: another balancer seems to use our uid, give each its own"
            ),
            Event::DeregisteredAll(Ok(())) => info!(%gwm, "deregistered all groups"),
            Event::DeregisteredAll(Err(reason)) => warn!(%gwm, %reason, "groups not deregistered"),
        }
    }

    fn complain(&mut self, cause: String) {
        let gwm = &self.gwm;
        if self.causes.len() < CAUSES_MAX && !self.causes.contains(&cause) {
            warn!(%gwm, "{cause}");
            self.causes.insert(cause);
        } else {
            debug!(%gwm, "{cause}");
        }
    }
}
