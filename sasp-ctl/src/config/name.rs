//! LB UIDs and group names as people write them. What a GWM of ours would refuse is refused here, with a reason.

use crate::sasp::msg::Name;

/// Parses a name of at most `max` bytes; the error is a reason that goes on where the name's kind stood.
pub fn parse(text: &str, max: usize) -> Result<Name, String> {
    Name::new(text.as_bytes())
        .filter(|name| (1..=max).contains(&name.len()) && name.is_text())
        .ok_or_else(|| {
            format!(
                "must have 1 to {max} bytes and no control characters, this one has {} bytes: choose another",
                text.len()
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_names_nothing_is_refused() {
        for (text, max) in [("edge-1", 64), ("ä", 2), (&"g".repeat(255), 255)] {
            assert_eq!(parse(text, max).unwrap().len(), text.len());
        }
        for (text, max) in [
            ("", 64),
            ("a\nb", 64),
            ("ä", 1),
            (&"u".repeat(65), 64),
            (&"g".repeat(256), 255),
        ] {
            let reason = parse(text, max).unwrap_err();
            assert!(reason.contains(&format!("1 to {max} bytes")), "{reason}");
        }
    }
}
