//! How many results in a row it takes to believe a change.

/// Contact as far as results in a row have shown it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct RiseFall {
    rise: u32,
    fall: u32,
    up: Option<bool>,
    /// Results in a row that contradict `up`.
    against: u32,
}

impl RiseFall {
    pub(super) fn new(rise: u32, fall: u32) -> Self {
        Self {
            rise,
            fall,
            up: None,
            against: 0,
        }
    }

    /// Contact; `None` as long as nothing is known.
    pub(super) fn up(&self) -> Option<bool> {
        self.up
    }

    /// Takes a result. The very first success is believed at once: a member that has just registered waits for
    /// nothing else. The very first failure is not: it may be starting.
    pub(super) fn result(&mut self, reached: bool) {
        if self.up == Some(reached) {
            self.against = 0;
            return;
        }
        self.against += 1;
        let needed = match (self.up, reached) {
            (None, true) => 1,
            (Some(_), true) => self.rise,
            (_, false) => self.fall,
        };
        if self.against >= needed {
            self.up = Some(reached);
            self.against = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `+` reached, `-` not; what is believed after each: `?`, `u`, `d`.
    #[test]
    fn a_change_is_believed_after_so_many_results_in_a_row() {
        for (results, expected) in [
            ("+", "u"),
            ("-", "?"),
            ("--+", "??u"),
            ("---", "??d"),
            ("+--+--+---", "uuuuuuuuud"),
            ("---+-++", "??ddddu"),
        ] {
            let mut state = RiseFall::new(2, 3);
            let believed: String = results
                .chars()
                .map(|result| {
                    state.result(result == '+');
                    match state.up() {
                        None => '?',
                        Some(true) => 'u',
                        Some(false) => 'd',
                    }
                })
                .collect();
            assert_eq!(believed, expected, "{results}");
        }
    }
}
