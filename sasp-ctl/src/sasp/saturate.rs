//! Arithmetic that stops at its bounds: peers decide how much is counted, and settings how far away a deadline is.

#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

/// No deadline needs to be further away: about a hundred years.
const FAR: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// A number that is counted up and down.
pub(super) trait Tally {
    /// Adds, up to the largest number.
    fn grow(&mut self, by: Self);
    /// Subtracts, down to 0.
    fn shrink(&mut self, by: Self);
}

macro_rules! tally {
    ($($number:ty),*) => {$(
        impl Tally for $number {
            fn grow(&mut self, by: Self) {
                *self = self.saturating_add(by);
            }

            fn shrink(&mut self, by: Self) {
                *self = self.saturating_sub(by);
            }
        }
    )*};
}

tally!(u64, usize);

/// A point in time from which deadlines are reckoned.
pub(super) trait Later {
    /// The point `wait` after this one, or one that nobody lives to see.
    fn later(self, wait: Duration) -> Self;
}

impl Later for Instant {
    fn later(self, wait: Duration) -> Self {
        self.checked_add(wait.min(FAR)).unwrap_or(self)
    }
}
