//! `[[gwm]]`.

use std::net::IpAddr;
use std::time::Duration;

use super::super::endpoint::GwmAddress;
use super::super::error::ConfigError;
use super::super::raw::RawGwm;
use super::super::settings::{GwmSettings, HOLD, RETRY_MIN, TIMEOUT};
use super::super::source::Source;
use super::super::values::{duration_from, number_in};
use super::tls;

/// Short enough for a laboratory, long enough not to be a busy loop.
const SHORTEST: Duration = Duration::from_millis(100);

/// One of them; `position` is its priority unless it has another.
pub(super) fn gwm(
    raw: &RawGwm,
    position: u16,
    source: &Source,
    warnings: &mut Vec<String>,
) -> Result<GwmSettings, ConfigError> {
    let address = GwmAddress::parse(raw.address.get_ref())
        .map_err(|reason| source.error(&raw.address, reason))?;
    let retry_min = duration_from(&raw.retry_min, RETRY_MIN, SHORTEST, source)?;
    if let Some(value) = raw.retry_min.as_ref().filter(|_| retry_min < RETRY_MIN) {
        let note = format!(
            "{:?} is below the {RETRY_MIN:?} that RFC 4678 section 9.2 asks for: a GWM may refuse you",
            value.get_ref()
        );
        warnings.push(source.error(value, note).to_string());
    }
    let asked_at = duration_from(&raw.interval, Duration::ZERO, SHORTEST, source)?;
    Ok(GwmSettings {
        source: local_address(raw, &address, source)?,
        address,
        priority: number_in(&raw.priority, position, 0..=u16::MAX, source)?,
        push: raw.push.unwrap_or(true),
        trust: raw.trust.as_ref().is_some_and(|trust| *trust.get_ref()),
        hold: duration_from(&raw.hold, HOLD, Duration::ZERO, source)?,
        interval: raw.interval.is_some().then_some(asked_at),
        timeout: duration_from(&raw.timeout, TIMEOUT, SHORTEST, source)?,
        retry_min,
        tls: match &raw.tls {
            Some(tls) => Some(tls::tls(tls, source, warnings)?),
            None => None,
        },
    })
}

fn local_address(
    raw: &RawGwm,
    gwm: &GwmAddress,
    source: &Source,
) -> Result<Option<IpAddr>, ConfigError> {
    let Some(value) = &raw.source else {
        return Ok(None);
    };
    let address: IpAddr = value.get_ref().parse().map_err(|_| {
        source.error(
            value,
            format!("{:?} is not an IP address of this host", value.get_ref()),
        )
    })?;
    match gwm.literal() {
        Some(gwm) if gwm.is_ipv4() != address.is_ipv4() => Err(source.error(
            value,
            format!("{address} cannot reach {gwm}: give a source address of the same family"),
        )),
        _ => Ok(Some(address)),
    }
}
