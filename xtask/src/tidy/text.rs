//! Rules for every text file.

use super::Violation;

/// First directories of paths that exist on a developer's machine only.
const PRIVATE: [&str; 4] = ["home", "root", "Users", "work"];

/// Licences are kept as their authors publish them.
pub(super) fn check(name: &str, text: &str) -> Vec<Violation> {
    if name.starts_with("LICENSE-") {
        return Vec::new();
    }
    let mut violations = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        if line.ends_with([' ', '\t', '\r']) {
            violations.push(Violation::new(name, number, "trailing white space"));
        }
        if let Some(directory) = PRIVATE
            .iter()
            .find(|directory| has_path_in(line, directory))
        {
            let rule = format!("a path in /{directory} exists on one machine only");
            violations.push(Violation::new(name, number, rule));
        }
    }
    violations
}

fn has_path_in(line: &str, directory: &str) -> bool {
    line.match_indices(&format!("/{directory}/"))
        .any(|(at, _)| {
            // Otherwise it is the middle of a longer path or address.
            !line[..at]
                .ends_with(|before: char| before.is_alphanumeric() || "-_.~}*".contains(before))
        })
}
