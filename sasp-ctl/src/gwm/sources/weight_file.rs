//! Files of weights: a member and its weight on each line, then perhaps `quiesce` or `down`. `#` begins a comment.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use crate::config::member_key;
use crate::sasp::msg::MemberKey;

/// What stands behind a weight.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mark {
    /// Nothing.
    None,
    /// `quiesce`: no new flows.
    Quiesce,
    /// `down`: it cannot be reached.
    Down,
}

/// What a line says of its member: the weight, and what stands behind it.
pub type Said = (u16, Mark);
/// What a file says.
pub type Lines = BTreeMap<MemberKey, Said>;

/// Reads a file of weights.
///
/// # Errors
/// The first line that is wrong, and why: half a file is not used.
pub fn parse(text: &str) -> Result<Lines, String> {
    let mut lines = Lines::new();
    for (index, line) in text.lines().enumerate() {
        let at = |reason: String| format!("line {}: {reason}", index + 1);
        let Some((key, said)) = parse_line(line).map_err(at)? else {
            continue;
        };
        match lines.entry(key) {
            Entry::Vacant(place) => place.insert(said),
            Entry::Occupied(_) => return Err(at(format!("{key} stands twice: remove one"))),
        };
    }
    Ok(lines)
}

fn parse_line(line: &str) -> Result<Option<(MemberKey, Said)>, String> {
    let mut words = line
        .split('#')
        .next()
        .unwrap_or_default()
        .split_whitespace();
    let Some(member) = words.next() else {
        return Ok(None);
    };
    let key = member_key::parse(member)?;
    let weight = words
        .next()
        .ok_or_else(|| format!("{key} has no weight: write MEMBER WEIGHT"))?;
    let weight = weight
        .bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| weight.parse().ok())
        .flatten()
        .ok_or_else(|| format!("weight {weight:?} is not a whole number from 0 to 65535"))?;
    let mark = match words.next() {
        None => Mark::None,
        Some("quiesce") => Mark::Quiesce,
        Some("down") => Mark::Down,
        Some(other) => return Err(format!("{other:?} is neither \"quiesce\" nor \"down\"")),
    };
    match words.next() {
        None => Ok(Some((key, (weight, mark)))),
        Some(more) => Err(format!("{more:?} is one word too many")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn members_weights_marks_and_comments_are_understood() {
        let text = "# all\n\n10.0.0.1:80 40\n 10.0.0.2:80\t0 quiesce # soon\r\n[2001:db8::1]:53/udp 65535 down\n10.0.0.3 1";
        let key = |text| member_key::parse(text).unwrap();
        let expected = Lines::from([
            (key("10.0.0.1:80"), (40, Mark::None)),
            (key("10.0.0.2:80"), (0, Mark::Quiesce)),
            (key("[2001:db8::1]:53/udp"), (65535, Mark::Down)),
            (key("10.0.0.3"), (1, Mark::None)),
        ]);
        assert_eq!(parse(text), Ok(expected));
        assert_eq!(parse(""), Ok(Lines::new()));
    }

    #[test]
    fn a_bad_line_refuses_the_file_with_its_number_and_a_reason() {
        for (text, expected) in [
            ("10.0.0.1:80", "line 1: 10.0.0.1:80 has no weight"),
            ("\nweb:80 1", "line 2: \"web:80\" has no valid IP address"),
            ("10.0.0.1:80 65536", "line 1: weight \"65536\" is not"),
            ("10.0.0.1:80 +1", "line 1: weight \"+1\" is not"),
            ("10.0.0.1:80 1 drain", "line 1: \"drain\" is neither"),
            ("10.0.0.1:80 1 down now", "line 1: \"now\" is one word"),
            (
                "10.0.0.1:80 1\n10.0.0.1:80/tcp 2",
                "line 2: 10.0.0.1:80 stands twice",
            ),
        ] {
            let refused = parse(text).unwrap_err();
            assert!(refused.starts_with(expected), "{refused}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd(text: String) {
            if let Err(reason) = parse(&text) {
                prop_assert!(!reason.contains('\n'), "{reason}");
            }
        }
    }
}
