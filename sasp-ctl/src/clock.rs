//! The packet path's clock.

use std::time::{Duration, Instant};

use nix::time::{ClockId, clock_gettime};

/// `CLOCK_MONOTONIC` in nanoseconds, as `bpf_ktime_get_ns` has it.
pub(crate) fn now_ns() -> u64 {
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC)
        .unwrap_or_else(|_| unreachable!("every Linux has CLOCK_MONOTONIC"));
    // Neither is negative on this clock.
    now.tv_sec() as u64 * 1_000_000_000 + now.tv_nsec() as u64
}

/// A moment of this clock on the runtime's; now, if it has passed.
pub(crate) fn instant_of(ns: u64) -> Instant {
    Instant::now() + Duration::from_nanos(ns.saturating_sub(now_ns()))
}
