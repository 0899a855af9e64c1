//! What is shown: three bars for every member, and how the connections fare. As text; where it goes is `screen`'s.

/// Columns of one bar.
const BAR: usize = 12;

/// One member.
#[derive(Clone, Debug, Default)]
pub(crate) struct Row {
    pub(crate) name: String,
    /// The weight, or why it does not count.
    pub(crate) weight: String,
    /// Share of connections that its weight asks for.
    pub(crate) asked: f64,
    /// Share of slots.
    pub(crate) slots: f64,
    /// Share of the connections of the last seconds.
    pub(crate) observed: f64,
}

/// Everything.
#[derive(Clone, Debug, Default)]
pub(crate) struct Board {
    pub(crate) rows: Vec<Row>,
    /// What is going on.
    pub(crate) now: String,
    /// New connections per second.
    pub(crate) rate: f64,
    /// Long-lived connections that are open.
    pub(crate) open: usize,
    /// Those that broke.
    pub(crate) broken: usize,
}

/// Fills and empties of a bar.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ink {
    pub(crate) full: char,
    pub(crate) empty: char,
}

impl Board {
    /// Lines of at most 80 columns.
    pub(crate) fn lines(&self, ink: Ink) -> Vec<String> {
        let mut lines = vec![format!(
            "{:10}{:24}{:22}{}",
            "", "weight asked", "share of slots", "new connections"
        )];
        for row in &self.rows {
            let Row {
                name,
                weight,
                asked,
                slots,
                observed,
            } = row;
            lines.push(format!(
                "{name:9} {weight:>3} {} {} {}",
                bar(*asked, ink),
                bar(*slots, ink),
                bar(*observed, ink)
            ));
        }
        let Self {
            rate, open, broken, ..
        } = self;
        lines.push(format!(
            "{rate:.0} new connections/s; {open} long-lived ones open, {broken} broken"
        ));
        lines.push(format!("now: {}", self.now));
        lines
    }

    /// The same in one line, for a log.
    pub(crate) fn summary(&self) -> String {
        let shares = |of: fn(&Row) -> f64| {
            let shares: Vec<_> = self
                .rows
                .iter()
                .map(|row| format!("{:.1}", of(row) * 100.0))
                .collect();
            shares.join(" : ")
        };
        format!(
            "asked {} %, slots {} %, connections {} %",
            shares(|row| row.asked),
            shares(|row| row.slots),
            shares(|row| row.observed)
        )
    }
}

fn bar(share: f64, ink: Ink) -> String {
    let full = (share * BAR as f64).round() as usize;
    let cells = |ink: char, count: usize| ink.to_string().repeat(count);
    format!(
        "{}{} {:5.1}%",
        cells(ink.full, full.min(BAR)),
        cells(ink.empty, BAR.saturating_sub(full)),
        share * 100.0
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_board_fits_into_80_columns() {
        let row = Row {
            name: "member-1".to_owned(),
            weight: "100".to_owned(),
            asked: 1.0,
            slots: 1.0,
            observed: 1.0,
        };
        let board = Board {
            rows: vec![row],
            rate: 12_345.0,
            open: 12,
            broken: 12,
            ..Board::default()
        };
        let ink = Ink {
            full: '#',
            empty: '.',
        };
        for line in board.lines(ink) {
            assert!(line.chars().count() < 80, "{line}");
        }
    }

    #[test]
    fn a_bar_is_as_long_as_its_share() {
        let ink = Ink {
            full: '#',
            empty: '.',
        };
        assert_eq!(bar(0.0, ink), "............   0.0%");
        assert_eq!(bar(0.5, ink), "######......  50.0%");
        assert_eq!(bar(1.0, ink), "############ 100.0%");
    }
}
