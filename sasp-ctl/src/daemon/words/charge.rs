//! Fail-over: which GWM is in charge.
//!
//! * It stays in charge until its session is lost, or has not come up in time, *and* another one is live; then the
//!   most preferred live one takes over at once. While none is live nothing is gained by a change.
//! * A more preferred one comes back only after it has been live without a break for the time of `fail_back`, so that
//!   one that keeps failing does not move flows to and fro.

use std::time::{Duration, Instant};

/// How the session with a GWM stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Standing {
    /// It is new and may become live until then.
    Trying {
        /// After this it counts as failed.
        until: Instant,
    },
    /// The connection is lost, or could not be made.
    Down,
    /// It has spoken of everything.
    Live {
        /// Without a break since then.
        since: Instant,
    },
}

/// Why another GWM is in charge.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Why {
    /// Nobody was, or the one that was is no longer in the config.
    Configured,
    /// The session with the one in charge is lost.
    Lost,
    /// The one in charge did not come up.
    NotUp,
    /// A more preferred one has been well for long enough.
    FailBack,
}

impl Why {
    /// All of them.
    pub(crate) const ALL: [Self; 4] = [Self::Configured, Self::Lost, Self::NotUp, Self::FailBack];

    /// Stable, for machines.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Configured => "configured",
            Self::Lost => "lost",
            Self::NotUp => "not_up",
            Self::FailBack => "fail_back",
        }
    }

    /// For people.
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::Configured => "the configuration says so",
            Self::Lost => "the session with the former one is lost",
            Self::NotUp => "the former one did not come up in time",
            Self::FailBack => "it is preferred and has been well for the time of `fail_back`",
        }
    }
}

impl Standing {
    /// Since when it is live, if it is.
    pub(crate) fn live_since(self) -> Option<Instant> {
        match self {
            Self::Live { since } => Some(since),
            Self::Trying { .. } | Self::Down => None,
        }
    }

    /// Why it should not be in charge, if so.
    fn failure(self, now: Instant) -> Option<Why> {
        match self {
            Self::Trying { until } if until <= now => Some(Why::NotUp),
            Self::Down => Some(Why::Lost),
            Self::Trying { .. } | Self::Live { .. } => None,
        }
    }
}

/// Who is in charge from now on and why, if that changes. `standings` are in order of preference.
pub(super) fn next(
    standings: &[Standing],
    current: Option<usize>,
    fail_back: Duration,
    now: Instant,
) -> Option<(usize, Why)> {
    let is_live = |standing: &Standing| standing.live_since().is_some();
    let best_live = standings.iter().position(is_live);
    let Some(current) = current else {
        let first = (!standings.is_empty()).then_some(0);
        return Some((best_live.or(first)?, Why::Configured));
    };
    if let Some(failure) = standings[current].failure(now) {
        return Some((best_live?, failure));
    }
    let is_back = |standing: &Standing| {
        standing
            .live_since()
            .is_some_and(|since| now.saturating_duration_since(since) >= fail_back)
    };
    let better = standings[..current].iter().position(is_back)?;
    Some((better, Why::FailBack))
}

/// When [`next`] may say something else although nothing happens, after `decided`.
pub(super) fn deadline(
    standings: &[Standing],
    current: Option<usize>,
    fail_back: Duration,
    decided: Instant,
) -> Option<Instant> {
    let current = current?;
    let given_up = match standings[current] {
        Standing::Trying { until } => Some(until),
        Standing::Down | Standing::Live { .. } => None,
    };
    let back = standings[..current]
        .iter()
        .filter_map(|standing| Some(standing.live_since()? + fail_back));
    // What was due when it was last decided has been looked at.
    let due = back.chain(given_up).filter(|at| *at > decided);
    due.min()
}

#[cfg(test)]
mod tests;
