//! `source = "prometheus"`.

use std::time::Duration;

use toml::Spanned;

use super::super::super::raw::RawWeights;
use super::{keys, values};
use crate::config::ConfigError;
use crate::config::source::Source;
use crate::config::values::{duration_in, word};
use crate::gwm::sources::rule::{Auth, Finite, Matching, Pace, Prometheus};

const PACE: Pace = Pace {
    interval: Duration::from_secs(10),
    timeout: Duration::from_secs(5),
};
const STALE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);
const LABEL: &str = "instance";

pub(super) fn prometheus(raw: &RawWeights, source: &Source) -> Result<Prometheus, ConfigError> {
    let query = keys::needed(&raw.query, "query", raw, source)?;
    if query.get_ref().trim().is_empty() {
        return Err(source.error(query, "the query is empty: write a PromQL expression"));
    }
    let pace = values::pace(raw, PACE, source)?;
    let stale = duration_in(
        &raw.stale,
        STALE.max(pace.interval),
        Duration::ZERO..=DAY,
        source,
    )?;
    if stale < pace.interval {
        let reason = format!(
            "stale {stale:?} is shorter than the interval of {:?}: weights would not last until the next answer",
            pace.interval
        );
        return Err(source.error(raw.stale.as_ref().unwrap_or(&raw.source), reason));
    }
    Ok(Prometheus {
        url: url(keys::needed(&raw.url, "url", raw, source)?, source)?,
        query: query.get_ref().clone(),
        label: label(&raw.label, source)?,
        matching: word(
            &raw.matching,
            Matching::AddressAndPort,
            &[
                ("address:port", Matching::AddressAndPort),
                ("address", Matching::Address),
            ],
            source,
        )?,
        scale: finite(&raw.scale, 1.0, source)?,
        offset: finite(&raw.offset, 0.0, source)?,
        bounds: bounds(raw, source)?,
        pace,
        stale,
        auth: auth(raw, source)?,
    })
}

fn url(text: &Spanned<String>, source: &Source) -> Result<String, ConfigError> {
    let typed = text.get_ref();
    let good = reqwest::Url::parse(typed).ok().filter(|url| {
        ["http", "https"].contains(&url.scheme())
            && url.has_host()
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none()
    });
    match good {
        Some(url) => Ok(url.as_str().trim_end_matches('/').to_owned()),
        None => {
            let reason = format!(
                "{typed:?} is not the URL of a Prometheus server: write it as in \"http://prometheus:9090\", a user \
                 name as `username`"
            );
            Err(source.error(text, reason))
        }
    }
}

fn label(text: &Option<Spanned<String>>, source: &Source) -> Result<String, ConfigError> {
    let Some(text) = text else {
        return Ok(LABEL.to_owned());
    };
    let typed = text.get_ref();
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let starts_well = typed.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    match starts_well && typed.bytes().all(is_word) {
        true => Ok(typed.clone()),
        false => Err(source.error(text, format!("{typed:?} is not the name of a label"))),
    }
}

fn finite(
    value: &Option<Spanned<f64>>,
    default: f64,
    source: &Source,
) -> Result<Finite, ConfigError> {
    let number = value.as_ref().map_or(default, |value| *value.get_ref());
    match (Finite::new(number), value) {
        (Some(number), _) => Ok(number),
        (None, Some(value)) => Err(source.error(value, format!("{number} is not a finite number"))),
        (None, None) => unreachable!("defaults are finite"),
    }
}

fn bounds(raw: &RawWeights, source: &Source) -> Result<(u16, u16), ConfigError> {
    let weight = |value: &Option<Spanned<i64>>, default| match value {
        Some(value) => values::weight(value, source),
        None => Ok(default),
    };
    let (min, max) = (weight(&raw.min, 0)?, weight(&raw.max, u16::MAX)?);
    match min <= max {
        true => Ok((min, max)),
        false => {
            let place = raw.min.as_ref().or(raw.max.as_ref()).map(Spanned::span);
            let place = Spanned::new(place.unwrap_or_default(), ());
            Err(source.error(&place, format!("min {min} is larger than max {max}")))
        }
    }
}

fn auth(raw: &RawWeights, source: &Source) -> Result<Auth, ConfigError> {
    match (&raw.bearer_token_file, &raw.username, &raw.password_file) {
        (None, None, None) => Ok(Auth::Nobody),
        (Some(token), None, None) => Ok(Auth::Bearer(values::file(token, source)?)),
        (None, Some(user), Some(password)) => Ok(Auth::Basic(
            user.get_ref().clone(),
            values::file(password, source)?,
        )),
        (Some(token), _, _) => {
            let reason = "a bearer token and a user name exclude each other: remove one of them";
            Err(source.error(token, reason))
        }
        (None, Some(one), None) | (None, None, Some(one)) => Err(source.error(
            one,
            "`username` and `password_file` belong together: add the other",
        )),
    }
}
