//! One line per event on standard error, with or without a terminal.

mod lossy;

use std::io;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::time::SystemTime;

use super::failure::Failure;
use super::output;

/// Starts logging. The level is `--log`, else `RUST_LOG`, else `info`.
///
/// # Errors
/// A filter that cannot be parsed.
pub(super) fn start(log: Option<&str>) -> Result<(), Failure> {
    let (name, directives) = match log {
        Some(directives) => ("--log", directives.to_owned()),
        None => (
            "RUST_LOG",
            std::env::var("RUST_LOG").unwrap_or_else(|_| "info".to_owned()),
        ),
    };
    let filter = EnvFilter::try_new(spelled_out(&directives)).map_err(|error| {
        Failure::Usage(format!(
            "{name} {directives}: {error}: write error, warn, info, debug or trace"
        ))
    })?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(lossy::start(io::stderr).map_err(Failure::failed)?)
        // By `eprintln!`, which panics where standard error cannot be written to.
        .log_internal_errors(false)
        .with_ansi(output::colours(&io::stderr()))
        .with_target(false);
    // The journal stamps every line itself.
    if std::env::var_os("JOURNAL_STREAM").is_some() {
        lines.without_time().init();
    } else {
        lines.with_timer(SystemTime).init();
    }
    Ok(())
}

/// Waits until all that was logged is written, but not for a reader who does not read: then it is false, and writing
/// to standard error would block.
pub(super) fn flush() -> bool {
    lossy::flush()
}

/// A bare level is about us, not about the libraries that we use, and never hides what the packet path was asked to
/// log.
fn spelled_out(directives: &str) -> String {
    match directives.to_ascii_lowercase().as_str() {
        level @ ("debug" | "trace") => format!("info,sasp_ctl={level},sasp_xdp=trace"),
        level @ ("error" | "warn" | "info") => format!("{level},sasp_xdp=trace"),
        _ => directives.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::spelled_out;

    #[test]
    fn a_bare_level_is_about_us_and_a_filter_is_taken_as_it_is() {
        for (typed, meant) in [
            ("debug", "info,sasp_ctl=debug,sasp_xdp=trace"),
            ("WARN", "warn,sasp_xdp=trace"),
            ("aya=debug", "aya=debug"),
            (
                "info,sasp_ctl::session=trace",
                "info,sasp_ctl::session=trace",
            ),
        ] {
            assert_eq!(spelled_out(typed), meant);
        }
    }
}
