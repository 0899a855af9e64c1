//! From what was typed to values, or to the first reason why not.

mod balancer;
mod gwm;
mod gwms;
mod member;
mod noise;
mod service;
mod tls;

use std::collections::HashMap;
use std::time::Duration;

use toml::Spanned;

use super::duration;
use super::endpoint;
use super::error::ConfigError;
use super::raw::RawConfig;
use super::settings::Config;
use super::source::Source;

pub(super) fn config(raw: RawConfig, source: &Source) -> Result<Config, ConfigError> {
    let mut warnings = Vec::new();
    let balancer = balancer::balancer(&raw.balancer, source)?;
    let gwms = gwms::gwms(&raw.gwm, source, &mut warnings)?;
    gwms::check_trust(&raw.gwm, &raw.service, source, &mut warnings);
    let mut vips = HashMap::new();
    let mut services = Vec::with_capacity(raw.service.len());
    let mut members = 0;
    for raw in &raw.service {
        let raw = raw.get_ref();
        let service = service::service(raw, source, &mut warnings)?;
        if let Some(first) = vips.insert((service.vip, service.protocol), &raw.vip) {
            return Err(source.error(
                &raw.vip,
                format!(
                    "the VIP {} stands twice (also at {}): remove one of them",
                    endpoint::format_vip(service.vip, service.protocol),
                    source.also(first)
                ),
            ));
        }
        members += service.members.len();
        let limits = &balancer.limits;
        for (what, count, limit) in [
            ("services", vips.len(), limits.services as usize),
            // Index 0 stands for nobody.
            ("backends", members, limits.backends as usize - 1),
        ] {
            if count > limit {
                return Err(source.error(
                    &raw.vip,
                    format!("more than {limit} {what}: raise `limits.{what}` under [balancer]"),
                ));
            }
        }
        services.push(service);
    }
    Ok(Config {
        balancer,
        gwms,
        services,
        warnings,
    })
}

/// A duration within bounds, or the default.
fn duration_in(
    value: Option<&Spanned<String>>,
    default: Duration,
    min: Duration,
    source: &Source,
) -> Result<Duration, ConfigError> {
    let Some(value) = value else {
        return Ok(default);
    };
    let duration =
        duration::parse(value.get_ref()).map_err(|reason| source.error(value, reason))?;
    if duration < min {
        return Err(source.error(
            value,
            format!("{:?} is too short: at least {min:?}", value.get_ref()),
        ));
    }
    Ok(duration)
}

/// One of several words, or the default.
fn word<T: Copy>(
    value: Option<&Spanned<String>>,
    default: T,
    words: &[(&str, T)],
    source: &Source,
) -> Result<T, ConfigError> {
    let Some(value) = value else {
        return Ok(default);
    };
    let typed = value.get_ref();
    match words.iter().find(|(word, _)| word == typed) {
        Some((_, meaning)) => Ok(*meaning),
        None => {
            let known: Vec<_> = words.iter().map(|(word, _)| format!("{word:?}")).collect();
            Err(source.error(
                value,
                format!("{typed:?} is unknown: write {}", known.join(" or ")),
            ))
        }
    }
}

/// An integer within bounds, or the default.
fn integer_in(
    value: Option<&Spanned<i64>>,
    default: u32,
    bounds: std::ops::RangeInclusive<u32>,
    source: &Source,
) -> Result<u32, ConfigError> {
    let Some(value) = value else {
        return Ok(default);
    };
    u32::try_from(*value.get_ref())
        .ok()
        .filter(|number| bounds.contains(number))
        .ok_or_else(|| {
            source.error(
                value,
                format!(
                    "{} is out of range: {} to {}",
                    value.get_ref(),
                    bounds.start(),
                    bounds.end()
                ),
            )
        })
}
