//! What the packet path looks up beside services, tables and backends: small maps whose whole content follows from the
//! config and the members. `datapath` makes the maps hold exactly this.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;
use sasp_xdp_common::abi::backend::Index;
use sasp_xdp_common::abi::quic::ServerId;
use sasp_xdp_common::abi::settings::Settings;

use super::change::Vip;

/// See the module.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Lookups {
    /// The one entry of the settings.
    pub settings: Settings,
    /// Addresses that are VIPs, and whether a service of theirs takes every port.
    pub vips: BTreeMap<IpAddr, bool>,
    /// Members of `nat` (address, port, protocol), and the VIP whose replies they send.
    pub replies: BTreeMap<Vip, Vip>,
    /// Source rules: service id, prefix, and whether its clients are allowed.
    pub sources: BTreeMap<(u32, IpNet), bool>,
    /// Backends that have a QUIC server id.
    pub quic_ids: BTreeMap<ServerId, Index>,
}

impl Lookups {
    /// Drops whatever `wanted` has no entry for, as [`super::change::Change::PruneLookups`] does in the maps.
    pub fn prune(&mut self, wanted: &Self) {
        self.vips.retain(|key, _| wanted.vips.contains_key(key));
        self.replies
            .retain(|key, _| wanted.replies.contains_key(key));
        self.sources
            .retain(|key, _| wanted.sources.contains_key(key));
        self.quic_ids
            .retain(|key, _| wanted.quic_ids.contains_key(key));
    }
}
