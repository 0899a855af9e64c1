//! How long to wait before the next connection, and whether another balancer uses our UID.

use std::time::Duration;

/// So many connections in a row that the GWM closed early are no accident, nor a GWM that is being restarted.
const DUPLICATE_STRIKES: u32 = 5;

/// Growing waits with jitter.
#[derive(Debug)]
pub(super) struct Backoff {
    min: Duration,
    max: Duration,
    failures: u32,
    strikes: u32,
    random: u64,
}

impl Backoff {
    /// Waits between `min` and `max`; `seed` decides the jitter.
    pub(super) fn new(min: Duration, max: Duration, seed: u64) -> Self {
        Self {
            min,
            max: max.max(min),
            failures: 0,
            strikes: 0,
            random: seed,
        }
    }

    /// Takes the end of a connection, which was in sync for `lived` (`None`: never).
    /// True if it shows for the first time that our UID has another user: the GWM closes the older connection
    /// of a UID, so twins close each other's again and again, each soon after it was in sync.
    pub(super) fn lost(&mut self, lived: Option<Duration>, closed_by_peer: bool) -> bool {
        let before = self.is_duplicate();
        // A GWM that took us in will do so again; that it throws us out again and again is for the strikes.
        if lived.is_some() {
            self.failures = 0;
        }
        match lived {
            // A twin lets us live for one of its waits, which may be as long as ours.
            Some(lived) if lived >= self.max.saturating_mul(2) => self.strikes = 0,
            Some(_) if closed_by_peer => self.strikes = self.strikes.saturating_add(1),
            _ => {}
        }
        self.is_duplicate() && !before
    }

    /// True while another balancer seems to use our UID.
    pub(super) fn is_duplicate(&self) -> bool {
        self.strikes >= DUPLICATE_STRIKES
    }

    /// The next wait: doubled every time, a quarter more or less, never outside the bounds.
    pub(super) fn next_wait(&mut self) -> Duration {
        let factor = 1_u32.checked_shl(self.failures).unwrap_or(u32::MAX);
        let grown = self.min.saturating_mul(factor).min(self.max);
        let base = if self.is_duplicate() { self.max } else { grown };
        self.failures = self.failures.saturating_add(1);
        let quarter = base.checked_div(4).unwrap_or_default();
        let low = base.saturating_sub(quarter).max(self.min);
        let high = base.saturating_add(quarter).min(self.max).max(low);
        // 16 bits are as fine as any network notices.
        let share = f64::from(self.next_random()) / f64::from(u16::MAX);
        low.saturating_add(high.saturating_sub(low).mul_f64(share))
            .min(high)
    }

    /// SplitMix64, upper bits.
    fn next_random(&mut self) -> u16 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.random ^ (self.random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
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
    fn waits_grow_from_the_minimum_to_the_maximum_and_stay_inside() {
        for seed in 0..200 {
            let mut backoff = Backoff::new(MIN, MAX, seed);
            let waits: Vec<_> = (0..40).map(|_| backoff.next_wait()).collect();
            assert!(
                waits.iter().all(|wait| (MIN..=MAX).contains(wait)),
                "{waits:?}"
            );
            assert!(waits[0] <= MIN + MIN / 4);
            assert!(waits[39] >= MAX - MAX / 4);
        }
    }

    #[test]
    fn waits_differ_between_balancers() {
        let first = |seed| Backoff::new(MIN, MAX, seed).next_wait();
        let waits: std::collections::BTreeSet<_> = (0..50).map(first).collect();
        assert!(waits.len() > 40);
    }

    #[test]
    fn a_connection_that_came_into_sync_starts_the_waits_anew() {
        let mut backoff = Backoff::new(MIN, MAX, 1);
        let grown = (0..10).map(|_| backoff.next_wait()).max();
        assert!(grown > Some(MIN * 2));
        assert!(!backoff.lost(None, true));
        assert!(backoff.next_wait() > MIN * 2, "it never was");
        assert!(!backoff.lost(Some(Duration::ZERO), true));
        assert!(backoff.next_wait() <= MIN + MIN / 4);
    }

    #[test]
    fn five_short_connections_closed_by_the_gwm_show_a_twin_once() {
        let mut backoff = Backoff::new(MIN, MAX, 1);
        let short = Some(Duration::from_secs(21));
        for _ in 1..DUPLICATE_STRIKES {
            assert!(!backoff.lost(short, true));
        }
        assert!(
            !backoff.lost(None, true),
            "a GWM that lets nobody in is no twin"
        );
        assert!(!backoff.lost(short, false), "a broken network is no twin");
        assert!(backoff.lost(short, true));
        assert!(!backoff.lost(short, true), "told once");
        assert!(backoff.next_wait() >= MAX - MAX / 4);
        assert!(!backoff.lost(Some(MAX), true));
        assert!(
            backoff.is_duplicate(),
            "the twin's waits may be as long as ours"
        );
        assert!(!backoff.lost(Some(MAX * 2), true));
        assert!(!backoff.is_duplicate());
    }
}
