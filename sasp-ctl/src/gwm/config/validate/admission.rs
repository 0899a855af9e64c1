//! `[[balancer]]`: who may speak for which LB UID.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;
use toml::Spanned;

use super::super::raw::RawBalancer;
use super::{name, no_tls};
use crate::config::ConfigError;
use crate::config::source::Source;
use crate::config::table::Table;
use crate::sasp::gwm::{Admission, Limits};
use crate::sasp::msg::Name;

pub(super) fn admission(
    balancers: &[Table<RawBalancer>],
    limits: &Limits,
    source: &Source,
) -> Result<Admission, ConfigError> {
    if balancers.is_empty() {
        return Ok(Admission::Open);
    }
    let mut listed = BTreeMap::new();
    let mut seen: BTreeMap<Name, &Spanned<String>> = BTreeMap::new();
    for balancer in balancers {
        if let Some(certificate) = &balancer.certificate {
            return Err(no_tls(certificate, source));
        }
        let uid = name(&balancer.uid, "LB UID", limits.uid_bytes, source)?;
        if let Some(first) = seen.insert(uid.clone(), &balancer.uid) {
            let reason = format!(
                "the LB UID {:?} stands twice (also at {}): put its sources into one [[balancer]]",
                balancer.uid.get_ref(),
                source.also(first)
            );
            return Err(source.error(&balancer.uid, reason));
        }
        let mut networks = Vec::new();
        if let Some(sources) = &balancer.sources {
            if sources.get_ref().is_empty() {
                let reason = "nobody could speak for this LB UID: list a network, or remove the \
                              key to allow every address";
                return Err(source.error(sources, reason));
            }
            for text in sources.get_ref() {
                networks.push(network(text, source)?);
            }
        }
        listed.insert(uid, networks);
    }
    Ok(Admission::Listed(listed))
}

fn network(text: &Spanned<String>, source: &Source) -> Result<IpNet, ConfigError> {
    let typed = text.get_ref();
    let network = match typed.parse::<IpAddr>() {
        Ok(address) => IpNet::from(address),
        Err(_) => typed.parse::<IpNet>().map_err(|_| {
            let reason = format!("{typed:?} is not a network: write ADDR or ADDR/PREFIX");
            source.error(text, reason)
        })?,
    };
    if network != network.trunc() {
        let reason = format!(
            "{typed:?} has bits behind its prefix: write \"{}\"",
            network.trunc()
        );
        return Err(source.error(text, reason));
    }
    let is_mapped = |address: IpAddr| address.is_ipv6() && address.to_canonical().is_ipv4();
    if is_mapped(network.addr()) {
        let reason =
            format!("{typed:?} is IPv4 in IPv6 form, which never matches: write it as IPv4");
        return Err(source.error(text, reason));
    }
    Ok(network)
}
