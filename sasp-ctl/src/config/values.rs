//! Values that our files have in common, from what was typed to what it means, or to a reason with its place.

use std::fmt::Display;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;

use ipnet::IpNet;
use toml::Spanned;

use super::error::ConfigError;
use super::source::Source;
use super::{duration, name};
use crate::sasp::msg::Name;

/// A duration within bounds, or the default.
pub(crate) fn duration_in(
    value: &Option<Spanned<String>>,
    default: Duration,
    bounds: RangeInclusive<Duration>,
    source: &Source,
) -> Result<Duration, ConfigError> {
    let Some(value) = value else {
        return Ok(default);
    };
    let typed = value.get_ref();
    let duration = duration::parse(typed).map_err(|reason| source.error(value, reason))?;
    let (min, max) = (bounds.start(), bounds.end());
    if duration < *min {
        return Err(source.error(value, format!("{typed:?} is too short: at least {min:?}")));
    }
    if duration > *max {
        return Err(source.error(value, format!("{typed:?} is too long: at most {max:?}")));
    }
    Ok(duration)
}

/// A duration that is long enough, or the default.
pub(crate) fn duration_from(
    value: &Option<Spanned<String>>,
    default: Duration,
    min: Duration,
    source: &Source,
) -> Result<Duration, ConfigError> {
    duration_in(value, default, min..=duration::MAX, source)
}

/// An integer within bounds, or the default.
pub(crate) fn number_in<T>(
    value: &Option<Spanned<i64>>,
    default: T,
    bounds: RangeInclusive<T>,
    source: &Source,
) -> Result<T, ConfigError>
where
    T: TryFrom<i64> + PartialOrd + Display,
{
    match value {
        Some(value) => number(value, bounds, source),
        None => Ok(default),
    }
}

/// An integer within bounds.
pub(crate) fn number<T>(
    value: &Spanned<i64>,
    bounds: RangeInclusive<T>,
    source: &Source,
) -> Result<T, ConfigError>
where
    T: TryFrom<i64> + PartialOrd + Display,
{
    T::try_from(*value.get_ref())
        .ok()
        .filter(|number| bounds.contains(number))
        .ok_or_else(|| {
            let (typed, min, max) = (value.get_ref(), bounds.start(), bounds.end());
            source.error(value, format!("{typed} is out of range: {min} to {max}"))
        })
}

/// One of several words, or the default.
pub(crate) fn word<T: Copy>(
    value: &Option<Spanned<String>>,
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
            let reason = format!("{typed:?} is unknown: write {}", known.join(" or "));
            Err(source.error(value, reason))
        }
    }
}

/// An LB UID or a group's name, which `what` says, of at most `max` bytes.
pub(crate) fn named(
    value: &Spanned<String>,
    what: &str,
    max: usize,
    source: &Source,
) -> Result<Name, ConfigError> {
    name::parse(value.get_ref(), max)
        .map_err(|reason| source.error(value, format!("{what} {reason}")))
}

/// An IP address and a port of this host.
pub(crate) fn socket_address(
    value: &Spanned<String>,
    example: &str,
    source: &Source,
) -> Result<SocketAddr, ConfigError> {
    let typed = value.get_ref();
    typed.parse().map_err(|_| {
        let reason = format!(
            "{typed:?} is not ADDR:PORT: write an IP address and a port, as in {example:?} or \"[::]:3860\""
        );
        source.error(value, reason)
    })
}

/// A network, in the one way to write it; a bare address is a network of one.
pub(crate) fn network(value: &Spanned<String>, source: &Source) -> Result<IpNet, ConfigError> {
    let typed = value.get_ref();
    let network = match typed.parse::<IpAddr>() {
        Ok(address) => IpNet::from(address),
        Err(_) => typed.parse::<IpNet>().map_err(|_| {
            let reason = format!("{typed:?} is not a network: write ADDR or ADDR/PREFIX");
            source.error(value, reason)
        })?,
    };
    if network != network.trunc() {
        let reason = format!(
            "{typed:?} has bits behind its prefix: write \"{}\"",
            network.trunc()
        );
        return Err(source.error(value, reason));
    }
    let address = network.addr();
    if address.is_ipv6() && address.to_canonical().is_ipv4() {
        let reason =
            format!("{typed:?} is IPv4 in IPv6 form, which never matches: write it as IPv4");
        return Err(source.error(value, reason));
    }
    Ok(network)
}
