//! The keys of `[[service]]` that keep noise in weights from the tables.

use std::time::Duration;

use toml::Spanned;

use super::super::error::ConfigError;
use super::super::raw::RawService;
use super::super::settings::{DEAD_BAND_PERMILLE, MOVE_INTERVAL};
use super::super::source::Source;
use super::super::values::duration_from;
use crate::balance::spec::MoveLimit;

pub(super) fn dead_band(raw: &RawService, source: &Source) -> Result<u16, ConfigError> {
    match &raw.dead_band {
        Some(value) => share(value, source),
        None => Ok(DEAD_BAND_PERMILLE),
    }
}

/// `"0s"` is the same as none.
pub(super) fn slow_start(
    raw: &RawService,
    source: &Source,
) -> Result<Option<Duration>, ConfigError> {
    let none = Duration::ZERO;
    let length = duration_from(&raw.slow_start, none, none, source)?;
    Ok((!length.is_zero()).then_some(length))
}

/// `"100%"` is the same as none.
pub(super) fn move_limit(
    raw: &RawService,
    source: &Source,
) -> Result<Option<MoveLimit>, ConfigError> {
    let shortest = Duration::from_millis(100);
    let interval = duration_from(&raw.move_interval, MOVE_INTERVAL, shortest, source)?;
    let Some(limit) = &raw.move_limit else {
        return match &raw.move_interval {
            Some(value) => Err(source.error(
                value,
                "`move_interval` does nothing without `move_limit`: add that, or remove this",
            )),
            None => Ok(None),
        };
    };
    match share(limit, source)? {
        0 => Err(source.error(
            limit,
            "\"0%\" would keep weights from moving anything for ever: leave `move_limit` out, or allow more",
        )),
        1000 => Ok(None),
        permille => Ok(Some(MoveLimit { permille, interval })),
    }
}

/// `"0.5%"` to thousandths.
fn share(value: &Spanned<String>, source: &Source) -> Result<u16, ConfigError> {
    permille(value.get_ref()).ok_or_else(|| {
        source.error(
            value,
            format!(
                "{:?} is not a share from \"0%\" to \"100%\" with at most one decimal",
                value.get_ref()
            ),
        )
    })
}

fn permille(text: &str) -> Option<u16> {
    let number = text.strip_suffix('%')?;
    let (whole, tenth) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(tenth) || tenth.len() > 1 {
        return None;
    }
    let permille = whole.parse::<u16>().ok()?.checked_mul(10)? + tenth.parse::<u16>().ok()?;
    (permille <= 1000).then_some(permille)
}

#[cfg(test)]
mod tests {
    use super::permille;

    #[test]
    fn a_share_has_at_most_one_decimal() {
        for (text, expected) in [
            ("0%", Some(0)),
            ("0.5%", Some(5)),
            ("2%", Some(20)),
            ("100%", Some(1000)),
            ("100.1%", None),
            ("0.55%", None),
            ("2", None),
            (".5%", None),
            ("1.%", None),
            ("-1%", None),
            ("9999%", None),
        ] {
            assert_eq!(permille(text), expected, "{text}");
        }
    }
}
