//! `[[service]]`.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ipnet::IpNet;
use toml::Spanned;

use super::super::endpoint::{TCP, UDP, parse_vip};
use super::super::error::ConfigError;
use super::super::raw::RawService;
use super::super::settings::{IDLE_TCP, IDLE_UDP};
use super::super::source::Source;
use super::{duration_in, member, noise, word};
use crate::balance::spec::{Affinity, AllZero, Forward, MemberSpec, OnDown, ServiceSpec, Track};
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
        group: group(&raw.group, source)?,
        vip,
        protocol,
        forward,
        on_down: word(
            raw.on_down.as_ref(),
            OnDown::Keep,
            &[("keep", OnDown::Keep), ("rehash", OnDown::Rehash)],
            source,
        )?,
        track: word(
            raw.track.as_ref(),
            Track::Exceptions,
            &[
                ("exceptions", Track::Exceptions),
                ("always", Track::Always),
                ("never", Track::Never),
            ],
            source,
        )?,
        affinity: word(
            raw.affinity.as_ref(),
            Affinity::Flow,
            &[("flow", Affinity::Flow), ("client", Affinity::Client)],
            source,
        )?,
        all_zero: word(
            raw.all_zero.as_ref(),
            AllZero::Equal,
            &[("equal", AllZero::Equal), ("reject", AllZero::Reject)],
            source,
        )?,
        quic: quic(raw.quic.as_ref(), protocol, source)?,
        idle: duration_in(raw.idle.as_ref(), idle, Duration::from_secs(1), source)?,
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
            let text = value.get_ref();
            let network = match text.parse::<IpAddr>() {
                Ok(address) => IpNet::from(address),
                Err(_) => text.parse::<IpNet>().map_err(|_| {
                    let reason = format!("{text:?} is no network, as in \"10.0.0.0/8\"");
                    source.error(value, reason)
                })?,
            };
            if network != network.trunc() {
                let reason = format!(
                    "{text:?} has bits behind its prefix: write \"{}\"",
                    network.trunc()
                );
                return Err(source.error(value, reason));
            }
            match network.addr().is_ipv4() == vip.is_ipv4() {
                true => Ok(network),
                false => Err(source.error(
                    value,
                    format!("{text} and the VIP {vip} differ in address family: no member of it could serve the VIP"),
                )),
            }
        })
        .collect()
}

fn group(value: &Spanned<String>, source: &Source) -> Result<Name, ConfigError> {
    let text = value.get_ref();
    Name::new(text.clone().into_bytes())
        .filter(|name| !name.is_empty() && name.is_text())
        .ok_or_else(|| {
            source.error(
                value,
                format!(
                    "a group name is 1 to {} bytes without control characters, this one has {} bytes: choose another",
                    Name::MAX,
                    text.len()
                ),
            )
        })
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
