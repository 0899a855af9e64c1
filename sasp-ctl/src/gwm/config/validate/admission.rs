//! `[[balancer]]`: who may speak for which LB UID. `[[member]]`: who may speak for which members.

use std::collections::BTreeMap;

use ipnet::IpNet;
use toml::Spanned;

use super::super::raw::{RawBalancer, RawMember};
use crate::config::ConfigError;
use crate::config::source::Source;
use crate::config::table::Table;
use crate::config::values::{named, network};
use crate::sasp::gwm::{Admission, Limits, MemberRule, PeerRule};
use crate::sasp::msg::Name;

pub(super) fn admission(
    balancers: &[Table<RawBalancer>],
    limits: &Limits,
    has_tls: bool,
    source: &Source,
) -> Result<Admission, ConfigError> {
    if balancers.is_empty() {
        return Ok(Admission::Open);
    }
    let mut listed = BTreeMap::new();
    let mut seen: BTreeMap<Name, &Spanned<String>> = BTreeMap::new();
    for balancer in balancers {
        let uid = named(&balancer.uid, "the LB UID", limits.uid_bytes, source)?;
        if let Some(first) = seen.insert(uid.clone(), &balancer.uid) {
            let reason = format!(
                "the LB UID {:?} stands twice (also at {}): put its sources into one [[balancer]]",
                balancer.uid.get_ref(),
                source.also(first)
            );
            return Err(source.error(&balancer.uid, reason));
        }
        let rule = PeerRule {
            sources: sources(balancer.sources.as_ref(), source)?,
            certificate: certificate(balancer.certificate.as_ref(), has_tls, source)?,
        };
        listed.insert(uid, rule);
    }
    Ok(Admission::Listed(listed))
}

pub(super) fn member_rules(
    members: &[Spanned<Table<RawMember>>],
    has_tls: bool,
    source: &Source,
) -> Result<Vec<MemberRule>, ConfigError> {
    members
        .iter()
        .map(|spanned| {
            let member = spanned.get_ref();
            if member.certificate.is_none() && member.sources.is_none() {
                let reason =
                    "this [[member]] does not say who may speak: add `certificate` or `sources`";
                return Err(source.error(spanned, reason));
            }
            if member.addresses.get_ref().is_empty() {
                let reason = "for no member at all: list an address or a network";
                return Err(source.error(&member.addresses, reason));
            }
            Ok(MemberRule {
                peer: PeerRule {
                    sources: sources(member.sources.as_ref(), source)?,
                    certificate: certificate(member.certificate.as_ref(), has_tls, source)?,
                },
                addresses: networks(member.addresses.get_ref(), source)?,
            })
        })
        .collect()
}

fn certificate(
    name: Option<&Spanned<String>>,
    has_tls: bool,
    source: &Source,
) -> Result<Option<String>, ConfigError> {
    let Some(name) = name else {
        return Ok(None);
    };
    if !has_tls {
        let reason =
            "without TLS nobody shows a certificate: add `tls` at the top, or remove the key";
        return Err(source.error(name, reason));
    }
    if name.get_ref().is_empty() {
        let reason = "no certificate has an empty name: write its common name or a DNS name in it";
        return Err(source.error(name, reason));
    }
    Ok(Some(name.get_ref().clone()))
}

fn sources(
    listed: Option<&Spanned<Vec<Spanned<String>>>>,
    source: &Source,
) -> Result<Vec<IpNet>, ConfigError> {
    let Some(listed) = listed else {
        return Ok(Vec::new());
    };
    if listed.get_ref().is_empty() {
        let reason = "nobody could speak: list a network, or remove the key to allow every address";
        return Err(source.error(listed, reason));
    }
    networks(listed.get_ref(), source)
}

fn networks(texts: &[Spanned<String>], source: &Source) -> Result<Vec<IpNet>, ConfigError> {
    texts.iter().map(|text| network(text, source)).collect()
}
