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
        self.lines += 1;
        match note {
            _ if self.lines > LINES => {}
            bad if bad.is_bad() => warn!("{bad}"),
            good => info!("{good}"),
        }
    }

    /// Begins a new window; says how many lines the last one has kept back.
    pub(super) fn end_window(&mut self) {
        let kept_back = self.lines.saturating_sub(LINES);
        self.lines = 0;
        if kept_back > 0 {
            warn!(
                lines = kept_back,
                "more changes of what sources say not logged"
            );
        }
    }
}
