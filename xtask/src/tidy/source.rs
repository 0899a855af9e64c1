//! Size, documentation and forbidden words of one Rust file.

use std::ops::Range;

use super::{Violation, code};

/// What one can read in one go.
const FILE_LINES_MAX: usize = 600;

/// What fits on one screen.
const FUNCTION_LINES_MAX: usize = 70;

const FORBIDDEN: [(&str, &str); 5] = [
    (
        "#[allow(",
        "use #[expect(…, reason = \"…\")], which says so when it is needed no more",
    ),
    (
        "#![allow(",
        "use #![expect(…, reason = \"…\")], which says so when it is needed no more",
    ),
    ("todo!", "unfinished"),
    ("unimplemented!", "unfinished"),
    ("dbg!", "left over from debugging"),
];

/// `code` is `text` without comments and strings.
pub(super) fn check(name: &str, text: &str, code: &str) -> Vec<Violation> {
    let mut violations = Vec::new();
    let lines = text.lines().count();
    if lines > FILE_LINES_MAX {
        let rule = format!("the file has {lines} lines, the limit is {FILE_LINES_MAX}");
        violations.push(Violation::new(name, FILE_LINES_MAX + 1, rule));
    }
    if !is_documented(text) && !is_child_test(name) {
        violations.push(Violation::new(
            name,
            1,
            "the module says not what it is: begin with //!",
        ));
    }
    for (word, reason) in FORBIDDEN {
        for (at, _) in code.match_indices(word) {
            violations.push(Violation::new(
                name,
                code::line(code, at),
                format!("{word}: {reason}"),
            ));
        }
    }
    if !is_test(name) {
        violations.extend(long_functions(name, code));
    }
    violations
}

/// Whether the module's documentation comes before its first item.
fn is_documented(text: &str) -> bool {
    let first = text
        .lines()
        .map(str::trim)
        .find(|line| !line.is_empty() && !line.starts_with("#!"));
    first.is_some_and(|line| line.starts_with("//!"))
}

/// Tests may tell long stories.
fn is_test(name: &str) -> bool {
    name.starts_with("tests/") || is_child_test(name)
}

/// The tests of the module they are in, which says what it is for both.
fn is_child_test(name: &str) -> bool {
    name.contains("/src/") && (name.ends_with("/tests.rs") || name.contains("/tests/"))
}

fn long_functions(name: &str, code: &str) -> Vec<Violation> {
    let tests = test_modules(code);
    code::words(code, "fn")
        .filter(|at| !tests.iter().any(|module| module.contains(at)))
        .filter_map(|at| {
            let function = function(code, at)?;
            let first = code::line(code, at);
            let lines = code::line(code, function.end) - first + 1;
            (lines > FUNCTION_LINES_MAX).then(|| {
                let rule =
                    format!("the function has {lines} lines, the limit is {FUNCTION_LINES_MAX}");
                Violation::new(name, first, rule)
            })
        })
        .collect()
}

/// From `fn` to the closing brace; none for a type or a declaration without body.
fn function(code: &str, at: usize) -> Option<Range<usize>> {
    let signature = &code[at + "fn".len()..];
    if !signature.trim_start().starts_with(code::is_word) {
        return None;
    }
    let mut depth = 0;
    for (offset, char) in signature.char_indices() {
        match char {
            '(' | '[' => depth += 1,
            ')' | ']' => depth -= 1,
            ';' if depth == 0 => return None,
            '{' if depth == 0 => return Some(at..code::block(code, at + "fn".len() + offset).end),
            _ => {}
        }
    }
    None
}

fn test_modules(code: &str) -> Vec<Range<usize>> {
    code.match_indices("#[cfg(test)]")
        .filter_map(|(at, mark)| {
            let item = code[at + mark.len()..].trim_start();
            let open = code.len() - item.len() + item.find(['{', ';'])?;
            (item.starts_with("mod ") && code[open..].starts_with('{'))
                .then(|| code::block(code, open))
        })
        .collect()
}
