//! `full_nat` of `[balancer]`.

use std::collections::HashMap;
use std::net::IpAddr;
use std::ops::RangeInclusive;

use sasp_xdp_common::abi::settings::POOL_MAX;
use toml::Spanned;

use super::super::endpoint::{is_unicast, needs_scope};
use super::super::error::ConfigError;
use super::super::raw::RawFullNat;
use super::super::settings::FULL_NAT_PORTS;
use super::super::source::Source;
use super::super::table::Table;
use crate::balance::spec::Pool;

pub(super) fn pool(raw: &Spanned<Table<RawFullNat>>, source: &Source) -> Result<Pool, ConfigError> {
    let table = raw.get_ref();
    let mut pool = Pool {
        v4: Vec::new(),
        v6: Vec::new(),
        ports: ports(table.ports.as_ref(), source)?,
    };
    let mut seen = HashMap::new();
    for value in &table.addresses {
        let address = address(value, source)?;
        if let Some(first) = seen.insert(address, value) {
            let reason = format!(
                "the address {address} stands twice (also at {}): remove one of them",
                source.also(first)
            );
            return Err(source.error(value, reason));
        }
        let count = match address {
            IpAddr::V4(address) => {
                pool.v4.push(address);
                pool.v4.len()
            }
            IpAddr::V6(address) => {
                pool.v6.push(address);
                pool.v6.len()
            }
        };
        if count > POOL_MAX {
            let reason = format!(
                "more than {POOL_MAX} addresses of a family: remove some, or allow more ports"
            );
            return Err(source.error(value, reason));
        }
    }
    match seen.is_empty() {
        true => Err(source.error(
            raw,
            "`addresses` is empty: list at least one, or remove `full_nat`",
        )),
        false => Ok(pool),
    }
}

fn address(value: &Spanned<String>, source: &Source) -> Result<IpAddr, ConfigError> {
    let typed = value.get_ref();
    let reason = match typed.parse() {
        Ok(address) if needs_scope(address) => format!(
            "{typed:?} is a link-local address, which means nothing without an interface: write a global or unique \
             local one"
        ),
        Ok(address) if is_unicast(address) => return Ok(address),
        _ => format!(
            "{typed:?} is not a unicast IP address: write one that members answer to and that leads to this host"
        ),
    };
    Err(source.error(value, reason))
}

/// `"1024-32767"`, or one port.
fn ports(
    value: Option<&Spanned<String>>,
    source: &Source,
) -> Result<RangeInclusive<u16>, ConfigError> {
    let Some(value) = value else {
        return Ok(FULL_NAT_PORTS);
    };
    let typed = value.get_ref();
    let (first, last) = typed.split_once('-').unwrap_or((typed, typed));
    let port = |text: &str| {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u16>().ok().filter(|port| digits && *port != 0)
    };
    match (port(first), port(last)) {
        (Some(first), Some(last)) if first <= last => Ok(first..=last),
        _ => Err(source.error(
            value,
            format!(
                "{typed:?} is not a range of ports: write FIRST-LAST within 1 to 65535, as in \"1024-32767\""
            ),
        )),
    }
}
