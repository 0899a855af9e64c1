//! Which service a packet is for: exactly its, or one that takes every port, or every protocol.

use crate::abi::service::Service;
use crate::abi::settings::{HAS_WILDCARDS, WILDCARD};
use crate::family::Family;
use crate::maps::{FamilyMaps, Maps};
use crate::parse::{TCP, UDP};

/// The service of a packet to `vip`, whose port is zero if its protocol has none.
#[inline(always)]
pub(super) fn of<M, F>(maps: &M, vip: &F::Vip) -> Option<Service>
where
    M: Maps + FamilyMaps<F>,
    F: Family,
{
    let protocol = F::protocol_of(vip);
    let has_ports = protocol == TCP || protocol == UDP;
    if has_ports && let Some(service) = maps.service(vip) {
        return Some(service);
    }
    if maps.settings()?.features & HAS_WILDCARDS == 0 {
        return None;
    }
    let address = F::address_of(vip);
    if maps.vip(address)? & WILDCARD == 0 {
        return None;
    }
    if has_ports && let Some(service) = maps.service(&F::vip(address, [0; 2], protocol)) {
        return Some(service);
    }
    maps.service(&F::vip(address, [0; 2], 0))
}
