//! How long to wait before something is tried again.

use std::time::Duration;

/// Growing waits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waits {
    min: Duration,
    max: Duration,
    failures: u32,
}

impl Waits {
    /// Waits between `min` and `max`.
    pub(super) fn new(min: Duration, max: Duration) -> Self {
        Self {
            min,
            max: max.max(min),
            failures: 0,
        }
    }

    /// What was tried has succeeded.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }

    /// The next wait: doubled every time, a quarter more or less, never outside the bounds.
    pub(super) fn next(&mut self, jitter: &mut Jitter) -> Duration {
        let factor = 1_u32.checked_shl(self.failures).unwrap_or(u32::MAX);
        self.failures = self.failures.saturating_add(1);
        self.around(self.min.saturating_mul(factor).min(self.max), jitter)
    }

    /// The longest wait, for what hardly succeeds soon.
    pub(super) fn longest(&self, jitter: &mut Jitter) -> Duration {
        self.around(self.max, jitter)
    }

    fn around(&self, base: Duration, jitter: &mut Jitter) -> Duration {
        let quarter = base.checked_div(4).unwrap_or_default();
        let low = base.saturating_sub(quarter).max(self.min);
        let high = base.saturating_add(quarter).min(self.max).max(low);
        // 16 bits are as fine as any network notices.
        let share = f64::from(jitter.next()) / f64::from(u16::MAX);
        low.saturating_add(high.saturating_sub(low).mul_f64(share))
            .min(high)
    }

    /// The longest wait that is given.
    pub(super) fn max(&self) -> Duration {
        self.max
    }
}

/// Random numbers that keep many clients from coming at once; SplitMix64.
#[derive(Debug)]
pub(super) struct Jitter(u64);

impl Jitter {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u16 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        u16::try_from(z >> 48).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIN: Duration = Duration::from_secs(20);
    const MAX: Duration = Duration::from_secs(300);

    #[test]
    fn waits_grow_from_the_minimum_to_the_maximum_stay_inside_and_start_anew_after_success() {
        for seed in 0..200 {
            let (mut waits, mut jitter) = (Waits::new(MIN, MAX), Jitter::new(seed));
            let all: Vec<_> = (0..40).map(|_| waits.next(&mut jitter)).collect();
            assert!(all.iter().all(|wait| (MIN..=MAX).contains(wait)), "{all:?}");
            assert!(all[0] <= MIN + MIN / 4);
            assert!(all[39] >= MAX - MAX / 4);
            assert!((MAX - MAX / 4..=MAX).contains(&waits.longest(&mut jitter)));
            waits.reset();
            assert!(waits.next(&mut jitter) <= MIN + MIN / 4);
        }
    }

    #[test]
    fn waits_differ_between_seeds() {
        let first = |seed| Waits::new(MIN, MAX).next(&mut Jitter::new(seed));
        let waits: std::collections::BTreeSet<_> = (0..50).map(first).collect();
        assert!(waits.len() > 40);
    }
}
