//! How long to wait before the next connection, and whether another balancer uses our UID.

use std::time::Duration;

use crate::sasp::waits::{Jitter, Waits};

/// So many connections in a row that the GWM closed early are no accident, nor a GWM that is being restarted.
const DUPLICATE_STRIKES: u32 = 5;

/// Waits between connections.
#[derive(Debug)]
pub(super) struct Backoff {
    waits: Waits,
    jitter: Jitter,
    strikes: u32,
}

impl Backoff {
    /// Waits between `min` and `max`; `seed` decides the jitter.
    pub(super) fn new(min: Duration, max: Duration, seed: u64) -> Self {
        Self {
            waits: Waits::new(min, max),
            jitter: Jitter::new(seed),
            strikes: 0,
        }
    }

    /// Takes the end of a connection, which was in sync for `lived` (`None`: never).
    /// True if it shows for the first time that our UID has another user: the GWM closes the older connection
    /// of a UID, so twins close each other's again and again, each soon after it was in sync.
    pub(super) fn lost(&mut self, lived: Option<Duration>, closed_by_peer: bool) -> bool {
        let before = self.is_duplicate();
        // A GWM that took us in will do so again; that it throws us out again and again is for the strikes.
        if lived.is_some() {
            self.waits.reset();
        }
        match lived {
            // A twin lets us live for one of its waits, which may be as long as ours.
            Some(lived) if lived >= self.waits.max().saturating_mul(2) => self.strikes = 0,
            Some(_) if closed_by_peer => self.strikes = self.strikes.saturating_add(1),
            _ => {}
        }
        self.is_duplicate() && !before
    }

    /// True while another balancer seems to use our UID.
    pub(super) fn is_duplicate(&self) -> bool {
        self.strikes >= DUPLICATE_STRIKES
    }

    /// The next wait: growing, or the longest while another balancer seems to use our UID.
    pub(super) fn next_wait(&mut self) -> Duration {
        match self.is_duplicate() {
            true => self.waits.longest(&mut self.jitter),
            false => self.waits.next(&mut self.jitter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIN: Duration = Duration::from_secs(20);
    const MAX: Duration = Duration::from_secs(300);

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
