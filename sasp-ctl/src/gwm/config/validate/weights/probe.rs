//! `source = "probe"`.

use std::ops::RangeInclusive;
use std::time::Duration;

use hyper::http::uri::{Authority, PathAndQuery};
use toml::Spanned;

use super::super::super::raw::RawWeights;
use super::values;
use crate::config::ConfigError;
use crate::config::source::Source;
use crate::gwm::sources::rule::{Check, HttpCheck, Members, Pace, Probe, Verify};

const PACE: Pace = Pace {
    interval: Duration::from_secs(5),
    timeout: Duration::from_secs(2),
};
const RISE: u32 = 2;
const FALL: u32 = 3;
const TCP: u8 = 6;

pub(super) fn probe(
    raw: &RawWeights,
    members: &Members,
    source: &Source,
) -> Result<Probe, ConfigError> {
    let port = match &raw.port {
        Some(port) => Some(values::port(port, source)?),
        None => None,
    };
    if port.is_none()
        && let Members::Listed(members) = members
        && let Some(other) = members.iter().find(|member| member.protocol != TCP)
    {
        let reason = format!("{other} has no TCP port that could be probed: give a `port`");
        return Err(source.error(&raw.source, reason));
    }
    Ok(Probe {
        check: check(raw, source)?,
        port,
        pace: values::pace(raw, PACE, source)?,
        rise: values::run(&raw.rise, RISE, source)?,
        fall: values::run(&raw.fall, FALL, source)?,
    })
}

fn check(raw: &RawWeights, source: &Source) -> Result<Check, ConfigError> {
    match raw.check.as_ref().map(|word| word.get_ref().as_str()) {
        None | Some("tcp") => {
            const HTTP_ONLY: [&str; 5] = ["path", "host", "status", "scheme", "verify"];
            let keys = raw.special_keys();
            match keys.iter().find(|(key, _)| HTTP_ONLY.contains(key)) {
                Some((key, place)) => {
                    let reason = format!("`{key}` needs check = \"http\"");
                    Err(source.error(place, reason))
                }
                None => Ok(Check::Tcp),
            }
        }
        Some("http") => Ok(Check::Http(http(raw, source)?)),
        Some(other) => {
            let reason = format!("check {other:?} is unknown: write \"tcp\" or \"http\"");
            Err(source.error(raw.check.as_ref().unwrap_or(&raw.source), reason))
        }
    }
}

fn http(raw: &RawWeights, source: &Source) -> Result<HttpCheck, ConfigError> {
    let path = match &raw.path {
        Some(text) => path(text, source)?,
        None => "/".to_owned(),
    };
    let host = match &raw.host {
        Some(text) => Some(host(text, source)?),
        None => None,
    };
    let status = match &raw.status {
        Some(text) => status(text, source)?,
        None => vec![200..=399],
    };
    Ok(HttpCheck {
        path,
        host,
        status,
        tls: tls(raw, source)?,
    })
}

fn tls(raw: &RawWeights, source: &Source) -> Result<Option<Verify>, ConfigError> {
    match (
        raw.scheme.as_ref().map(|word| word.get_ref().as_str()),
        &raw.verify,
    ) {
        (None | Some("http"), None) => Ok(None),
        (None | Some("http"), Some(verify)) => {
            Err(source.error(verify, "`verify` needs scheme = \"https\""))
        }
        (Some("https"), verify) => {
            let checked = verify.as_ref().is_none_or(|verify| *verify.get_ref());
            Ok(Some(if checked {
                Verify::Roots
            } else {
                Verify::Nothing
            }))
        }
        (Some(other), _) => {
            let reason = format!("scheme {other:?} is unknown: write \"http\" or \"https\"");
            Err(source.error(raw.scheme.as_ref().unwrap_or(&raw.source), reason))
        }
    }
}

fn path(text: &Spanned<String>, source: &Source) -> Result<String, ConfigError> {
    let typed = text.get_ref();
    let is_path = typed.starts_with('/') && typed.parse::<PathAndQuery>().is_ok();
    match is_path && !typed.contains('#') {
        true => Ok(typed.clone()),
        false => {
            let reason =
                format!("{typed:?} is not the path of a URL: write it as in \"/health?full=1\"");
            Err(source.error(text, reason))
        }
    }
}

fn host(text: &Spanned<String>, source: &Source) -> Result<String, ConfigError> {
    let typed = text.get_ref();
    let authority = typed.parse::<Authority>().ok();
    let is_host = authority.is_some_and(|authority| !authority.host().is_empty());
    match is_host && !typed.contains('@') {
        true => Ok(typed.clone()),
        false => {
            let reason = format!("{typed:?} is not a host: write HOST or HOST:PORT");
            Err(source.error(text, reason))
        }
    }
}

/// `"200-299, 304"`.
fn status(
    text: &Spanned<String>,
    source: &Source,
) -> Result<Vec<RangeInclusive<u16>>, ConfigError> {
    let ranges: Option<Vec<_>> = text.get_ref().split(',').map(range).collect();
    ranges.ok_or_else(|| {
        let reason = format!(
            "{:?} is not a list of status codes from 100 to 599: write it as in \"200-299,304\"",
            text.get_ref()
        );
        source.error(text, reason)
    })
}

fn range(text: &str) -> Option<RangeInclusive<u16>> {
    let code = |text: &str| {
        let text = text.trim();
        let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
        let code: u16 = is_number.then(|| text.parse().ok()).flatten()?;
        (100..=599).contains(&code).then_some(code)
    };
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (code(first)?, code(last)?);
    (first <= last).then_some(first..=last)
}
