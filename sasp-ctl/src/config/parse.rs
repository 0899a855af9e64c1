//! From TOML text to raw values, with the parser's errors put into our words.

use serde::de::DeserializeOwned;

use super::error::ConfigError;
use super::source::Source;

/// The key by which the parser tells serde that a value is a date.
const DATE: &str = "$__toml_private_datetime";

/// `advice` says where to look the right form up.
pub(crate) fn parse<T: DeserializeOwned>(source: &Source, advice: &str) -> Result<T, ConfigError> {
    toml::from_str(source.text()).map_err(|error| {
        let place = match error.span() {
            Some(span) => source.place(span),
            None => source.file(),
        };
        ConfigError::new(place, explain(error.message(), advice))
    })
}

/// Adds what to do to what the parser says. serde offers an unknown key and the known ones only as text.
fn explain(message: &str, advice: &str) -> String {
    if let Some(key) = message.strip_prefix("unknown field ") {
        let mut names = key.split('`').skip(1).step_by(2);
        let unknown = names.next().unwrap_or_default();
        if unknown == DATE {
            return format!("a date where a table is needed ({advice})");
        }
        let known: Vec<_> = names.collect();
        return match closest(unknown, &known) {
            Some(name) => format!("unknown key `{unknown}`: did you mean `{name}`?"),
            None => format!(
                "unknown key `{unknown}`: remove it, or use one of {}",
                known.join(", ")
            ),
        };
    }
    if let Some(number) = too_large(message) {
        let (min, max) = (i64::MIN, i64::MAX);
        return format!("{number} is out of range for a whole number: {min} to {max} ({advice})");
    }
    if let Some((found, wanted)) = message
        .strip_prefix("invalid type: ")
        .and_then(|types| types.split_once(", expected "))
    {
        return format!(
            "{} where {} is needed ({advice})",
            in_words(found),
            in_words(wanted)
        );
    }
    if message.contains("recursion limit") || message.contains("recursion depth") {
        return format!("tables or arrays are nested too deeply: write fewer brackets ({advice})");
    }
    if let Some(key) = message.strip_prefix("missing field ") {
        return format!("the key {key} is missing: add it ({advice})");
    }
    format!("{message}: correct the syntax ({advice})")
}

/// The number, if that is what is wrong with it. The parser knows more of them than our types.
fn too_large(message: &str) -> Option<&str> {
    let (_, value) = message.split_once("integer `")?;
    let (number, wanted) = value.split_once('`')?;
    wanted.ends_with("expected i64").then_some(number)
}

/// What serde calls a type, in the terms of the file.
fn in_words(name: &str) -> &str {
    match name {
        "i64" => "a whole number",
        "a string" => "a text in quotes",
        "a boolean" => "true or false",
        "sequence" | "a sequence" => "an array",
        "map" | "a map" => "a table",
        name if name.starts_with("struct ") => "a table",
        name => name,
    }
}

/// The known name that is nearest, if it is near: a third of its letters may differ, but at least one.
fn closest<'a>(unknown: &str, known: &[&'a str]) -> Option<&'a str> {
    known
        .iter()
        .map(|name| (distance(unknown, name), *name))
        .filter(|(distance, name)| *distance <= (name.len() / 3).max(1))
        .min()
        .map(|(_, name)| name)
}

/// Levenshtein distance, bytewise.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let substituted = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
