//! What was measured, as medians, and the printed table.

use std::fmt;

use super::contenders::{Contender, Kind};

/// One figure of every contender, in every round.
pub(super) struct Rounds {
    contenders: Vec<(&'static str, Kind)>,
    /// Round after round, in the contenders' order.
    figures: Vec<f64>,
}

/// The medians.
pub(super) struct Panel {
    pub(super) title: &'static str,
    /// The first is the baseline.
    pub(super) rows: Vec<Row>,
}

/// A contender.
pub(super) struct Row {
    pub(super) name: &'static str,
    /// Whether it is our own.
    pub(super) ours: bool,
    /// Per second.
    pub(super) rate: f64,
    /// To the baseline.
    pub(super) ratio: f64,
}

impl Rounds {
    pub(super) fn new(contenders: &[Contender]) -> Self {
        let contenders = contenders
            .iter()
            .map(|contender| (contender.name, contender.kind))
            .collect();
        Self {
            contenders,
            figures: Vec::new(),
        }
    }

    /// The next contender's figure.
    pub(super) fn add(&mut self, figure: f64) {
        self.figures.push(figure);
    }

    pub(super) fn panel(&self, title: &'static str) -> Panel {
        let rounds = || self.figures.chunks(self.contenders.len());
        let row = |(place, (name, kind)): (usize, &(&'static str, Kind))| Row {
            name,
            ours: matches!(kind, Kind::SaspCtl { .. }),
            rate: median(rounds().map(|round| round[place]).collect()),
            ratio: median(rounds().map(|round| round[place] / round[0]).collect()),
        };
        Panel {
            title,
            rows: self.contenders.iter().enumerate().map(row).collect(),
        }
    }
}

impl fmt::Display for Panel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let baseline = self.rows.first().map_or("", |row| row.name);
        writeln!(f, "{}", self.title)?;
        writeln!(f, "{:<30} {:>12}   × {baseline}", "", "per second")?;
        for row in &self.rows {
            writeln!(
                f,
                "{:<30} {:>12}   {:.2}",
                row.name,
                rate(row.rate),
                row.ratio
            )?;
        }
        Ok(())
    }
}

/// With three digits, as people say it.
pub(super) fn rate(per_second: f64) -> String {
    match per_second {
        1e6.. => format!("{:.2} M", per_second / 1e6),
        1e5.. => format!("{:.0} k", per_second / 1e3),
        1e4.. => format!("{:.1} k", per_second / 1e3),
        1e3.. => format!("{:.2} k", per_second / 1e3),
        _ => format!("{per_second:.0}"),
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() % 2 {
        0 => (values[middle - 1] + values[middle]) / 2.0,
        _ => values[middle],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_within_a_round() {
        let mut rounds = Rounds::new(&contenders()[..2]);
        for figure in [10.0, 5.0, 20.0, 10.0, 2e6, 5e5] {
            rounds.add(figure);
        }
        let panel = rounds.panel("Packets");
        let rows: Vec<_> = panel.rows.iter().map(|row| (row.rate, row.ratio)).collect();
        assert_eq!(rows, [(20.0, 1.0), (10.0, 0.5)]);
    }

    #[test]
    fn the_median_of_an_even_number_is_between_the_middle_two() {
        assert_eq!(median(vec![4.0, 1.0, 3.0, 100.0]), 3.5);
    }

    #[test]
    fn rates_have_three_digits() {
        assert_eq!(
            [2_412_345.0, 617_345.0, 56_123.0, 6_912.0, 871.2].map(rate),
            ["2.41 M", "617 k", "56.1 k", "6.91 k", "871"]
        );
    }

    fn contenders() -> &'static [Contender] {
        super::super::contenders::PACKETS
    }
}
