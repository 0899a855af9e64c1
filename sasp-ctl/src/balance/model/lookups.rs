//! What the small maps must hold: see [`Lookups`].

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use sasp_xdp_common::abi::quic::{SERVER_ID_MAX, ServerId};
use sasp_xdp_common::abi::settings::{HAS_REPLIES, HAS_WILDCARDS, POOL_MAX, Settings};

use super::Balancer;
use super::batch::Batch;
use super::service::Service;
use crate::balance::change::Vip;
use crate::balance::lookups::Lookups;
use crate::balance::self_registered::TurnedAway;
use crate::balance::spec::{Forward, Globals, ServiceSpec};
use crate::sasp::msg::MemberKey;

/// What the maps hold, and whether that may be out of date.
#[derive(Clone, Debug)]
pub(super) struct CurrentLookups {
    pub(super) stale: bool,
    installed: Arc<Lookups>,
}

impl CurrentLookups {
    pub(super) fn adopt(installed: Lookups) -> Self {
        Self {
            stale: true,
            installed: Arc::new(installed),
        }
    }
}

impl Balancer {
    /// Asks for the lookups to be made what they must be, if they are not.
    pub(super) fn write_lookups(&mut self, batch: &mut Batch) {
        if !std::mem::take(&mut self.lookups.stale) {
            return;
        }
        let wanted = self.wanted_lookups();
        if *self.lookups.installed != wanted {
            let wanted = Arc::new(wanted);
            self.lookups.installed = Arc::clone(&wanted);
            batch.lookups = Some(wanted);
        }
    }

    /// Asks for whatever is looked up of removed services to go before their ids have other owners.
    pub(super) fn forget_removed(&mut self, batch: &mut Batch) {
        if batch.removes() {
            let left = Arc::new(self.wanted_lookups());
            Arc::make_mut(&mut self.lookups.installed).prune(&left);
            batch.forgotten = Some(left);
        }
    }

    fn wanted_lookups(&self) -> Lookups {
        let mut lookups = Lookups::default();
        for service in self.services.values() {
            lookups.add(service);
        }
        // Members of the config come before those that have registered themselves.
        for registered in [false, true] {
            for (member, vip) in self.translated(registered) {
                lookups.replies.entry(member).or_insert(vip);
            }
        }
        lookups.settings = settings(&self.globals, &lookups, &self.lookups.installed.settings);
        lookups
    }

    /// Members of `nat` as they are seen by whoever gets their replies, and the VIPs that these come from.
    fn translated(&self, registered: bool) -> impl Iterator<Item = (Vip, Vip)> {
        self.services.values().flat_map(move |service| {
            let members = service.members.iter();
            members
                .filter(move |member| member.self_registered == registered)
                .filter(|member| member.forward == Forward::Nat)
                .map(|member| (reply(&service.spec, &member.key), service.vip))
        })
    }

    /// See [`Claims`]; those of the members that there are now.
    pub(super) fn claims(&self) -> Claims {
        let mut claims = self.claims_of_config();
        claims.extend(self.translated(true));
        claims
    }

    /// See [`Claims`]; those of the members of the config.
    pub(super) fn claims_of_config(&self) -> Claims {
        let services = self.services.values();
        let mut claims = Claims {
            vips: services.map(|service| service.spec.vip.ip()).collect(),
            replies: BTreeMap::new(),
        };
        claims.extend(self.translated(false));
        claims
    }
}

impl Lookups {
    fn add(&mut self, service: &Service) {
        let spec = &service.spec;
        *self.vips.entry(spec.vip.ip()).or_default() |= spec.vip.port() == 0;
        for (nets, allowed) in [(&spec.sources.allow, true), (&spec.sources.deny, false)] {
            let rules = nets.iter().map(|net| ((service.id, net.trunc()), allowed));
            self.sources.extend(rules);
        }
        for member in &service.members {
            let Some(octets) = &member.server_id else {
                continue;
            };
            let mut id = ServerId {
                service: service.id,
                octets: [0; SERVER_ID_MAX],
            };
            let length = octets.len().min(SERVER_ID_MAX);
            id.octets[..length].copy_from_slice(&octets[..length]);
            self.quic_ids.insert(id, member.index);
        }
    }
}

