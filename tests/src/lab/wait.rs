//! Waiting for what gives no event: a state of another process, asked for again and again.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// Between two questions. Short beside what is waited for, long beside a system call.
const PAUSE: Duration = Duration::from_millis(5);

/// Asks until there is an answer, and gives it.
///
/// # Errors
/// If there is none by the deadline, or the first error of `ask`.
pub fn until<T>(
    deadline: Duration,
    what: &str,
    mut ask: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask()? {
            return Ok(answer);
        }
        if start.elapsed() > deadline {
            bail!("waited {deadline:?} in vain for {what}");
        }
        thread::sleep(PAUSE);
    }
}

/// Asks until it is true.
///
/// # Errors
/// As [`until`].
pub fn until_true(
    deadline: Duration,
    what: &str,
    mut ask: impl FnMut() -> Result<bool>,
) -> Result<()> {
    until(deadline, what, || Ok(ask()?.then_some(())))
}
