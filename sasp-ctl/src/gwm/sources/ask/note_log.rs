//! Notes of the engine as log lines; not too many of them, when a whole site goes down.

use std::time::Duration;

use tracing::{info, warn};

use crate::gwm::sources::status::Note;

/// How long lines are counted together.
pub(super) const WINDOW: Duration = Duration::from_secs(60);
/// Lines in a window. The status tells the rest.
const LINES: u64 = 200;

#[derive(Default)]
pub(super) struct NoteLog {
    lines: u64,
}

impl NoteLog {
    pub(super) fn note(&mut self, note: &Note) {
        match note {
            _ if !self.admits() => {}
            bad if bad.is_bad() => warn!("{bad}"),
            good => info!("{good}"),
        }
    }

    /// Begins a new window; says how many lines the last one has kept back.
    pub(super) fn end_window(&mut self) {
        let kept_back = self.take_kept_back();
        if kept_back > 0 {
            warn!(
                lines = kept_back,
                "more changes of what sources say not logged"
            );
        }
    }

    /// Counts one line; may it be written?
    fn admits(&mut self) -> bool {
        self.lines += 1;
        self.lines <= LINES
    }

    fn take_kept_back(&mut self) -> u64 {
        std::mem::take(&mut self.lines).saturating_sub(LINES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_has_so_many_lines_and_the_rest_is_counted() {
        let mut log = NoteLog::default();
        let written = (0..LINES + 3).filter(|_| log.admits()).count();
        assert_eq!(written as u64, LINES);
        assert_eq!(log.take_kept_back(), 3);
        assert!(log.admits());
        assert_eq!(log.take_kept_back(), 0);
    }
}
