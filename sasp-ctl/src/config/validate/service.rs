//! `[[service]]`.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use ipnet::IpNet;
use toml::Spanned;

use super::super::endpoint::{UDP, parse_vip};
use super::super::error::ConfigError;
use super::super::raw::RawService;
use super::super::settings::{IDLE_TCP, IDLE_UDP};
use super::super::source::Source;
use super::super::values::{duration_from, named, network, word};
use super::{member, noise, quic, sources};
use crate::balance::spec::{Affinity, AllZero, Forward, MemberSpec, OnDown, ServiceSpec, Track};
use crate::sasp::msg::{MemberKey, Name};

pub(super) fn service(
    raw: &RawService,
    source: &Source,
    warnings: &mut Vec<String>,
) -> Result<ServiceSpec, ConfigError> {
    let (vip, protocol) =
        parse_vip(raw.vip.get_ref()).map_err(|reason| source.error(&raw.vip, reason))?;
    let forward = match &raw.forward {
        Some(value) => forward(value, vip, protocol, source)?,
        None => Forward::Dsr,
    };
    let quic = quic::quic(raw.quic.as_ref(), protocol, source)?;
    let quic_lb = quic::quic_lb(raw.quic_lb.as_ref(), quic, source)?;
    let target = member::Target {
        vip,
        protocol,
        forward,
        quic_lb,
    };
    let members = members(raw, &target, source)?;
    let self_registered = self_registered(raw, vip, forward, source)?;
    // A system-level service has TCP, too.
    let idle = if protocol == UDP { IDLE_UDP } else { IDLE_TCP };
    let spec = ServiceSpec {
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
        quic,
        quic_lb,
        sources: sources::sources(raw, vip, source)?,
        idle: duration_from(&raw.idle, idle, Duration::from_secs(1), source)?,
        dead_band_permille: noise::dead_band(raw, source)?,
        self_registered,
        slow_start: noise::slow_start(raw, source)?,
        move_limit: noise::move_limit(raw, source)?,
        members,
    };
    let notes = doubts(&spec).into_iter();
    warnings.extend(notes.map(|note| source.error(&raw.vip, note).to_string()));
    Ok(spec)
}

/// What is accepted but deserves a word.
fn doubts(spec: &ServiceSpec) -> Vec<&'static str> {
    let members = &spec.members;
    let by_nat = |forward| forward == Forward::Nat;
    let nat = by_nat(spec.forward) || members.iter().any(|member| by_nat(member.forward));
    let named = members.iter().any(|member| member.server_id.is_some());
    [
        (
            members.is_empty() && spec.self_registered.is_empty(),
            "the service has no members: every packet for its VIP is dropped",
        ),
        (
            spec.quic_lb.is_some() && !named,
            "`quic_lb` does nothing as long as no member has a `server_id`",
        ),
        (
            spec.vip.port() == 0 && nat,
            "under nat for every port, whatever members send through this host leaves with the VIP's address, their own connections too",
        ),
    ]
    .into_iter()
    .filter_map(|(is_so, note)| is_so.then_some(note))
    .collect()
}

fn members(
    raw: &RawService,
    target: &member::Target,
    source: &Source,
) -> Result<Vec<MemberSpec>, ConfigError> {
    let mut keys: HashMap<MemberKey, &Spanned<String>> = HashMap::new();
    let mut ids: HashMap<Vec<u8>, &Spanned<String>> = HashMap::new();
    raw.members
        .iter()
        .map(|raw| {
            let spec = member::member(raw, target, source)?;
            if let Some(first) = keys.insert(spec.key, &raw.address) {
                let reason = format!(
                    "the member {} stands twice in its service (also at {}): remove one of them",
                    spec.key,
                    source.also(first)
                );
                return Err(source.error(&raw.address, reason));
            }
            if let (Some(id), Some(value)) = (&spec.server_id, &raw.server_id)
                && let Some(first) = ids.insert(id.clone(), value)
            {
                let reason = format!(
                    "the server id {:?} names two members of the service (also at {}): give each its own",
                    value.get_ref(),
                    source.also(first)
                );
                return Err(source.error(value, reason));
            }
            Ok(spec)
        })
        .collect()
}

/// Networks that members may register themselves from; a bare address is a network of one.
fn self_registered(
    raw: &RawService,
    vip: SocketAddr,
    forward: Forward,
    source: &Source,
) -> Result<Vec<IpNet>, ConfigError> {
    let listed = raw.self_registered.iter().flatten();
    listed
        .map(|value| {
            let network = network(value, source)?;
            match network.addr().is_ipv4() == vip.is_ipv4() || !forward.translates() {
                true => Ok(network),
                false => Err(source.error(
                    value,
                    format!(
                        "{network} and the VIP {vip} differ in address family, and {} does not translate between families: no member of it could serve the VIP",
                        forward.name()
                    ),
                )),
            }
        })
        .collect()
}

/// How packets reach the members of a VIP.
pub(super) fn forward(
    value: &Spanned<String>,
    vip: SocketAddr,
    protocol: u8,
    source: &Source,
) -> Result<Forward, ConfigError> {
    let typed = value.get_ref();
    let mode = Forward::ALL.into_iter().find(|mode| mode.name() == typed);
    match mode {
        Some(Forward::FullNat) if protocol == 0 => Err(source.error(
            value,
            format!(
                "full-nat cannot serve the system-level VIP {}, since replies of protocols without ports tell nothing of their client: use another mode, or VIPs {}/tcp and /udp",
                vip.ip(),
                vip
            ),
        )),
        Some(mode) => Ok(mode),
        None => {
            let known = Forward::ALL.map(|mode| format!("{:?}", mode.name()));
            let reason = format!(
                "the forward mode {typed:?} is unknown: use one of {}",
                known.join(", ")
            );
            Err(source.error(value, reason))
        }
    }
}
