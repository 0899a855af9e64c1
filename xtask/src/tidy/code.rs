//! Rust without its comments and strings, so that words in them are not mistaken for code.

use std::{iter::Peekable, ops::Range, str::Chars};

/// Replaces comments and the contents of string and character literals by spaces; lines stay.
pub(super) fn mask(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(first) = rest.next() {
        match (first, rest.peek()) {
            ('/', Some('/')) => skip(&mut rest, &mut masked, "\n", false),
            ('/', Some('*')) => block_comment(&mut rest, &mut masked),
            ('"', _) => {
                masked.push('"');
                skip(&mut rest, &mut masked, "\"", true);
            }
            ('r', Some('"' | '#')) if !ends_with_word(&masked) => raw(&mut rest, &mut masked),
            ('\'', _) => quote(&mut rest, &mut masked),
            _ => masked.push(first),
        }
    }
    masked
}

/// The bytes between a brace and its partner, both included; to the end if it has none.
pub(super) fn block(code: &str, open: usize) -> Range<usize> {
    let mut depth = 0_usize;
    for (at, char) in code[open..].char_indices() {
        match char {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return open..open + at + 1;
        }
    }
    open..code.len()
}

/// Where `word` stands alone, not as part of another identifier.
pub(super) fn words<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    code.match_indices(word)
        .map(|(at, _)| at)
        .filter(move |at| {
            let after = code[at + word.len()..].chars().next();
            !ends_with_word(&code[..*at]) && !after.is_some_and(is_word)
        })
}

/// The line of a byte, from 1.
pub(super) fn line(code: &str, at: usize) -> usize {
    code[..at].matches('\n').count() + 1
}

pub(super) fn is_word(char: char) -> bool {
    char.is_alphanumeric() || char == '_'
}

fn ends_with_word(code: &str) -> bool {
    code.ends_with(is_word)
}

fn blank(char: char) -> char {
    if char == '\n' { '\n' } else { ' ' }
}

/// Blanks everything up to `end`, which is kept; `end` may not be escaped where escapes count.
fn skip(rest: &mut Peekable<Chars<'_>>, masked: &mut String, end: &str, escapes: bool) {
    let mut seen = String::new();
    while let Some(char) = rest.next() {
        if escapes && char == '\\' {
            masked.push(' ');
            masked.extend(rest.next().map(blank));
            seen.clear();
            continue;
        }
        seen.push(char);
        masked.push(blank(char));
        if seen.ends_with(end) {
            masked.truncate(masked.len() - end.len());
            masked.push_str(end);
            return;
        }
    }
}

fn block_comment(rest: &mut Peekable<Chars<'_>>, masked: &mut String) {
    let mut depth = 1;
    rest.next();
    while depth > 0
        && let Some(char) = rest.next()
    {
        match (char, rest.peek()) {
            ('/', Some('*')) => depth += 1,
            ('*', Some('/')) => depth -= 1,
            _ => {
                masked.push(blank(char));
                continue;
            }
        }
        rest.next();
    }
}

/// A raw string, behind its `r`; or a raw identifier.
fn raw(rest: &mut Peekable<Chars<'_>>, masked: &mut String) {
    let mut end = "\"".to_owned();
    masked.push('r');
    while rest.next_if_eq(&'#').is_some() {
        end.push('#');
        masked.push('#');
    }
    if rest.next_if_eq(&'"').is_some() {
        masked.push('"');
        skip(rest, masked, &end, false);
    }
}

/// A character literal or a lifetime, behind its `'`.
fn quote(rest: &mut Peekable<Chars<'_>>, masked: &mut String) {
    masked.push('\'');
    let mut ahead = rest.clone();
    let first = ahead.next();
    if first == Some('\\') || ahead.next() == Some('\'') {
        skip(rest, masked, "'", true);
    }
}