/// Which addresses are VIPs, where no member is, and whose replies come from where: the way back keeps no flow state, so
/// a member may translate for one VIP only.
#[derive(Debug)]
pub(super) struct Claims {
    vips: BTreeSet<IpAddr>,
    replies: BTreeMap<IpAddr, Vec<(Vip, Vip)>>,
}

impl Claims {
    fn extend(&mut self, claims: impl Iterator<Item = (Vip, Vip)>) {
        for (member, vip) in claims {
            let of_address = self.replies.entry(parts(member).0).or_default();
            of_address.push((member, vip));
        }
    }

    /// Lets a member be one of a service, and its replies belong to that.
    ///
    /// # Errors
    /// Its address is a VIP, or some of its replies are another service's already.
    pub(super) fn claim(&mut self, spec: &ServiceSpec, key: &MemberKey) -> Result<(), TurnedAway> {
        if self.vips.contains(&key.address) {
            return Err(TurnedAway::OwnVip);
        }
        if spec.forward != Forward::Nat {
            return Ok(());
        }
        let (member, vip) = (reply(spec, key), super::vip(spec));
        let claims = self.replies.entry(key.address).or_default();
        if claims.iter().any(|claim| contradict(*claim, (member, vip))) {
            return Err(TurnedAway::Translated);
        }
        claims.push((member, vip));
        Ok(())
    }
}

/// Whether replies to which both fit would need two sources. A precise one and one that takes every port agree if the
/// precise one's port is its VIP's too and the addresses are the same.
fn contradict((member, vip): (Vip, Vip), (other, other_vip): (Vip, Vip)) -> bool {
    if vip == other_vip {
        return false;
    }
    let ((_, port, protocol), (_, other_port, other_protocol)) = (parts(member), parts(other));
    let overlap = |a, b| a == b || a == 0 || b == 0;
    let overlaps =
        overlap(port, other_port) && overlap(u16::from(protocol), u16::from(other_protocol));
    let (address, vip_port, _) = parts(vip);
    let (other_address, other_vip_port, _) = parts(other_vip);
    let keeps_port = port == vip_port && other_port == other_vip_port;
    overlaps && !(address == other_address && keeps_port && port != other_port)
}

fn parts(vip: Vip) -> (IpAddr, u16, u8) {
    match vip {
        Vip::V4(vip) => (
            vip.address.into(),
            u16::from_be_bytes(vip.port),
            vip.protocol,
        ),
        Vip::V6(vip) => (
            vip.address.into(),
            u16::from_be_bytes(vip.port),
            vip.protocol,
        ),
    }
}

/// A member as the source of its replies. A service of every port has system-level members, which say no protocol.
fn reply(spec: &ServiceSpec, key: &MemberKey) -> Vip {
    Vip::new(SocketAddr::new(key.address, key.port), spec.protocol)
}

/// What is `installed` stays as far as nothing of it is in use any more: in the moment of the write a packet may take
/// the new places by the old length, or the old ones by the new length.
fn settings(globals: &Globals, lookups: &Lookups, installed: &Settings) -> Settings {
    let flag = |set, bit| if set { bit } else { 0 };
    let wildcards = lookups.vips.values().any(|any_port| *any_port);
    let replies = !lookups.replies.is_empty() || globals.pool.is_some();
    let mut settings = Settings {
        features: flag(wildcards, HAS_WILDCARDS) | flag(replies, HAS_REPLIES),
        flows_per_second: globals.flows_per_second,
        too_big_per_second: globals.too_big_per_second,
        pool_ports: 0,
        pool_v4_len: 0,
        pool_v6_len: 0,
        ..*installed
    };
    let Some(pool) = &globals.pool else {
        return settings;
    };
    let (first, last) = (*pool.ports.start(), *pool.ports.end());
    settings.pool_port = first;
    // At most 65535, since port 0 is none.
    settings.pool_ports = (last - first).saturating_add(1);
    settings.pool_v4_len = pool.v4.len().min(POOL_MAX) as u32;
    settings.pool_v6_len = pool.v6.len().min(POOL_MAX) as u32;
    // All places, or none: there is nothing to cycle through then.
    for (place, address) in settings.pool_v4.iter_mut().zip(pool.v4.iter().cycle()) {
        *place = address.octets();
    }
    for (place, address) in settings.pool_v6.iter_mut().zip(pool.v6.iter().cycle()) {
        *place = address.octets();
    }
    settings
}

#[cfg(test)]
mod tests;
