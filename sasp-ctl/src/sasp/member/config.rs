//! Who the member is, and what it wants the GWM to know.

use std::{collections::BTreeSet, time::Duration};

use super::event::Pair;
use crate::sasp::msg::{MemberKey, Name};

/// Settings that hold for the life of an agent. Durations above a week are taken as a week.
#[derive(Clone, Debug)]
pub struct Config {
    /// The balancers, by LB UID. Twice the same counts once; an empty one is left out.
    pub uids: Vec<Name>,
    /// The groups, each for every balancer. Twice the same counts once; an empty name is left out: a member that
    /// uses it would speak of all groups.
    pub groups: Vec<Name>,
    /// Who the member is.
    pub key: MemberKey,
    /// Opaque, echoed by the GWM to the balancer.
    pub label: Name,
    /// Somebody else may have registered the member: nothing is taken for granted, everything is asked.
    /// Otherwise what this agent has not registered needs no deregistration.
    pub registered_by_others: bool,
    /// How often a registration is repeated, in case that the GWM has forgotten it; `None`: never.
    pub refresh: Option<Duration>,
    /// A connection attempt that takes longer has failed.
    pub connect_timeout: Duration,
    /// A request without a reply for so long means that the connection is dead.
    pub request_timeout: Duration,
    /// The shortest wait before anything is tried again (RFC 4678 section 9.2: at least 20 s).
    pub wait_min: Duration,
    /// The longest wait.
    pub wait_max: Duration,
    /// The longest message that is accepted from the GWM, in bytes.
    pub message_limit: usize,
}

/// Longer than any sensible setting, and far from where the arithmetic of instants ends.
const SETTING_MAX: Duration = Duration::from_secs(7 * 24 * 3600);

impl Config {
    /// The defaults for a member.
    pub fn new(uids: Vec<Name>, groups: Vec<Name>, key: MemberKey) -> Self {
        Self {
            uids,
            groups,
            key,
            label: Name::default(),
            registered_by_others: false,
            // Half of a GWM's usual grace time: what it forgot is missing for a minute at most.
            refresh: Some(Duration::from_secs(60)),
            connect_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(30),
            wait_min: Duration::from_secs(20),
            wait_max: Duration::from_secs(300),
            // Members get replies of 18 bytes only.
            message_limit: 64 * 1024,
        }
    }

    /// Every balancer with every group.
    pub(super) fn pairs(&self) -> BTreeSet<Pair> {
        let uids = self.uids.iter().filter(|uid| !uid.is_empty());
        uids.flat_map(|uid| {
            let groups = self.groups.iter().filter(|group| !group.is_empty());
            groups.map(move |group| Pair {
                uid: uid.clone(),
                group: group.clone(),
            })
        })
        .collect()
    }

    /// The same with every duration cut to a week.
    pub(super) fn cut(self) -> Self {
        let cut = |setting: Duration| setting.min(SETTING_MAX);
        Self {
            refresh: self.refresh.map(cut),
            connect_timeout: cut(self.connect_timeout),
            request_timeout: cut(self.request_timeout),
            wait_min: cut(self.wait_min),
            wait_max: cut(self.wait_max),
            ..self
        }
    }
}

/// What a member says of itself by Set Member State (RFC 4678 section 5.4).
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Condition {
    /// No new work is wanted.
    pub quiesced: bool,
    /// Opaque byte for the balancer; it has no meaning to the GWM.
    pub state: u8,
}

/// Whether the member shall be registered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Presence {
    /// As it is.
    Any,
    /// Registered, and kept so.
    Registered,
    /// Not registered.
    Gone,
}

/// What the GWM shall know, for every pair. May change at any time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Wanted {
    /// Whether the member shall be registered.
    pub presence: Presence,
    /// What it shall say of itself; `None`: nothing. One that is not registered says nothing.
    pub condition: Option<Condition>,
}

impl Wanted {
    /// Nothing at all; no connection is made for it.
    pub const NOTHING: Self = Self {
        presence: Presence::Any,
        condition: None,
    };
    /// Not to be registered.
    pub const GONE: Self = Self {
        presence: Presence::Gone,
        condition: None,
    };

    /// Registered, in this condition.
    pub fn serving(condition: Condition) -> Self {
        Self {
            presence: Presence::Registered,
            condition: Some(condition),
        }
    }

    /// In this condition where registered.
    pub fn where_registered(condition: Condition) -> Self {
        Self {
            presence: Presence::Any,
            condition: Some(condition),
        }
    }
}
