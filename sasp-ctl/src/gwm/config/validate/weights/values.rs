//! Values that several sources have.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use toml::Spanned;

use super::super::super::raw::RawWeights;
use crate::config::ConfigError;
use crate::config::source::Source;
use crate::config::values::{duration_in, number_in};
use crate::gwm::sources::rule::Pace;

/// More often than that, a member would mostly answer questions about itself.
const INTERVAL: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(86_400);
const TIMEOUT: RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_secs(300);
/// Results in a row.
const RUN: RangeInclusive<u32> = 1..=1000;

pub(super) fn pace(raw: &RawWeights, default: Pace, source: &Source) -> Result<Pace, ConfigError> {
    Ok(Pace {
        interval: duration_in(&raw.interval, default.interval, INTERVAL, source)?,
        timeout: duration_in(&raw.timeout, default.timeout, TIMEOUT, source)?,
    })
}

/// A number of results in a row.
pub(super) fn run(
    value: &Option<Spanned<i64>>,
    default: u32,
    source: &Source,
) -> Result<u32, ConfigError> {
    number_in(value, default, RUN, source)
}

pub(super) fn port(value: &Spanned<i64>, source: &Source) -> Result<u16, ConfigError> {
    let port = u16::try_from(*value.get_ref())
        .ok()
        .filter(|port| *port != 0);
    port.ok_or_else(|| {
        let reason = format!("port {} is out of range: 1 to 65535", value.get_ref());
        source.error(value, reason)
    })
}

pub(super) fn weight(value: &Spanned<i64>, source: &Source) -> Result<u16, ConfigError> {
    u16::try_from(*value.get_ref()).map_err(|_| {
        let reason = format!("weight {} is out of range: 0 to 65535", value.get_ref());
        source.error(value, reason)
    })
}

/// The path of a file; one that does not start at the root starts where the configuration is.
pub(super) fn file(value: &Spanned<String>, source: &Source) -> Result<PathBuf, ConfigError> {
    if value.get_ref().is_empty() {
        return Err(source.error(value, "an empty path names no file"));
    }
    Ok(source.resolve(value.get_ref()))
}
