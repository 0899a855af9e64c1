//! `allow` and `deny` of a `[[service]]`.

use std::collections::HashMap;
use std::net::SocketAddr;

use ipnet::IpNet;
use toml::Spanned;

use super::super::error::ConfigError;
use super::super::raw::RawService;
use super::super::source::Source;
use super::super::values::network;
use crate::balance::spec::SourceRules;

pub(super) fn sources(
    raw: &RawService,
    vip: SocketAddr,
    source: &Source,
) -> Result<SourceRules, ConfigError> {
    let mut seen = HashMap::new();
    Ok(SourceRules {
        allow: prefixes(raw.allow.as_deref(), vip, &mut seen, source)?,
        deny: prefixes(raw.deny.as_deref(), vip, &mut seen, source)?,
    })
}

fn prefixes<'a>(
    listed: Option<&'a [Spanned<String>]>,
    vip: SocketAddr,
    seen: &mut HashMap<IpNet, &'a Spanned<String>>,
    source: &Source,
) -> Result<Vec<IpNet>, ConfigError> {
    let listed = listed.unwrap_or_default().iter();
    listed
        .map(|value| {
            let network = network(value, source)?;
            if network.addr().is_ipv4() != vip.is_ipv4() {
                let reason = format!(
                    "{network} and the VIP {vip} differ in address family: no client of it could ask the VIP"
                );
                return Err(source.error(value, reason));
            }
            match seen.insert(network, value) {
                None => Ok(network),
                Some(first) => Err(source.error(
                    value,
                    format!(
                        "{network} stands twice in `allow` and `deny` (also at {}): keep one of them",
                        source.also(first)
                    ),
                )),
            }
        })
        .collect()
}
