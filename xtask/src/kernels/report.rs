//! What a guest has said, and the table of all.

use std::{
    fmt,
    time::{Duration, Instant},
};

use super::{
    script::{BEGINS, ENDS},
    series::PARTS,
};
use crate::test::Tally;

/// What became of a guest's parts.
#[derive(Debug, Default)]
pub(super) struct Report {
    parts: Vec<Outcome>,
}

/// What became of a part.
#[derive(Debug)]
struct Outcome {
    test: String,
    tally: Tally,
    lines: Vec<String>,
    begun: Instant,
    /// The exit code and how long it took, once it has ended.
    end: Option<(i32, Duration)>,
}

impl Report {
    /// Hears a line.
    pub(super) fn add(&mut self, line: &str) {
        if let Some(test) = line.strip_prefix(BEGINS) {
            self.parts.push(Outcome {
                test: test.to_owned(),
                tally: Tally::default(),
                lines: Vec::new(),
                begun: Instant::now(),
                end: None,
            });
        } else if let Some(part) = self.parts.last_mut() {
            match line.strip_prefix(ENDS) {
                Some(code) => {
                    part.end = Some((code.parse().unwrap_or(-1), part.begun.elapsed()));
                }
                None => {
                    part.tally.add(line);
                    part.lines.push(line.to_owned());
                }
            }
        }
    }

    /// True if every part has run and none has failed.
    pub(super) fn is_good(&self) -> bool {
        self.parts.len() == PARTS.len() && self.parts.iter().all(Outcome::is_good)
    }

    /// Tests that have passed.
    pub(super) fn passed(&self) -> usize {
        self.parts.iter().map(|part| part.tally.passed).sum()
    }

    /// All that the parts have said that are not good.
    pub(super) fn complaints(&self) -> impl Iterator<Item = &str> {
        let bad = self.parts.iter().filter(|part| !part.is_good());
        bad.flat_map(|part| part.lines.iter().map(String::as_str))
    }

    /// A cell of the table for each part.
    fn cells(&self) -> impl Iterator<Item = String> {
        PARTS.iter().map(|part| {
            let outcome = self.parts.iter().find(|outcome| outcome.test == part.test);
            outcome.map_or_else(|| "has not run".to_owned(), Outcome::to_string)
        })
    }
}

impl Outcome {
    fn is_good(&self) -> bool {
        matches!(self.end, Some((0, _))) && self.tally.failed == 0
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.end {
            Some(_) if self.is_good() && self.tally.passed == 0 => write!(f, "no such test"),
            Some((_, time)) if self.is_good() => {
                write!(f, "{} passed in {} s", self.tally.passed, time.as_secs())
            }
            Some(_) if self.tally.failed > 0 => write!(
                f,
                "FAILED: {} of {}",
                self.tally.failed,
                self.tally.failed + self.tally.passed
            ),
            Some((code, _)) => write!(f, "FAILED: exit code {code}"),
            None => write!(f, "FAILED: has not ended"),
        }
    }
}

/// A row for each kernel, a column for each part.
pub(super) fn table(kernels: &[(String, Report)]) -> String {
    let mut rows = vec![vec!["kernel".to_owned()]];
    rows[0].extend(PARTS.iter().map(|part| part.test.to_owned()));
    for (release, report) in kernels {
        rows.push(
            [release.clone()]
                .into_iter()
                .chain(report.cells())
                .collect(),
        );
    }
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max();
    let widths: Vec<_> = (0..rows[0].len()).filter_map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths);
        let line: String = cells
            .map(|(cell, width)| format!("{cell:width$}  "))
            .collect();
        line.trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSED: &str = "test result: ok. 2 passed; 0 failed; 0 ignored";

    fn said(lines: &[&str]) -> Report {
        let mut report = Report::default();
        lines.iter().for_each(|line| report.add(line));
        report
    }

    fn all_passed() -> Vec<String> {
        let part = |part: &super::super::series::Part| {
            [
                format!("{BEGINS}{}", part.test),
                PASSED.to_owned(),
                format!("{ENDS}0"),
            ]
        };
        PARTS.iter().flat_map(part).collect()
    }

    #[test]
    fn a_guest_whose_parts_have_all_ended_well_is_good() {
        let lines = all_passed();
        let lines: Vec<_> = lines.iter().map(String::as_str).collect();
        let report = said(&lines);
        assert!(report.is_good());
        assert_eq!(report.passed(), 2 * PARTS.len());
        assert_eq!(report.complaints().count(), 0);
    }

    #[test]
    fn a_guest_that_stopped_in_a_part_or_before_it_is_not() {
        let lines = all_passed();
        for end in 0..lines.len() {
            let lines: Vec<_> = lines[..end].iter().map(String::as_str).collect();
            assert!(!said(&lines).is_good(), "{lines:?}");
        }
    }

    #[test]
    fn the_table_says_which_part_failed_and_the_complaints_say_why() {
        let report = said(&[
            "==> begins fixtures",
            "the verifier refuses the program",
            "test result: FAILED. 1 passed; 1 failed; 0 ignored",
            "==> ends 101",
        ]);
        let table = table(&[("6.1.0".to_owned(), report)]);
        assert!(
            table.contains("FAILED: 1 of 2") && table.contains("has not run"),
            "{table}"
        );
    }
}
