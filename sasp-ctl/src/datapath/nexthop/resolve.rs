//! From what the kernel knows to a next hop. Pure.

use std::collections::{BTreeMap, BTreeSet};

use sasp_xdp_common::abi::limits::VLAN_TAGS;

use super::kernel::{Link, Neighbour, Route};
use super::{NextHop, Unresolved};

/// The next hop of a member, or why it has none.
///
/// `previous` is what was said before. Two states are kept until something is certain: a member that was resolved is
/// so while the kernel asks for it anew (its entry was flushed, which says nothing about the member), and one that
/// did not answer is so while it is asked again.
pub(super) fn next_hop(
    route: Route,
    attached: &BTreeSet<u32>,
    links: &BTreeMap<u32, Link>,
    neighbour: Option<Neighbour>,
    previous: Option<Result<NextHop, Unresolved>>,
) -> Result<NextHop, Unresolved> {
    let unicast = match route {
        Route::Unicast(unicast) => unicast,
        // The kernel takes the routes of an interface away when it is switched off.
        Route::None => return Err(all_down(attached, links).unwrap_or(Unresolved::NoRoute)),
        Route::Local => return Err(Unresolved::Local),
        Route::NotUnicast => return Err(Unresolved::NotUnicast),
    };
    let outer = unicast.ifindex;
    let ifindex =
        attached_below(outer, attached, links).ok_or(Unresolved::NotAttached { ifindex: outer })?;
    let link = links
        .get(&outer)
        .filter(|link| link.up)
        .ok_or(Unresolved::InterfaceDown { ifindex: outer })?;
    let source = link.mac.ok_or(Unresolved::NotEthernet { ifindex: outer })?;
    let through = |destination| NextHop {
        ifindex,
        source,
        destination,
        mtu: unicast.mtu.map_or(link.mtu, |mtu| mtu.min(link.mtu)),
        clients_mtu: clients_mtu(ifindex, attached, links).unwrap_or(link.mtu),
        address: unicast.source,
        gateway: unicast.gateway,
    };
    match (neighbour, previous) {
        (Some(Neighbour::Fresh(mac) | Neighbour::Stale(mac)), _) => Ok(through(mac)),
        (Some(Neighbour::Failed), _) => Err(Unresolved::Unanswered),
        (Some(Neighbour::NotEthernet), _) => Err(Unresolved::NotEthernet { ifindex: outer }),
        (None | Some(Neighbour::Asked), Some(Ok(before)))
            if (before.ifindex, before.gateway) == (ifindex, unicast.gateway) =>
        {
            Ok(through(before.destination))
        }
        (None | Some(Neighbour::Asked), Some(Err(Unresolved::Unanswered))) => {
            Err(Unresolved::Unanswered)
        }
        (None | Some(Neighbour::Asked), _) => Err(Unresolved::Resolving),
    }
}

/// The interface itself if the balancer is attached to it, or the one below it, or below that, as long as these are
/// VLANs.
pub(super) fn attached_below(
    ifindex: u32,
    attached: &BTreeSet<u32>,
    links: &BTreeMap<u32, Link>,
) -> Option<u32> {
    let below = |ifindex: &u32| links.get(ifindex).and_then(|link| link.below);
    std::iter::successors(Some(ifindex), below)
        .take(1 + VLAN_TAGS)
        .find(|ifindex| attached.contains(ifindex))
}

/// See [`NextHop::clients_mtu`]; `egress` is attached.
fn clients_mtu(egress: u32, attached: &BTreeSet<u32>, links: &BTreeMap<u32, Link>) -> Option<u32> {
    let mtu = |ifindex: &u32| links.get(ifindex).map(|link| link.mtu);
    let others = attached.iter().filter(|ifindex| **ifindex != egress);
    others.filter_map(mtu).max().or_else(|| mtu(&egress))
}

fn all_down(attached: &BTreeSet<u32>, links: &BTreeMap<u32, Link>) -> Option<Unresolved> {
    let down = |ifindex: &&u32| links.get(ifindex).is_none_or(|link| !link.up);
    let &ifindex = attached.first()?;
    attached
        .iter()
        .all(|ifindex| down(&ifindex))
        .then_some(Unresolved::InterfaceDown { ifindex })
}

#[cfg(test)]
mod tests;
