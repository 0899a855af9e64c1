//! Whether `full-nat` refuses new flows, told once each time that it begins to.

/// Sweeps without a refusal after which the next is a new episode: a minute.
const QUIET: u32 = 30;

/// What was counted, and what was told of it.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Shortage {
    refused: u64,
    /// Sweeps since the last refusal, while an episode that was told lasts.
    quiet: Option<u32>,
}

impl Shortage {
    /// A former daemon has told of what was refused so far.
    pub(super) fn begin(&mut self, refused: u64) {
        self.refused = refused;
    }

    /// Takes in how many flows have been refused by now; how many were since the last look if it is time to tell.
    pub(super) fn looked(&mut self, refused: u64) -> Option<u64> {
        let new = refused.saturating_sub(std::mem::replace(&mut self.refused, refused));
        let is_told = self.quiet.is_some();
        self.quiet = match (new, self.quiet) {
            (0, Some(quiet)) if quiet + 1 < QUIET => Some(quiet + 1),
            (0, _) => None,
            _ => Some(0),
        };
        (new > 0 && !is_told).then_some(new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_episode_is_told_once_and_what_was_before_is_not() {
        let mut shortage = Shortage::default();
        shortage.begin(5);
        assert_eq!(shortage.looked(5), None);
        assert_eq!(shortage.looked(8), Some(3));
        assert_eq!(shortage.looked(9), None);
        for _ in 0..QUIET - 1 {
            assert_eq!(shortage.looked(9), None);
        }
        assert_eq!(shortage.looked(10), None, "it lasts");
        for _ in 0..QUIET {
            assert_eq!(shortage.looked(10), None);
        }
        assert_eq!(shortage.looked(12), Some(2));
    }
}
