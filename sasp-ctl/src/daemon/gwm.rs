//! The GWMs: what follows from what they say.
//!
//! # Layout
//! * `link`: the sessions. `desired`: what a GWM is told. Whose words count is decided in [`super::words`].

mod desired;
mod link;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Instant;

use super::event_loop::Daemon;
use super::status::GwmStatus;
use super::words::Handover;
use super::words::charge::Why;
use crate::config::endpoint::GwmAddress;
use crate::sasp::client::Event;
use crate::sasp::msg::Name;

pub(super) use desired::desired;
pub(super) use link::Links;

/// What some events have in common for the balancer.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Heard {
    groups: BTreeSet<Name>,
    lost: bool,
}

impl Heard {
    /// Also this.
    pub(super) fn add(&mut self, other: Self) {
        self.groups.extend(other.groups);
        self.lost |= other.lost;
    }

    /// True if the balancer need not be asked.
    pub(super) fn is_nothing(&self) -> bool {
        self.groups.is_empty() && !self.lost
    }
}

/// The groups, as far as a line of a log is the place for them.
impl fmt::Display for Heard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 4;
        let shown: Vec<_> = self
            .groups
            .iter()
            .take(SHOWN)
            .map(Name::to_string)
            .collect();
        f.write_str(&shown.join(","))?;
        match self.groups.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

impl Daemon {
    /// Takes in one event. The session logs its events itself.
    pub(super) fn hear(&mut self, gwm: &GwmAddress, event: Event, now: Instant, heard: &mut Heard) {
        match event {
            Event::Weights { weights, unknown } => {
                let group = weights.name.clone();
                let left_out = self.words.said(gwm, weights, &unknown, now);
                if left_out > 0 {
                    tracing::warn!(
                        %gwm, %group, left_out,
                        "more members have registered themselves than are taken in: the last ones are left out"
                    );
                }
                // What a standby says is kept for the day when it is needed.
                if self.words.counts(gwm) {
                    heard.groups.insert(group);
                }
            }
            Event::Lost { .. } => {
                heard.lost |= self.words.counts(gwm);
                self.words.lost(gwm, now);
                self.notify_status();
            }
            Event::Synced { .. } => {
                self.words.synced(gwm, now);
                self.notify_status();
            }
            Event::Connected => self.notify_status(),
            Event::Refused { .. }
            | Event::Ignored(_)
            | Event::DuplicateUid
            | Event::DeregisteredAll(_) => {}
        }
        heard.lost |= self.decide(now);
    }

    /// Puts another GWM in charge if it is time; true if so.
    pub(super) fn decide(&mut self, now: Instant) -> bool {
        let handover = self.words.decide(now);
        self.hand_over(handover)
    }

    /// Says that another GWM is in charge, if so.
    pub(super) fn hand_over(&mut self, handover: Option<Handover>) -> bool {
        let Some(Handover { from, to, why }) = handover else {
            return false;
        };
        match from {
            None => tracing::info!(gwm = %to, "in charge of the weights"),
            Some(from) => {
                self.stats
                    .handovers
                    .entry(why)
                    .and_modify(|count| *count += 1)
                    .or_insert(1);
                match why {
                    Why::Lost | Why::NotUp => {
                        tracing::warn!(%from, %to, "another GWM is in charge: {}", why.text());
                    }
                    Why::FailBack | Why::Configured => {
                        tracing::info!(%from, %to, "another GWM is in charge: {}", why.text());
                    }
                }
            }
        }
        true
    }

    /// Passes what is wanted now to the sessions.
    pub(super) fn tell_gwms(&self) {
        let config = &self.setup.config;
        let quiesced = self.balancer.quiesced();
        let health = self.health.told();
        self.links
            .set_desired(|gwm| desired(config, gwm, &quiesced, health));
    }

    /// Whose words those of each group are.
    pub(super) fn sources(&self) -> BTreeMap<String, Vec<String>> {
        let groups = self.setup.config.services.iter();
        groups
            .map(|service| {
                let sources = self.words.sources(&service.group).into_iter();
                let sources = sources.map(ToString::to_string);
                (service.group.to_string(), sources.collect())
            })
            .collect()
    }

    /// Each GWM as it stands, by priority.
    pub(super) fn gwms(&self) -> Vec<GwmStatus> {
        self.links
            .snapshots()
            .map(|(gwm, session)| GwmStatus {
                address: gwm.address.to_string(),
                priority: gwm.priority,
                in_charge: self.words.is_in_charge(&gwm.address),
                live_seconds: self
                    .words
                    .live_since(&gwm.address)
                    .map(|since| since.elapsed().as_secs_f64()),
                since_seconds: session.since.elapsed().as_secs_f64(),
                retry_in_seconds: session.retry_at.map(link::seconds_until),
                session,
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_line_names_some_groups_and_counts_the_others() {
        let name = |number: u8| Name::new(format!("F{number}").into_bytes()).unwrap();
        let heard = |count| Heard {
            groups: (0..count).map(name).collect(),
            lost: false,
        };
        assert_eq!(heard(2).to_string(), "F0,F1");
        assert_eq!(heard(7).to_string(), "F0,F1,F2,F3 and 3 more");
        assert!(heard(0).is_nothing());
    }
}
