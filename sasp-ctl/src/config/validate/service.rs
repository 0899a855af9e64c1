//! `[[service]]`.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use ipnet::IpNet;
use toml::Spanned;

use super::super::endpoint::{TCP, UDP, parse_vip};
use super::super::error::ConfigError;
use super::super::raw::RawService;
use super::super::settings::{IDLE_TCP, IDLE_UDP};
use super::super::source::Source;
use super::super::values::{duration_from, named, network, word};
use super::{member, noise};
use crate::balance::spec::{
    Affinity, AllZero, Forward, MemberSpec, OnDown, ServiceSpec, SourceRules, Track,
};
use crate::sasp::msg::{MemberKey, Name};

pub(super) fn service(
    raw: &RawService,
    source: &Source,
    warnings: &mut Vec<String>,
) -> Result<ServiceSpec, ConfigError> {
    let (vip, protocol) =
        parse_vip(raw.vip.get_ref()).map_err(|reason| source.error(&raw.vip, reason))?;
    let forward = forward(raw.forward.as_ref(), source)?;
    let target = member::Target {
        vip,
        protocol,
        forward,
    };
    let members = members(raw, &target, source)?;
    let self_registered = self_registered(raw, vip, source)?;
    if members.is_empty() && self_registered.is_empty() {
        let note = "the service has no members: every packet for its VIP is dropped";
        warnings.push(source.error(&raw.vip, note).to_string());
    }
    let idle = if protocol == TCP { IDLE_TCP } else { IDLE_UDP };
    Ok(ServiceSpec {
        group: named(&raw.group, "the group name", Name::MAX, source)?,
        vip,
        protocol,
        forward,
        on_down: word(
            &raw.on_down,
            OnDown::Keep,
            &[("keep", OnDown::Keep), ("rehash", OnDown::Rehash)],
            source,
        )?,
        track: word(
            &raw.track,
            Track::Exceptions,
            &[
                ("exceptions", Track::Exceptions),
                ("always", Track::Always),
                ("never", Track::Never),
            ],
            source,
        )?,
        affinity: word(
            &raw.affinity,
            Affinity::Flow,
            &[("flow", Affinity::Flow), ("client", Affinity::Client)],
            source,
        )?,
        all_zero: word(
            &raw.all_zero,
            AllZero::Equal,
            &[("equal", AllZero::Equal), ("reject", AllZero::Reject)],
            source,
        )?,
        quic: quic(raw.quic.as_ref(), protocol, source)?,
        quic_lb: None,
        sources: SourceRules::default(),
        idle: duration_from(&raw.idle, idle, Duration::from_secs(1), source)?,
        dead_band_permille: noise::dead_band(raw, source)?,
        self_registered,
        slow_start: noise::slow_start(raw, source)?,
        move_limit: noise::move_limit(raw, source)?,
        members,
    })
}

fn members(
    raw: &RawService,
    target: &member::Target,
    source: &Source,
) -> Result<Vec<MemberSpec>, ConfigError> {
    let mut seen: HashMap<MemberKey, &Spanned<String>> = HashMap::new();
    raw.members
        .iter()
        .map(|raw| {
            let spec = member::member(raw, target, source)?;
            match seen.insert(spec.key, &raw.address) {
                None => Ok(spec),
                Some(first) => Err(source.error(
                    &raw.address,
                    format!(
                        "the member {} stands twice in its service (also at {}): remove one of them",
                        spec.key,
                        source.also(first)
                    ),
                )),
            }
        })
        .collect()
}

/// Networks that members may register themselves from; a bare address is a network of one.
fn self_registered(
    raw: &RawService,
    vip: SocketAddr,
    source: &Source,
) -> Result<Vec<IpNet>, ConfigError> {
    let listed = raw.self_registered.iter().flatten();
    listed
        .map(|value| {
            let network = network(value, source)?;
            match network.addr().is_ipv4() == vip.is_ipv4() {
                true => Ok(network),
                false => Err(source.error(
                    value,
                    format!("{network} and the VIP {vip} differ in address family: no member of it could serve the VIP"),
                )),
            }
        })
        .collect()
}

fn forward(value: Option<&Spanned<String>>, source: &Source) -> Result<Forward, ConfigError> {
    match value.map(|value| (value, value.get_ref().as_str())) {
        None | Some((_, "dsr")) => Ok(Forward::Dsr),
        Some((value, mode @ ("ipip" | "gue" | "gre" | "nat" | "full-nat"))) => Err(source.error(
            value,
            format!("the forward mode {mode:?} is not available yet: use \"dsr\""),
        )),
        Some((value, mode)) => Err(source.error(
            value,
            format!("the forward mode {mode:?} is unknown: use \"dsr\""),
        )),
    }
}

fn quic(value: Option<&Spanned<bool>>, protocol: u8, source: &Source) -> Result<bool, ConfigError> {
    match value {
        Some(value) if *value.get_ref() && protocol != UDP => Err(source.error(
            value,
            "QUIC runs over UDP, but the VIP is tcp: remove `quic` or make the VIP .../udp",
        )),
        Some(value) => Ok(*value.get_ref()),
        None => Ok(false),
    }
}
