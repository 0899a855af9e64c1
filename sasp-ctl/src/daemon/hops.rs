//! From what netlink says of next hops to what the balancer wants to know.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::balance::inputs;
use crate::datapath::nexthop::{NextHops, Unresolved};

/// A member whose address is being resolved is left out: what is installed for it stands until the kernel knows.
pub(super) fn to_inputs(hops: &NextHops) -> BTreeMap<IpAddr, Option<inputs::NextHop>> {
    hops.iter()
        .filter_map(|(address, hop)| match hop {
            Ok(hop) => {
                let mut macs = [0; 12];
                macs[..6].copy_from_slice(&hop.destination);
                macs[6..].copy_from_slice(&hop.source);
                let hop = inputs::NextHop {
                    ifindex: hop.ifindex,
                    macs,
                    mtu: hop.mtu,
                    clients_mtu: hop.clients_mtu,
                    source: hop.address,
                    via_gateway: hop.gateway.is_some(),
                };
                Some((*address, Some(hop)))
            }
            Err(Unresolved::Resolving) => None,
            Err(_) => Some((*address, None)),
        })
        .collect()
}

/// Says what has changed, for the log.
pub(super) fn log_changes(old: &NextHops, new: &NextHops) {
    for (address, hop) in new {
        if old.get(address) == Some(hop) {
            continue;
        }
        match hop {
            Ok(hop) => tracing::info!(
                member = %address,
                mac = %mac(hop.destination),
                ifindex = hop.ifindex,
                "next hop found"
            ),
            Err(Unresolved::Resolving) => {
                tracing::debug!(member = %address, "next hop being resolved");
            }
            Err(reason) => tracing::warn!(member = %address, "no next hop: {reason}"),
        }
    }
}

fn mac([a, b, c, d, e, f]: [u8; 6]) -> String {
    format!("{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datapath::nexthop::NextHop;

    #[test]
    fn what_is_being_resolved_is_left_out_and_what_cannot_be_is_none() {
        let address = |last| IpAddr::from([10, 0, 0, last]);
        let hop = NextHop {
            ifindex: 3,
            source: [2, 0, 0, 0, 0, 1],
            destination: [2, 0, 0, 0, 0, 9],
            mtu: 1500,
            clients_mtu: 9000,
            address: Some(address(9)),
            gateway: Some(address(8)),
        };
        let hops = NextHops::from([
            (address(1), Ok(hop)),
            (address(2), Err(Unresolved::Resolving)),
            (address(3), Err(Unresolved::NoRoute)),
        ]);
        let found = inputs::NextHop {
            ifindex: 3,
            macs: [2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 1],
            mtu: 1500,
            clients_mtu: 9000,
            source: Some(address(9)),
            via_gateway: true,
        };
        assert_eq!(
            to_inputs(&hops),
            BTreeMap::from([(address(1), Some(found)), (address(3), None)])
        );
    }
}
