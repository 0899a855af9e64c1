//! The top level holds exactly what the code map in the README explains.

use super::Violation;

pub(super) const ENTRIES: [&str; 11] = [
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-GPL2",
    "LICENSE-MIT",
    "README.md",
    "sasp-ctl",
    "sasp-xdp",
    "sasp-xdp-common",
    "tests",
    "xtask",
];

/// Checks the names at the top level; dot-files and build output do not count.
pub(super) fn check(names: &[String]) -> Vec<Violation> {
    let foreign = names
        .iter()
        .filter(|name| !name.starts_with('.') && *name != "target")
        .filter(|name| !ENTRIES.contains(&name.as_str()))
        .map(|name| Violation::new(name, 1, "does not belong to the top level"));
    let absent = ENTRIES
        .iter()
        .filter(|entry| !names.iter().any(|name| name == *entry))
        .map(|entry| Violation::new(entry, 1, "is missing at the top level"));
    foreign.chain(absent).collect()
}
