//! What services must not do to one another, and what `[balancer]` must have for all of them.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};

use sasp_xdp_common::abi::limits::SOURCE_RULES;
use toml::Spanned;

use super::super::endpoint::format_vip;
use super::super::error::ConfigError;
use super::super::raw::{RawFullNat, RawService};
use super::super::source::Source;
use super::super::table::Table;
use crate::balance::spec::{Forward, MemberSpec, ServiceSpec};
use crate::datapath::Sizes;
use crate::sasp::msg::Name;

/// A service as it was typed, and what that means.
pub(super) type Judged<'a> = (&'a RawService, ServiceSpec);

/// Each VIP once. Different ones of an address may overlap: the more precise goes first.
pub(super) fn vips(services: &[Judged<'_>], source: &Source) -> Result<(), ConfigError> {
    let mut seen = HashMap::new();
    for (raw, spec) in services {
        if let Some(first) = seen.insert((spec.vip, spec.protocol), &raw.vip) {
            let reason = format!(
                "the VIP {} stands twice (also at {}): remove one of them",
                format_vip(spec.vip, spec.protocol),
                source.also(first)
            );
            return Err(source.error(&raw.vip, reason));
        }
    }
    Ok(())
}

/// Everything finds room in the maps.
pub(super) fn room(
    services: &[Judged<'_>],
    limits: &Sizes,
    source: &Source,
) -> Result<(), ConfigError> {
    let (mut members, mut rules) = (0, [0, 0]);
    for (count, (raw, spec)) in (1..).zip(services) {
        members += spec.members.len();
        let of_family = &mut rules[usize::from(spec.vip.is_ipv6())];
        *of_family += spec.sources.allow.len() + spec.sources.deny.len();
        for (what, count, limit) in [
            ("services", count, limits.services as usize),
            // Index 0 stands for nobody.
            ("backends", members, limits.backends as usize - 1),
        ] {
            if count > limit {
                return Err(source.error(
                    &raw.vip,
                    format!("more than {limit} {what}: raise `limits.{what}` under [balancer]"),
                ));
            }
        }
        if *of_family > SOURCE_RULES {
            let reason = format!(
                "more than {SOURCE_RULES} prefixes in `allow` and `deny` of an address family: remove some"
            );
            return Err(source.error(&raw.vip, reason));
        }
    }
    Ok(())
}

/// GWMs may refuse a group that has system-level members beside others (RFC 4678 section 7.1, code 0x45); ours does.
pub(super) fn groups(services: &[Judged<'_>], source: &Source, warnings: &mut Vec<String>) {
    let mut first: HashMap<&Name, &Judged<'_>> = HashMap::new();
    for judged @ (raw, spec) in services {
        let (other, known) = first.entry(&spec.group).or_insert(judged);
        if (known.vip.port() == 0) != (spec.vip.port() == 0) {
            let note = format!(
                "the group {} serves VIPs with a port and VIPs without one (also {}), which a GWM may refuse: give each kind a group of its own",
                spec.group,
                source.also(&other.vip)
            );
            warnings.push(source.error(&raw.vip, note).to_string());
        }
    }
}

/// No member is at a VIP: what is sent there comes back here, and may do so for ever.
pub(super) fn loops(services: &[Judged<'_>], source: &Source) -> Result<(), ConfigError> {
    let vips: HashMap<IpAddr, &Spanned<String>> = services
        .iter()
        .rev()
        .map(|(raw, spec)| (spec.vip.ip(), &raw.vip))
        .collect();
    for (raw, spec) in services {
        for (raw, member) in raw.members.iter().zip(&spec.members) {
            if let Some(vip) = vips.get(&member.key.address) {
                let reason = format!(
                    "the member {} is at the address of a VIP (at {}), so packets to it would come back here: write the server's own address",
                    raw.address.get_ref(),
                    source.also(vip)
                );
                return Err(source.error(&raw.address, reason));
            }
        }
    }
    Ok(())
}

/// What a reply shows of where it comes from; port and protocol 0 stand for all.
type Sender = (IpAddr, u16, u8);

/// A member that is reached by `nat`, and the VIP whose address its replies must get.
struct Reply<'a> {
    address: &'a Spanned<String>,
    sender: Sender,
    vip: SocketAddr,
    protocol: u8,
}

/// Under `nat` a reply tells its VIP by its sender alone.
pub(super) fn replies(services: &[Judged<'_>], source: &Source) -> Result<(), ConfigError> {
    let mut seen: HashMap<Sender, Reply<'_>> = HashMap::new();
    for (raw, spec) in services {
        let members = raw.members.iter().zip(&spec.members);
        for (raw, member) in members.filter(|(_, member)| member.forward == Forward::Nat) {
            let reply = reply(&raw.address, member, spec);
            if let Some(first) = seen.get(&reply.sender) {
                return Err(ambiguous(&reply, first, source));
            }
            seen.insert(reply.sender, reply);
        }
    }
    // In the order of the file, so that a file is always refused for the same reason.
    let mut all: Vec<_> = seen.values().collect();
    all.sort_by_key(|reply| reply.address.span().start);
    for reply in all {
        let (address, port, protocol) = reply.sender;
        for wider in [(address, 0, protocol), (address, 0, 0)] {
            let Some(other) = seen.get(&wider).filter(|_| wider != reply.sender) else {
                continue;
            };
            // Then both give the reply the same address and port.
            let agree = other.vip.ip() == reply.vip.ip() && reply.vip.port() == port;
            if !agree {
                return Err(ambiguous(reply, other, source));
            }
        }
    }
    Ok(())
}

fn reply<'a>(
    address: &'a Spanned<String>,
    member: &MemberSpec,
    service: &ServiceSpec,
) -> Reply<'a> {
    Reply {
        address,
        sender: (member.key.address, member.key.port, service.protocol),
        vip: service.vip,
        protocol: service.protocol,
    }
}

fn ambiguous(reply: &Reply<'_>, other: &Reply<'_>, source: &Source) -> ConfigError {
    let reason = format!(
        "the member {} is reached by nat for the VIP {} and (at {}) for {}, and its replies do not tell which of them they belong to: use \"full-nat\" for one, or another port of the member",
        reply.address.get_ref(),
        format_vip(reply.vip, reply.protocol),
        source.also(other.address),
        format_vip(other.vip, other.protocol),
    );
    source.error(reply.address, reason)
}

/// `full-nat` has source addresses of every family that needs them, and they are nobody else's.
pub(super) fn pool(
    services: &[Judged<'_>],
    raw: Option<&Spanned<Table<RawFullNat>>>,
    source: &Source,
    warnings: &mut Vec<String>,
) -> Result<(), ConfigError> {
    let listed = raw
        .map(|raw| &raw.get_ref().addresses[..])
        .unwrap_or_default();
    // Valid, or validation would have ended.
    let pool: HashMap<IpAddr, &Spanned<String>> = listed
        .iter()
        .filter_map(|value| Some((value.get_ref().parse().ok()?, value)))
        .collect();
    let mut taken = HashSet::new();
    for (raw, spec) in services {
        let vip = spec.vip.ip();
        let members = spec.members.iter().map(|member| member.key.address);
        taken.insert(vip);
        taken.extend(members);
        let missing = !pool
            .keys()
            .any(|address| address.is_ipv4() == vip.is_ipv4());
        if missing && let Some(value) = wants_full_nat(raw, spec) {
            let family = if vip.is_ipv4() { "IPv4" } else { "IPv6" };
            let reason = format!(
                "full-nat needs an {family} source address: add one to `full_nat.addresses` under [balancer]"
            );
            return Err(source.error(value, reason));
        }
    }
    for value in listed {
        let address = value.get_ref().parse();
        if address.is_ok_and(|address| taken.contains(&address)) {
            let reason = format!(
                "{} is a VIP or a member's address: write one that full-nat has to itself",
                value.get_ref()
            );
            return Err(source.error(value, reason));
        }
    }
    let used = services
        .iter()
        .any(|(raw, spec)| wants_full_nat(raw, spec).is_some());
    if let Some(raw) = raw.filter(|_| !used) {
        let note = "`full_nat` does nothing as long as no member is reached by full-nat";
        warnings.push(source.error(raw, note).to_string());
    }
    Ok(())
}

/// Where a service asks for it, for its members or for those that will register themselves.
fn wants_full_nat<'a>(raw: &'a RawService, spec: &ServiceSpec) -> Option<&'a Spanned<String>> {
    let by_full_nat = |member: &MemberSpec| member.forward == Forward::FullNat;
    let members = raw.members.iter().zip(&spec.members);
    let own = members
        .filter(|(_, member)| by_full_nat(member))
        .find_map(|(raw, _)| raw.forward.as_ref());
    let inherits = spec.forward == Forward::FullNat
        && (spec.members.iter().any(by_full_nat) || !spec.self_registered.is_empty());
    own.or(raw.forward.as_ref().filter(|_| inherits))
}
