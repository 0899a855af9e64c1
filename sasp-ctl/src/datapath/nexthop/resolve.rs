//! From what the kernel knows to a next hop. Pure.

use std::collections::{BTreeMap, BTreeSet};

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
    let ifindex = match route {
        Route::OnLink(ifindex) => ifindex,
        // The kernel takes the routes of an interface away when it is switched off.
        Route::None => return Err(all_down(attached, links).unwrap_or(Unresolved::NoRoute)),
        Route::Local => return Err(Unresolved::Local),
        Route::NotUnicast => return Err(Unresolved::NotUnicast),
        Route::Gateway(gateway) => return Err(Unresolved::ViaGateway(gateway)),
    };
    if !attached.contains(&ifindex) {
        return Err(Unresolved::NotAttached { ifindex });
    }
    let link = links
        .get(&ifindex)
        .filter(|link| link.up)
        .ok_or(Unresolved::InterfaceDown { ifindex })?;
    let source = link.mac.ok_or(Unresolved::NotEthernet { ifindex })?;
    let through = |destination| NextHop {
        ifindex,
        source,
        destination,
        mtu: link.mtu,
    };
    match (neighbour, previous) {
        (Some(Neighbour::Fresh(mac) | Neighbour::Stale(mac)), _) => Ok(through(mac)),
        (Some(Neighbour::Failed), _) => Err(Unresolved::Unanswered),
        (Some(Neighbour::NotEthernet), _) => Err(Unresolved::NotEthernet { ifindex }),
        (None | Some(Neighbour::Asked), Some(Ok(before))) if before.ifindex == ifindex => {
            Ok(through(before.destination))
        }
        (None | Some(Neighbour::Asked), Some(Err(Unresolved::Unanswered))) => {
            Err(Unresolved::Unanswered)
        }
        (None | Some(Neighbour::Asked), _) => Err(Unresolved::Resolving),
    }
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
