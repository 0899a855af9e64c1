//! New weights in the log: one line a second at most, however fast a GWM changes its mind.

use std::time::{Duration, Instant};

use super::gwm::Heard;

/// Between two lines.
const PAUSE: Duration = Duration::from_secs(1);

/// What is to be told.
#[derive(Default)]
pub(super) struct WeightsLog {
    last: Option<Instant>,
    waiting: Option<Line>,
}

/// A line, and the updates that it stands for.
#[derive(Debug, PartialEq, Eq)]
struct Line {
    updates: u64,
    groups: Heard,
    slowest: Duration,
}

impl WeightsLog {
    /// An update is in the tables.
    pub(super) fn note(&mut self, groups: Heard, took: Duration, now: Instant) {
        let line = self.waiting.get_or_insert_with(|| Line {
            updates: 0,
            groups: Heard::default(),
            slowest: Duration::ZERO,
        });
        line.updates += 1;
        line.groups.add(groups);
        line.slowest = line.slowest.max(took);
        self.tell(now);
    }

    /// Writes what waits, if it is time. To be called now and then, so that the last update is told, too.
    pub(super) fn tell(&mut self, now: Instant) {
        if let Some(line) = self.due(now) {
            tracing::info!(groups = %line.groups, updates = line.updates, took = ?line.slowest, "new weights are in the tables");
        }
    }

    fn due(&mut self, now: Instant) -> Option<Line> {
        if self.last.is_some_and(|last| now < last + PAUSE) {
            return None;
        }
        let line = self.waiting.take()?;
        self.last = Some(now);
        Some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn updates_within_a_second_become_one_line_that_counts_them() {
        let mut log = WeightsLog::default();
        let start = Instant::now();
        log.note(Heard::default(), Duration::from_millis(1), start);
        assert_eq!(log.waiting, None, "the first is told at once");
        for milliseconds in 1..=10 {
            let took = Duration::from_millis(milliseconds);
            log.note(Heard::default(), took, start + took);
        }
        assert_eq!(log.due(start + PAUSE / 2), None);
        let line = log.due(start + PAUSE).unwrap();
        assert_eq!(
            (line.updates, line.slowest),
            (10, Duration::from_millis(10))
        );
        assert_eq!(log.due(start + 2 * PAUSE), None);
    }
}
