//! Where a member's packets go: egress interface, MAC addresses, MTU and the address to send from, from the kernel's own
//! routes and neighbours.
//!
//! The packet path looks nothing up: what is found here is written into the backends' records, and whatever changes
//! is found again. This module keeps the neighbours fresh, but it never invents an entry: what the kernel cannot
//! resolve is [`Unresolved`], and says why.
//!
//! The ways of replies to translate are the kernel's, asked packet by packet, and it tells a MAC address only if it knows
//! one: so the gateways towards clients are kept fresh too, while there are such [`Replies`]. Clients that are on a segment
//! of ours are not: nobody knows who they are. They ask for the VIP or for their gateway, from which the kernel learns
//! their MAC addresses; after it has forgotten one, the next reply goes through the host's stack, which asks.
//!
//! A route may leave by a VLAN interface whose lower one is attached. Packets keep the tags that they came with, so its
//! clients and its members must be in the same VLAN.
//!
//! # Layout
//! * `kernel`: questions to the kernel and news from it, over netlink.
//! * `resolve`: from the answers to a next hop, pure. `gateways`: those of the routes by our interfaces.
//! * `watcher`: asks again whenever an answer may be another. `once`: does not.

mod gateways;
mod kernel;
mod once;
mod resolve;
mod watcher;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use nix::net::if_::{if_indextoname, if_nametoindex};
use tokio::sync::watch;

use kernel::Kernel;
pub use once::ask;
use watcher::Watch;

/// How to send a packet to a member.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NextHop {
    /// The interface on which packets leave: of a route by a VLAN interface the one below it that is attached.
    pub ifindex: u32,
    /// MAC address of the interface of the route.
    pub source: [u8; 6],
    /// MAC address of the member, or of the gateway before it.
    pub destination: [u8; 6],
    /// Largest IP packet that fits on the way, in bytes: the route's MTU, or else the interface's.
    pub mtu: u32,
    /// Largest IP packet that clients' interfaces bring, in bytes: the largest MTU of the other attached ones, or that of
    /// the only one.
    pub clients_mtu: u32,
    /// The address from which this host would send; `None` if it has none of the member's family.
    pub address: Option<IpAddr>,
    /// The router that the route leads through; `None`: the member is on the same segment.
    pub gateway: Option<IpAddr>,
}

/// Why a member cannot be sent packets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unresolved {
    /// The kernel has no route to it.
    NoRoute,
    /// The route leaves by an interface that the balancer is not attached to.
    NotAttached {
        /// That interface.
        ifindex: u32,
    },
    /// The interface is down or has no carrier.
    InterfaceDown {
        /// That interface.
        ifindex: u32,
    },
    /// The address is this host's own.
    Local,
    /// Broadcast, multicast, unspecified: not the address of one host.
    NotUnicast,
    /// The interface or the neighbour has no Ethernet address.
    NotEthernet {
        /// That interface.
        ifindex: u32,
    },
    /// The kernel is asking for its MAC address.
    Resolving,
    /// Nobody answered for it.
    Unanswered,
}

impl fmt::Display for Unresolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRoute => f.write_str("no route"),
            Self::NotAttached { ifindex } => {
                let name = name_of(*ifindex);
                write!(
                    f,
                    "its route leaves by {name}, which is not attached: attach to {name} too"
                )
            }
            Self::InterfaceDown { ifindex } => write!(f, "{} is down", name_of(*ifindex)),
            Self::Local => f.write_str("an address of this host"),
            Self::NotUnicast => f.write_str("not a unicast address"),
            Self::NotEthernet { ifindex } => write!(f, "{} is not Ethernet", name_of(*ifindex)),
            Self::Resolving => f.write_str("MAC address being resolved"),
            Self::Unanswered => f.write_str("MAC address unknown: it does not answer ARP or ND"),
        }
    }
}

/// What the interface is called now, in the network namespace of the calling thread; its index, if it is gone.
pub fn name_of(ifindex: u32) -> String {
    match if_indextoname(ifindex) {
        // nix gives no error but an empty name for an index that is not there.
        Ok(name) if !name.is_empty() => name.to_string_lossy().into_owned(),
        _ => format!("interface {ifindex} (gone)"),
    }
}

/// The index of the interface of that name, in the network namespace of the calling thread; `None`: there is none.
pub fn index_of(name: &str) -> Option<u32> {
    if_nametoindex(name).ok()
}

/// The state of every member that was asked for.
pub type NextHops = BTreeMap<IpAddr, Result<NextHop, Unresolved>>;

/// The address families in which members send replies that are translated (`nat`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Replies {
    /// IPv4.
    pub v4: bool,
    /// IPv6.
    pub v6: bool,
}

/// Watches the next hops of `members`, in the network namespace of the calling thread, for a balancer attached to
/// `interfaces` (by index, as they are now), and keeps the gateways there resolved for `replies`.
///
/// A new snapshot is sent only when something is different; the first is empty. The task ends when any channel's
/// other side is gone. Must be called inside a tokio runtime.
pub fn spawn(
    interfaces: watch::Receiver<BTreeSet<u32>>,
    members: watch::Receiver<BTreeSet<IpAddr>>,
    replies: watch::Receiver<Replies>,
) -> io::Result<watch::Receiver<Arc<NextHops>>> {
    let (snapshots, receiver) = watch::channel(Arc::default());
    let kernel = Kernel::connect()?;
    tokio::spawn(Watch::new(interfaces, members, replies, snapshots).run(kernel));
    Ok(receiver)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interface_is_called_by_its_name_and_one_that_is_gone_by_its_index() {
        assert_eq!((name_of(1).as_str(), index_of("lo")), ("lo", Some(1)));
        assert_eq!(index_of("no such thing"), None);
        let down = Unresolved::InterfaceDown {
            ifindex: 2_000_000_000,
        };
        assert_eq!(down.to_string(), "interface 2000000000 (gone) is down");
    }
}
