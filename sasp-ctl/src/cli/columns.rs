//! Text in columns, and tables of them.

use super::paint::Paint;

/// How a column is set.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum Align {
    Left,
    Right,
}

/// Sets rows in columns, two blanks apart, each row indented by `indent`. The last column is never padded.
pub(in crate::cli) fn set(rows: &[Vec<String>], align: &[Align], indent: usize) -> String {
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<_> = (0..align.len()).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = " ".repeat(indent);
        for (column, cell) in row.iter().enumerate() {
            let width = widths[column];
            line.push_str(&match align[column] {
                Align::Left => format!("{cell:<width$}"),
                Align::Right => format!("{cell:>width$}"),
            });
            line.push_str("  ");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Headings and rows; a row that is bad is painted so. Nothing if there are no rows.
pub(in crate::cli) fn table(
    headings: &[(&str, Align)],
    rows: impl Iterator<Item = (Vec<String>, bool)>,
    indent: usize,
    paint: Paint,
) -> String {
    let (mut rows, bad): (Vec<_>, Vec<_>) = rows.unzip();
    if rows.is_empty() {
        return String::new();
    }
    let (names, align): (Vec<_>, Vec<_>) = headings.iter().copied().unzip();
    rows.insert(0, names.into_iter().map(str::to_owned).collect());
    let lines = set(&rows, &align, indent);
    let mut text = String::new();
    for (number, line) in lines.lines().enumerate() {
        let is_bad = number.checked_sub(1).is_some_and(|row| bad[row]);
        text.push_str(&match (number, is_bad) {
            (0, _) => paint.bold(line),
            (_, true) => paint.bad(line),
            (_, false) => line.to_owned(),
        });
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_set_to_the_right_and_lines_end_without_blanks() {
        let rows = [["NAME", "N"], ["a", "12345"]].map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(
            set(&rows, &[Align::Left, Align::Right], 1),
            " NAME      N\n a     12345\n"
        );
    }
}
