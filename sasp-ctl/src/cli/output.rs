//! Standard output that may be closed at any moment (`sasp-ctl status | head -1`), and colours.

use std::io::{self, IsTerminal as _, Write as _};
use std::thread;
use std::time::Duration;

use super::failure::Failure;

/// Clears the screen and puts the cursor in its corner.
const HOME: &str = "\x1b[H\x1b[2J";

/// How often [`show`] shows something again.
const SHOW_EVERY: Duration = Duration::from_secs(1);

/// Prints text as it is.
///
/// # Errors
/// [`Failure::OutputClosed`] if nobody reads any more.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(Failure::OutputClosed),
        Err(error) => Err(Failure::Failed(format!(
            "cannot write to standard output: {error}"
        ))),
    }
}

/// Prints a warning, one line on standard error. That nobody reads it is no failure: the work was done.
pub(super) fn warn(line: &str) {
    // Not `eprintln!`, which panics then.
    let _ = writeln!(io::stderr(), "warning: {line}");
}

/// Prints what `text` says: once, or `again` and again every second, one over the other on a terminal if it `replaces`.
///
/// # Errors
/// The first of `text`, or of [`print()`].
pub(super) fn show(
    again: bool,
    replaces: bool,
    text: impl Fn() -> Result<String, Failure>,
) -> Result<(), Failure> {
    loop {
        let text = text()?;
        if again && replaces && io::stdout().is_terminal() {
            print(HOME)?;
        }
        print(&text)?;
        if !again {
            return Ok(());
        }
        thread::sleep(SHOW_EVERY);
    }
}

/// Whether a stream shows colours: a terminal, unless the user has set `NO_COLOR` (no-color.org).
pub(super) fn colours(stream: &impl io::IsTerminal) -> bool {
    stream.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// [`colours`] of standard output.
pub(super) fn stdout_has_colours() -> bool {
    colours(&io::stdout())
}

/// Whether standard output is a terminal.
pub(super) fn stdout_is_terminal() -> bool {
    io::stdout().is_terminal()
}
