//! When to ask: spread, so that ten thousand members are not asked at one moment. Pure.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use super::engine::Job;

/// How fast many new jobs begin: one in so much time. A few begin at once.
const START_GAP: Duration = Duration::from_millis(1);
/// How much an interval varies, in parts of it.
const JITTER: f64 = 0.1;

/// How long a job waits before its first question, if so many begin with it.
pub(super) fn first_delay(job: &Job, together: usize, interval: Duration) -> Duration {
    let others = u32::try_from(together.saturating_sub(1)).unwrap_or(u32::MAX);
    let spread = START_GAP.saturating_mul(others).min(interval);
    spread.mul_f64(fraction(job, 0))
}

/// How long after a question the next one is due.
pub(super) fn next_delay(job: &Job, round: u64, interval: Duration) -> Duration {
    let factor = 1.0 - JITTER + 2.0 * JITTER * fraction(job, round);
    interval.mul_f64(factor)
}

/// Something from 0 to below 1 that differs from job to job and from round to round.
fn fraction(job: &Job, round: u64) -> f64 {
    let mut hasher = DefaultHasher::new();
    (job, round).hash(&mut hasher);
    // 53 bits are what a double holds.
    (hasher.finish() >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gwm::sources::engine::test_job;

    #[test]
    fn many_jobs_are_spread_over_an_interval_and_few_begin_at_once() {
        let interval = Duration::from_secs(5);
        assert_eq!(first_delay(&test_job(1), 1, interval), Duration::ZERO);
        let delays: Vec<_> = (0..10_000)
            .map(|index| first_delay(&test_job(index), 10_000, interval))
            .collect();
        assert!(delays.iter().all(|delay| *delay < interval));
        for tenth in 0..10 {
            let part = interval * tenth / 10..interval * (tenth + 1) / 10;
            let count = delays.iter().filter(|delay| part.contains(*delay)).count();
            assert!((800..1200).contains(&count), "{count} in {part:?}");
        }
    }

    #[test]
    fn intervals_vary_by_a_tenth_around_what_was_asked_for() {
        let interval = Duration::from_secs(10);
        let delays: Vec<_> = (1..1000)
            .map(|round| next_delay(&test_job(7), round, interval))
            .collect();
        let bounds = Duration::from_secs(9)..=Duration::from_secs(11);
        assert!(delays.iter().all(|delay| bounds.contains(delay)));
        let mean = delays.iter().sum::<Duration>() / 999;
        assert!(
            mean.abs_diff(interval) < Duration::from_millis(100),
            "{mean:?}"
        );
    }
}
