//! From what was typed to a [`Config`], or to the first reason why not.

mod admission;
mod tls;
mod weights;

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use toml::Spanned;

use super::Config;
use super::raw::{RawConfig, RawLimits};
use crate::config::source::Source;
use crate::config::{ConfigError, duration};
use crate::sasp::gwm::{Limits, Policy};
use crate::sasp::msg::Name;

/// Below it, replies and pushes of one balancer would keep a CPU busy.
const INTERVAL_MIN: Duration = Duration::from_millis(100);
/// What the 16-bit Interval of a Get Weights reply can say (RFC 4678 section 7.3.2).
const INTERVAL_MAX: Duration = Duration::from_secs(u16::MAX as u64);

pub(super) fn config(raw: &RawConfig, source: &Source) -> Result<Config, ConfigError> {
    let default = Config::default();
    let listen = match &raw.listen {
        Some(text) => listen(text, source)?,
        None => default.listen,
    };
    let year = duration::MAX;
    let interval = duration_in(
        &raw.interval,
        default.policy.interval,
        INTERVAL_MIN..=INTERVAL_MAX,
        source,
    )?;
    let grace = duration_in(
        &raw.grace,
        default.policy.grace,
        Duration::ZERO..=year,
        source,
    )?;
    let (limits, message_bytes) = limits(&raw.limits, &default, source)?;
    let mut warnings = Vec::new();
    let tls = match &raw.tls {
        Some(tls) => Some(tls::tls(tls, source, &mut warnings)?),
        None => None,
    };
    let has_tls = tls.is_some();
    let admission = admission::admission(&raw.balancer, &limits, has_tls, source)?;
    let member_rules = admission::member_rules(&raw.member, has_tls, source)?;
    let weights = weights::weights(&raw.weights, &admission, &limits, source)?;
    if grace < interval * 3 {
        warnings.push(format!(
            "grace {grace:?} is less than three intervals of {interval:?}: a balancer that reconnects may find \
             its groups forgotten"
        ));
    }
    Ok(Config {
        listen,
        message_bytes,
        tls,
        policy: Policy {
            interval,
            grace,
            admission,
            members_speak_for_themselves: raw.members_only_from_own_address,
            member_rules,
            weights,
            limits,
        },
        warnings,
    })
}

fn listen(text: &Spanned<String>, source: &Source) -> Result<SocketAddr, ConfigError> {
    text.get_ref().parse().map_err(|_| {
        let reason = format!(
            "{:?} is not ADDR:PORT: write an IP address and a port, as in \"0.0.0.0:3860\" or \"[::]:3860\"",
            text.get_ref()
        );
        source.error(text, reason)
    })
}

fn duration_in(
    text: &Option<Spanned<String>>,
    default: Duration,
    bounds: RangeInclusive<Duration>,
    source: &Source,
) -> Result<Duration, ConfigError> {
    let Some(text) = text else {
        return Ok(default);
    };
    let value = duration::parse(text.get_ref()).map_err(|reason| source.error(text, reason))?;
    if bounds.contains(&value) {
        return Ok(value);
    }
    let (min, max) = (bounds.start(), bounds.end());
    let reason = format!("{:?} is out of range: {min:?} to {max:?}", text.get_ref());
    Err(source.error(text, reason))
}

fn limits(
    raw: &RawLimits,
    default: &Config,
    source: &Source,
) -> Result<(Limits, usize), ConfigError> {
    // The wire's counts have 16 bits, its message length 31.
    const COUNT_MAX: usize = u16::MAX as usize;
    const BYTES_MAX: usize = i32::MAX as usize;
    let number = |value, default, bounds| number_in(value, default, bounds, source);
    let time = |value, default| {
        duration_in(
            value,
            default,
            Duration::from_secs(1)..=duration::MAX,
            source,
        )
    };
    let known = default.policy.limits;
    let limits = Limits {
        connections: number(&raw.connections, known.connections, 1..=1_000_000)?,
        balancers: number(&raw.balancers, known.balancers, 1..=1_000_000)?,
        groups: number(&raw.groups, known.groups, 1..=COUNT_MAX)?,
        members: number(&raw.members, known.members, 1..=100_000_000)?,
        members_total: number(&raw.members_total, known.members_total, 1..=100_000_000)?,
        reply_bytes: number(&raw.reply_bytes, known.reply_bytes, 1024..=BYTES_MAX)?,
        uid_bytes: number(&raw.uid_bytes, known.uid_bytes, 1..=Name::MAX)?,
        first_message: time(&raw.first_message, known.first_message)?,
        idle: time(&raw.idle, known.idle)?,
    };
    let message_bytes = number(&raw.message_bytes, default.message_bytes, 1024..=BYTES_MAX)?;
    Ok((limits, message_bytes))
}

fn number_in(
    value: &Option<Spanned<i64>>,
    default: usize,
    bounds: RangeInclusive<usize>,
    source: &Source,
) -> Result<usize, ConfigError> {
    let Some(value) = value else {
        return Ok(default);
    };
    let number = usize::try_from(*value.get_ref());
    number
        .ok()
        .filter(|number| bounds.contains(number))
        .ok_or_else(|| {
            let (min, max) = (bounds.start(), bounds.end());
            source.error(
                value,
                format!("{} is out of range: {min} to {max}", value.get_ref()),
            )
        })
}

fn name(
    text: &Spanned<String>,
    what: &str,
    max: usize,
    source: &Source,
) -> Result<Name, ConfigError> {
    let typed = text.get_ref();
    Name::new(typed.as_bytes())
        .filter(|name| (1..=max).contains(&name.len()) && name.is_text())
        .ok_or_else(|| {
            let reason = format!(
                "the {what} {typed:?} must be 1 to {max} bytes of text without control characters"
            );
            source.error(text, reason)
        })
}
