//! Where members' packets would go, asked once, for whoever only wants to know. Nobody is made to resolve anything, so a
//! neighbour of whom the kernel knows nothing yet is taken to be there.

use std::collections::BTreeSet;
use std::io;
use std::net::IpAddr;

use rtnetlink::Error;

use super::kernel::{Kernel, Neighbour, Route};
use super::{NextHops, resolve};

/// Of a neighbour that nobody has asked for yet.
const ANY_MAC: [u8; 6] = [0; 6];

/// The next hops of `members` in the network namespace of the calling thread, for a balancer attached to these
/// interfaces; `None`: to whichever they need. MAC addresses may be made up. Must be called inside a tokio runtime,
/// and asks for no privilege.
///
/// # Errors
/// If there is no netlink, or it does not answer.
pub async fn ask(
    members: &BTreeSet<IpAddr>,
    attached: Option<&BTreeSet<u32>>,
) -> io::Result<NextHops> {
    let kernel = Kernel::connect()?;
    let next_hops = read(&kernel, members, attached).await;
    next_hops.map_err(|error| match error {
        Error::NetlinkError(error) => error.to_io(),
        error => io::Error::other(error),
    })
}

async fn read(
    kernel: &Kernel,
    members: &BTreeSet<IpAddr>,
    attached: Option<&BTreeSet<u32>>,
) -> Result<NextHops, Error> {
    let links = kernel.links().await?;
    let neighbours = kernel.neighbours().await?;
    let mut next_hops = NextHops::new();
    for &member in members {
        let route = kernel.route(member).await?;
        let (needed, neighbour) = match route {
            Route::Unicast(unicast) => {
                let known = neighbours.get(&unicast.neighbour(member));
                (BTreeSet::from([unicast.ifindex]), known.copied())
            }
            _ => (BTreeSet::new(), None),
        };
        let neighbour = match neighbour {
            None | Some(Neighbour::Asked) => Neighbour::Fresh(ANY_MAC),
            Some(known) => known,
        };
        let attached = attached.unwrap_or(&needed);
        let next_hop = resolve::next_hop(route, attached, &links, Some(neighbour), None);
        next_hops.insert(member, next_hop);
    }
    Ok(next_hops)
}
