//! The terminal: lines that stay, and a board below them that is drawn again and again. Without a terminal the board
//! is one plain line after every event.

use std::env;
use std::io::{self, IsTerminal as _, Write as _};

use anyhow::Result;

use crate::board::{Board, Ink};

const GREEN: &str = "\x1b[32m";
const RED: &str = "\x1b[31m";
const DIM: &str = "\x1b[2m";
const PLAIN: &str = "\x1b[0m";
/// Clears from the cursor to the end of the screen.
const CLEAR: &str = "\x1b[J";

/// Standard output.
#[derive(Debug)]
pub(crate) struct Screen {
    terminal: bool,
    colours: bool,
    ink: Ink,
    /// Lines of the board that the cursor stands below.
    drawn: usize,
}

impl Screen {
    pub(crate) fn new() -> Self {
        let terminal =
            io::stdout().is_terminal() && env::var_os("TERM").is_some_and(|it| it != "dumb");
        let (full, empty) = if terminal && speaks_utf8() {
            ('█', '·')
        } else {
            ('#', '.')
        };
        Self {
            terminal,
            colours: terminal && env::var_os("NO_COLOR").is_none(),
            ink: Ink { full, empty },
            drawn: 0,
        }
    }

    /// A line that stays.
    pub(crate) fn say(&mut self, line: &str) -> Result<()> {
        self.erase()?;
        writeln!(io::stdout(), "{line}")?;
        Ok(())
    }

    /// An event that went as it should, or not.
    pub(crate) fn tell(&mut self, line: &str, right: bool, board: &Board) -> Result<()> {
        let (colour, mark) = if right {
            (GREEN, "ok   ")
        } else {
            (RED, "WRONG")
        };
        let mark = self.paint(mark, colour);
        self.say(&format!("{mark} {line}"))?;
        if self.terminal {
            return self.draw(board);
        }
        self.say(&format!("      {}", board.summary()))
    }

    /// Draws the board, over the last one.
    pub(crate) fn draw(&mut self, board: &Board) -> Result<()> {
        if !self.terminal {
            return Ok(());
        }
        let lines = board.lines(self.ink);
        self.erase()?;
        let mut out = io::stdout().lock();
        for line in &lines {
            writeln!(out, "{}", self.paint_board(line))?;
        }
        out.flush()?;
        self.drawn = lines.len();
        Ok(())
    }

    fn erase(&mut self) -> Result<()> {
        if self.drawn > 0 {
            write!(io::stdout(), "\x1b[{}A\r{CLEAR}", self.drawn)?;
            self.drawn = 0;
        }
        Ok(())
    }

    fn paint(&self, text: &str, colour: &str) -> String {
        if self.colours {
            format!("{colour}{text}{PLAIN}")
        } else {
            text.to_owned()
        }
    }

    /// Bars in colour, what is not there faint.
    fn paint_board(&self, line: &str) -> String {
        if !self.colours {
            return line.to_owned();
        }
        let Ink { full, empty } = self.ink;
        let mut painted = String::new();
        let mut last = ' ';
        for cell in line.chars() {
            if cell != last {
                match cell {
                    _ if cell == full => painted.push_str(GREEN),
                    _ if cell == empty => painted.push_str(&format!("{PLAIN}{DIM}")),
                    _ if last == full || last == empty => painted.push_str(PLAIN),
                    _ => {}
                }
            }
            painted.push(cell);
            last = cell;
        }
        painted + PLAIN
    }
}

/// What the locale says, in the order in which the C library asks.
fn speaks_utf8() -> bool {
    ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .filter_map(|name| env::var(name).ok())
        .find(|value| !value.is_empty())
        .is_some_and(|value| {
            let value = value.to_ascii_lowercase();
            value.contains("utf-8") || value.contains("utf8")
        })
}
