//! What the README tells members to type for their tunnel devices: the tests type the same, so that it is true.

use crate::form::{Family, Form, Shim};
use crate::host::ends;

const README: &str = include_str!("../../../README.md");
/// Begins the paragraph before the commands.
const TITLE: &str = "**Tunnel devices**";
/// The member's own addresses there.
const MEMBER: [(&str, Family); 2] = [("10.0.0.1", Family::V4), ("2001:db8:1::1", Family::V6)];

/// The commands for a member that packets reach in this form.
pub(crate) fn commands(form: &Form) -> Vec<String> {
    let Some(wanted) = title(form) else {
        return Vec::new();
    };
    let (_, rest) = README.split_once(TITLE).expect("the README has them");
    let block = rest.split("```").nth(1).expect("a block of commands");
    let commands = block.trim().lines().filter_map(|line| {
        let (command, comment) = line.split_once('#').unwrap_or((line, ""));
        let is_for_some = comment.contains(" over ");
        (!is_for_some || titles(comment).any(|title| title == wanted)).then(|| typed(command))
    });
    commands.collect()
}

/// How a comment names the form; `None` if it takes no device.
fn title(form: &Form) -> Option<String> {
    let mode = match form.shim {
        Shim::Ip => "ipip",
        Shim::Gre => "gre",
        Shim::Gue => "gue",
        Shim::Dsr | Shim::Nat | Shim::FullNat => return None,
    };
    let family = match form.outer {
        Family::V4 => "IPv4",
        Family::V6 => "IPv6",
    };
    Some(format!("{mode} over {family}"))
}

/// The forms that a comment names, as in `ipip and gue over IPv4`.
fn titles(comment: &str) -> impl Iterator<Item = String> {
    let (modes, family) = comment.trim().split_once(" over ").unwrap_or_default();
    modes
        .split(" and ")
        .map(move |mode| format!("{mode} over {family}"))
}

/// With our member's addresses.
fn typed(command: &str) -> String {
    let words = command.split_whitespace().map(|word| {
        let own = MEMBER.iter().find(|(address, _)| *address == word);
        own.map_or_else(
            || word.to_owned(),
            |(_, family)| ends(*family).1.to_string(),
        )
    });
    words.collect::<Vec<_>>().join(" ")
}
