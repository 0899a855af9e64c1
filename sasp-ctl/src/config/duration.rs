//! Durations as people write them: a whole number and a unit, `"500ms"`, `"10s"`, `"2m"`, `"1h"`.
//!
//! No fractions and no sums (`"1m30s"` is `"90s"`): there is one way to write a value.

use std::time::Duration;

/// The longest duration that is taken: a year. Deadlines computed from it never overflow a clock.
pub const MAX: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Parses a duration; the error is a reason, without the place where the text stood.
pub fn parse(text: &str) -> Result<Duration, String> {
    let unit_at = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let malformed = || {
        format!("{text:?} is not a duration: write a whole number and ms, s, m or h, as in \"10s\"")
    };
    let millis_per_unit = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err(malformed()),
    };
    if number.is_empty() {
        return Err(malformed());
    }
    number
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(millis_per_unit))
        .map(Duration::from_millis)
        .filter(|duration| *duration <= MAX)
        .ok_or_else(|| format!("{text:?} is longer than a year"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_is_understood() {
        for (text, millis) in [
            ("500ms", 500),
            ("0s", 0),
            ("10s", 10_000),
            ("2m", 120_000),
            ("1h", 3_600_000),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused_with_the_text_in_the_reason() {
        for text in [
            "", "10", "s", "1.5s", "-1s", "10 s", "10S", "1m30s", "10d", "+1s", "1\u{b5}s",
        ] {
            let reason = parse(text).unwrap_err();
            assert!(
                reason.contains(&format!("{text:?} is not a duration")),
                "{reason}"
            );
        }
    }

    #[test]
    fn numbers_that_overflow_are_too_long_and_do_not_wrap() {
        for text in ["8761h", "18446744073709551615h", "99999999999999999999s"] {
            assert!(
                parse(text).unwrap_err().contains("longer than a year"),
                "{text}"
            );
        }
        assert_eq!(parse("8760h"), Ok(MAX));
    }
}
