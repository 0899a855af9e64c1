//! What the operator wants: fixed settings of the session, and the state that the GWM shall have.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use crate::sasp::{
    code::lb_flags,
    msg::{MemberKey, Name},
};

/// Settings that hold for the life of a session. Durations above a week are taken as a week.
#[derive(Clone, Debug)]
pub struct Config {
    /// Who we are; unique among all balancers of the GWM, at most [`crate::sasp::code::LB_UID_MAX`] bytes.
    pub lb_uid: Name,
    /// Ask for weights at most this often; the GWM's own interval wins if it is longer.
    /// `None`: at the GWM's interval, or every minute if it names none.
    pub poll_interval: Option<Duration>,
    /// A connection attempt that takes longer has failed.
    pub connect_timeout: Duration,
    /// A request without a reply for so long means that the connection is dead.
    pub request_timeout: Duration,
    /// The shortest wait before another attempt to connect (RFC 4678 section 9.2: at least 20 s).
    pub backoff_min: Duration,
    /// The longest wait before another attempt to connect.
    pub backoff_max: Duration,
    /// The longest message that is accepted from the GWM, in bytes.
    pub message_limit: usize,
}

impl Config {
    /// The defaults for a balancer of this name.
    pub fn new(lb_uid: Name) -> Self {
        Self {
            lb_uid,
            poll_interval: None,
            connect_timeout: Duration::from_secs(10),
            // What F5 uses: longer than any GWM takes to think, shorter than an operator's patience.
            request_timeout: Duration::from_secs(100),
            backoff_min: Duration::from_secs(20),
            backoff_max: Duration::from_secs(300),
            message_limit: 16 * 1024 * 1024,
        }
    }
}

/// Longer than any sensible setting, and far from where the arithmetic of instants ends.
const SETTING_MAX: Duration = Duration::from_secs(7 * 24 * 3600);

impl Config {
    /// The same with every duration cut to a week.
    pub(super) fn cut(self) -> Self {
        let cut = |setting: Duration| setting.min(SETTING_MAX);
        Self {
            poll_interval: self.poll_interval.map(cut),
            connect_timeout: cut(self.connect_timeout),
            request_timeout: cut(self.request_timeout),
            backoff_min: cut(self.backoff_min),
            backoff_max: cut(self.backoff_max),
            ..self
        }
    }
}

/// What the GWM shall know about us. May change at any time.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Desired {
    /// How the GWM shall treat us.
    pub lb_state: LbState,
    /// The groups with their members. A group without members is filled by members that register themselves.
    pub groups: BTreeMap<Name, BTreeMap<MemberKey, DesiredMember>>,
    /// Members that registered themselves and that the operator wants no new work for.
    pub quiesced_guests: BTreeSet<(Name, MemberKey)>,
}

/// A member that we register.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct DesiredMember {
    /// Opaque, echoed by the GWM. A changed label reaches the GWM at the next registration only.
    pub label: Name,
    /// The operator wants no new work for it.
    pub quiesced: bool,
}

/// What Set LB State says about us (RFC 4678 section 7.6).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LbState {
    /// 0x00 (least) to 0x7f (most healthy).
    pub health: u8,
    /// The GWM shall send weights unasked.
    pub push: bool,
    /// Members may register themselves.
    pub trust: bool,
    /// The GWM shall leave out what has not changed.
    pub no_change: bool,
}

impl Default for LbState {
    fn default() -> Self {
        Self {
            health: 0x7f,
            push: true,
            trust: false,
            no_change: false,
        }
    }
}

impl LbState {
    /// True if absence from a message means "unchanged".
    /// Never together with trust: a member that deregisters itself is only absent, and would be kept for ever.
    pub fn omits_unchanged(self) -> bool {
        self.no_change && !self.trust
    }

    /// The flags byte.
    pub(super) fn flags(self) -> u8 {
        let bit = |on: bool, bit: u8| if on { bit } else { 0 };
        bit(self.push, lb_flags::PUSH)
            | bit(self.trust, lb_flags::TRUST)
            | bit(self.omits_unchanged(), lb_flags::NO_CHANGE)
    }
}
