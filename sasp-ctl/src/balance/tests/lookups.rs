//! The small maps of the packet path, filled as the data path fills the kernel's.

use std::net::IpAddr;

use ipnet::IpNet;
use sasp_xdp_common::abi::settings::WILDCARD;
use sasp_xdp_common::abi::source::ALLOW;
use sasp_xdp_common::maps::host::HostMaps;

use crate::balance::change::Vip;
use crate::balance::lookups::Lookups;

/// A rule as the maps hold it: service id, prefix, its length, verdict.
type Rule<A> = (u32, A, u32, u32);
type Rules<A> = Vec<Rule<A>>;

/// See [`crate::balance::change::Change::AddLookups`].
pub(super) fn add(maps: &mut HostMaps, lookups: &Lookups) {
    maps.settings = lookups.settings;
    for (address, any_port) in &lookups.vips {
        let value = if *any_port { WILDCARD } else { 0 };
        match address {
            IpAddr::V4(v4) => maps.v4.vips.insert(v4.octets(), value),
            IpAddr::V6(v6) => maps.v6.vips.insert(v6.octets(), value),
        };
    }
    for (member, vip) in &lookups.replies {
        match (member, vip) {
            (Vip::V4(member), Vip::V4(vip)) => drop(maps.v4.replies.insert(*member, *vip)),
            (Vip::V6(member), Vip::V6(vip)) => drop(maps.v6.replies.insert(*member, *vip)),
            _ => panic!("{member:?} answers for {vip:?}"),
        }
    }
    let (v4, v6) = rules(lookups);
    put(&mut maps.v4.sources, v4);
    put(&mut maps.v6.sources, v6);
    maps.quic_ids.extend(&lookups.quic_ids);
}

/// See [`crate::balance::change::Change::PruneLookups`].
pub(super) fn prune(maps: &mut HostMaps, lookups: &Lookups) {
    maps.v4
        .vips
        .retain(|address, _| lookups.vips.contains_key(&IpAddr::from(*address)));
    maps.v6
        .vips
        .retain(|address, _| lookups.vips.contains_key(&IpAddr::from(*address)));
    maps.v4
        .replies
        .retain(|member, _| lookups.replies.contains_key(&Vip::V4(*member)));
    maps.v6
        .replies
        .retain(|member, _| lookups.replies.contains_key(&Vip::V6(*member)));
    let (v4, v6) = rules(lookups);
    maps.v4
        .sources
        .retain(|rule| v4.iter().any(|wanted| same_prefix(rule, wanted)));
    maps.v6
        .sources
        .retain(|rule| v6.iter().any(|wanted| same_prefix(rule, wanted)));
    maps.quic_ids
        .retain(|id, _| lookups.quic_ids.contains_key(id));
}

/// What a daemon finds when it starts.
pub(super) fn read(maps: &HostMaps) -> Lookups {
    let mut lookups = Lookups {
        settings: maps.settings,
        ..Lookups::default()
    };
    let (v4, v6) = (&maps.v4, &maps.v6);
    for (address, value) in &v4.vips {
        let any_port = *value == WILDCARD;
        lookups.vips.insert(IpAddr::from(*address), any_port);
    }
    for (address, value) in &v6.vips {
        let any_port = *value == WILDCARD;
        lookups.vips.insert(IpAddr::from(*address), any_port);
    }
    for (member, vip) in &v4.replies {
        lookups.replies.insert(Vip::V4(*member), Vip::V4(*vip));
    }
    for (member, vip) in &v6.replies {
        lookups.replies.insert(Vip::V6(*member), Vip::V6(*vip));
    }
    for (service, address, length, verdict) in &v4.sources {
        let net = IpNet::new(IpAddr::from(*address), *length as u8).unwrap();
        lookups.sources.insert((*service, net), *verdict == ALLOW);
    }
    for (service, address, length, verdict) in &v6.sources {
        let net = IpNet::new(IpAddr::from(*address), *length as u8).unwrap();
        lookups.sources.insert((*service, net), *verdict == ALLOW);
    }
    lookups.quic_ids.extend(&maps.quic_ids);
    lookups
}

fn rules(lookups: &Lookups) -> (Rules<[u8; 4]>, Rules<[u8; 16]>) {
    let (mut v4, mut v6) = (Vec::new(), Vec::new());
    for ((service, net), allowed) in &lookups.sources {
        let (length, verdict) = (net.prefix_len().into(), u32::from(*allowed));
        match net {
            IpNet::V4(net) => v4.push((*service, net.addr().octets(), length, verdict)),
            IpNet::V6(net) => v6.push((*service, net.addr().octets(), length, verdict)),
        }
    }
    (v4, v6)
}

fn put<A: PartialEq>(sources: &mut Vec<Rule<A>>, rules: Vec<Rule<A>>) {
    for rule in rules {
        sources.retain(|former| !same_prefix(former, &rule));
        sources.push(rule);
    }
}

fn same_prefix<A: PartialEq>(one: &Rule<A>, other: &Rule<A>) -> bool {
    (one.0, &one.1, one.2) == (other.0, &other.1, other.2)
}
