//! How many results of a check it takes to believe that a server has become healthy or ill.

use std::num::NonZeroU32;

/// What is believed, and how many results in a row speak against it.
#[derive(Debug)]
pub(super) struct Health {
    rise: NonZeroU32,
    fall: NonZeroU32,
    healthy: Option<bool>,
    against: u32,
}

impl Health {
    /// `rise` successes in a row make it healthy, `fall` failures in a row ill; the first result of all is believed.
    pub(super) fn new(rise: NonZeroU32, fall: NonZeroU32) -> Self {
        Self {
            rise,
            fall,
            healthy: None,
            against: 0,
        }
    }

    /// Takes a result; what is believed from now on, if that has changed.
    pub(super) fn observe(&mut self, success: bool) -> Option<bool> {
        self.against = match self.healthy {
            Some(healthy) if healthy == success => 0,
            _ => self.against.saturating_add(1),
        };
        let needed = match (self.healthy, success) {
            (None, _) => 1,
            (_, true) => self.rise.get(),
            (_, false) => self.fall.get(),
        };
        if self.against < needed {
            return None;
        }
        self.against = 0;
        self.healthy = Some(success);
        self.healthy
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Results as `+` and `-`; what is believed after each, `.` for no change.
    fn believed(results: &str) -> String {
        let number = |number| NonZeroU32::new(number).unwrap();
        let mut health = Health::new(number(2), number(3));
        let change = |success| match health.observe(success) {
            Some(true) => '+',
            Some(false) => '-',
            None => '.',
        };
        results
            .chars()
            .map(|result| result == '+')
            .map(change)
            .collect()
    }

    #[test]
    fn the_first_result_counts_and_then_it_takes_two_to_rise_and_three_to_fall() {
        for (results, changes) in [
            ("+", "+"),
            ("-", "-"),
            ("+---", "+..-"),
            ("-++", "-.+"),
            ("+--+--+---", "+........-"),
            ("-+-+-++", "-.....+"),
            ("+---++---", "+..-.+..-"),
        ] {
            assert_eq!(believed(results), changes, "{results}");
        }
    }
}
