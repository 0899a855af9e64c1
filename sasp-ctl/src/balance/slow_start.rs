//! Slow start: a member that appears, or comes back, is given its new flows little by little.
//!
//! Whatever kept it from getting new flows (it was new, down, quiesced, unresolved, without confidence or weight),
//! it begins at a sixteenth of its weight when it gets them again and grows by a sixteenth at a time. It is the
//! weight that grows, not the share: members that ramp together stand to each other as their weights do.

use std::time::Duration;

/// The whole weight, in steps.
pub const STEPS: u32 = 16;

/// Where a member is in its slow start.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Ramp {
    /// It is to get no new flows.
    #[default]
    Out,
    /// It has been getting them since then, in nanoseconds, but not yet all.
    Since(u64),
    /// It gets all that it is worth.
    Full,
}

impl Ramp {
    /// Where it is at `now_ns`. `eligible`: the rules give it new flows.
    #[must_use]
    pub fn at(self, eligible: bool, slow_start: Option<Duration>, now_ns: u64) -> Self {
        let Some(length) = slow_start.filter(|_| eligible) else {
            return if eligible { Self::Full } else { Self::Out };
        };
        match self {
            // 0 would mean "in no slow start" in a backend's record.
            Self::Out => Self::Since(now_ns.max(1)),
            Self::Since(since) if now_ns.saturating_sub(since) >= nanoseconds(length) => Self::Full,
            Self::Since(_) | Self::Full => self,
        }
    }

    /// How much of its weight counts at `now_ns`, in [`STEPS`].
    pub fn steps(self, slow_start: Option<Duration>, now_ns: u64) -> u32 {
        match (self, slow_start) {
            (Self::Since(since), Some(length)) => {
                let passed = u128::from(now_ns.saturating_sub(since)) * u128::from(STEPS);
                let steps = passed / u128::from(nanoseconds(length).max(1));
                u32::try_from(steps).unwrap_or(STEPS).clamp(1, STEPS)
            }
            _ => STEPS,
        }
    }

    /// When more than `steps` of its weight count, if ever.
    pub fn next_step_ns(self, slow_start: Option<Duration>, steps: u32) -> Option<u64> {
        let (Self::Since(since), Some(length)) = (self, slow_start) else {
            return None;
        };
        let passed = u128::from(nanoseconds(length)) * u128::from((steps + 1).min(STEPS));
        let passed = u64::try_from(passed.div_ceil(u128::from(STEPS))).unwrap_or(u64::MAX);
        Some(since.saturating_add(passed))
    }

    /// How long it still takes.
    pub fn left(self, slow_start: Option<Duration>, now_ns: u64) -> Duration {
        match (self, slow_start) {
            (Self::Since(since), Some(length)) => {
                length.saturating_sub(Duration::from_nanos(now_ns.saturating_sub(since)))
            }
            _ => Duration::ZERO,
        }
    }
}

/// A member's weight by the rules, and how much of it counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ramping {
    /// By the rules, at most 2^16.
    pub weight: u32,
    /// In [`STEPS`].
    pub steps: u32,
}

/// The weights that count now, relative to each other. On a finer scale while somebody ramps, so that a weight of 1
/// has its steps, too.
pub fn ramped(members: &[Ramping]) -> Vec<u32> {
    let full = |member: &Ramping| member.weight == 0 || member.steps == STEPS;
    let all_full = members.iter().all(full);
    let counts = |member: &Ramping| if all_full { 1 } else { member.steps };
    members
        .iter()
        .map(|member| member.weight * counts(member))
        .collect()
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
