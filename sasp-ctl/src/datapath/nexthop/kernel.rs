//! Questions to the kernel and news from it, over netlink.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::IpAddr;

use futures_util::{Stream, StreamExt, TryStreamExt};
use rtnetlink::packet_core::{ErrorMessage, NetlinkMessage, NetlinkPayload};
use rtnetlink::packet_route::link::{
    InfoKind, LinkAttribute, LinkFlags, LinkInfo, LinkLayerType, LinkMessage,
};
use rtnetlink::packet_route::neighbour::{
    NeighbourAddress, NeighbourAttribute, NeighbourFlags, NeighbourMessage, NeighbourState,
};
use rtnetlink::packet_route::route::{
    RouteAddress, RouteAttribute, RouteMessage, RouteMetric, RouteType, RouteVia,
};
use rtnetlink::packet_route::{AddressFamily, RouteNetlinkMessage};
use rtnetlink::sys::AsyncSocket as _;
use rtnetlink::{Error, Handle, MulticastGroup, new_connection, new_multicast_connection};
use tokio::task::AbortHandle;

/// What may change the way to a member.
const GROUPS: [MulticastGroup; 9] = [
    MulticastGroup::Link,
    MulticastGroup::Neigh,
    MulticastGroup::Ipv4Ifaddr,
    MulticastGroup::Ipv6Ifaddr,
    MulticastGroup::Ipv4Route,
    MulticastGroup::Ipv6Route,
    MulticastGroup::Ipv4Rule,
    MulticastGroup::Ipv6Rule,
    MulticastGroup::Nexthop,
];

/// Bytes of news that may wait while we are busy. If they are too few the kernel says so and everything is read anew.
const NEWS_BUFFER: usize = 1 << 20;

/// An interface, as far as it matters here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Link {
    /// Switched on, with carrier.
    pub(super) up: bool,
    /// Ethernet address, if it is Ethernet.
    pub(super) mac: Option<[u8; 6]>,
    /// Largest IP packet, in bytes.
    pub(super) mtu: u32,
    /// The interface below, if this one is a VLAN's.
    pub(super) below: Option<u32>,
}

/// Where the kernel would send a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Route {
    /// Nowhere.
    None,
    /// To this host.
    Local,
    /// To several.
    NotUnicast,
    /// To one host.
    Unicast(Unicast),
}

/// A route to one host.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Unicast {
    /// The interface on which packets leave.
    pub(super) ifindex: u32,
    /// By way of this router; `None`: straight to the host.
    pub(super) gateway: Option<IpAddr>,
    /// The address that packets would come from.
    pub(super) source: Option<IpAddr>,
    /// If it says more than the interface: the largest IP packet, in bytes.
    pub(super) mtu: Option<u32>,
}

impl Unicast {
    /// The neighbour that gets the packets on the way to `address`, and the interface that it is on.
    pub(super) fn neighbour(&self, address: IpAddr) -> (u32, IpAddr) {
        (self.ifindex, self.gateway.unwrap_or(address))
    }
}

/// What the kernel knows of a neighbour.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Neighbour {
    /// Its address is known, and the kernel is content with that.
    Fresh([u8; 6]),
    /// Its address is known; the kernel will check it when it is used.
    Stale([u8; 6]),
    /// The kernel is asking.
    Asked,
    /// Nobody answered.
    Failed,
    /// Known, without an Ethernet address.
    NotEthernet,
}

/// All neighbours, by interface and address.
pub(super) type Neighbours = BTreeMap<(u32, IpAddr), Neighbour>;

/// Two netlink sockets: news that overrun their socket must not take answers with them.
pub(super) struct Kernel {
    handle: Handle,
    news: Box<dyn Stream<Item = NetlinkMessage<RouteNetlinkMessage>> + Send + Sync + Unpin>,
    tasks: [AbortHandle; 2],
}

impl Kernel {
    /// Opens both in the calling thread's network namespace.
    pub(super) fn connect() -> io::Result<Self> {
        let (questions, handle, _) = new_connection()?;
        let (mut news_connection, _, news) = new_multicast_connection(&GROUPS)?;
        news_connection
            .socket_mut()
            .socket_mut()
            .set_rx_buf_sz(NEWS_BUFFER as u32)?;
        let tasks = [
            tokio::spawn(questions).abort_handle(),
            tokio::spawn(news_connection).abort_handle(),
        ];
        Ok(Self {
            handle,
            news: Box::new(news.map(|(message, _)| message)),
            tasks,
        })
    }

    /// All interfaces, by index.
    pub(super) async fn links(&self) -> Result<BTreeMap<u32, Link>, Error> {
        let links = self.handle.link().get().execute();
        links
            .map_ok(|link| (link.header.index, read_link(&link)))
            .try_collect()
            .await
    }

    /// All neighbours.
    pub(super) async fn neighbours(&self) -> Result<Neighbours, Error> {
        let neighbours = self.handle.neighbours().get().execute();
        let known = neighbours.try_filter_map(async |message| Ok(read_neighbour(&message)));
        known.try_collect().await
    }

    /// Where a packet to `address` would go.
    pub(super) async fn route(&self, address: IpAddr) -> Result<Route, Error> {
        let mut question = RouteMessage::default();
        (
            question.header.address_family,
            question.header.destination_prefix_length,
        ) = match address {
            IpAddr::V4(_) => (AddressFamily::Inet, 32),
            IpAddr::V6(_) => (AddressFamily::Inet6, 128),
        };
        question
            .attributes
            .push(RouteAttribute::Destination(address.into()));
        let mut answers = std::pin::pin!(self.handle.route().get(question).execute());
        match answers.try_next().await {
            Ok(Some(route)) => Ok(read_route(&route)),
            // The kernel answers every question: the socket went away.
            Ok(None) => Err(Error::RequestFailed),
            Err(Error::NetlinkError(error)) if is_no_route(&error) => Ok(Route::None),
            Err(error) => Err(error),
        }
    }

    /// The gateways of all routes of a family, and the interfaces that they are on.
    pub(super) async fn gateways(&self, v4: bool) -> Result<BTreeSet<(u32, IpAddr)>, Error> {
        let mut question = RouteMessage::default();
        question.header.address_family = match v4 {
            true => AddressFamily::Inet,
            false => AddressFamily::Inet6,
        };
        let mut found = BTreeSet::new();
        let mut routes = std::pin::pin!(self.handle.route().get(question).execute());
        while let Some(route) = routes.try_next().await? {
            read_gateways(&route, &mut found);
        }
        Ok(found)
    }

    /// Tells the kernel that a neighbour is about to be used: it resolves or checks its address, as for a packet.
    pub(super) async fn use_neighbour(&self, ifindex: u32, address: IpAddr) -> Result<(), Error> {
        let request = self.handle.neighbours().add(ifindex, address).replace();
        request
            .state(NeighbourState::None)
            .flags(NeighbourFlags::Use)
            .execute()
            .await
    }

    /// Waits for news that may concern these neighbours, or any route; false if there will be none any more.
    pub(super) async fn news(&mut self, neighbours: &BTreeSet<IpAddr>) -> bool {
        while let Some(message) = self.news.next().await {
            if concerns(&message, neighbours) {
                return true;
            }
        }
        false
    }

    /// Skips the news that are there already: whatever they say will be read.
    pub(super) fn skip_news(&mut self) {
        while let Some(Some(_)) = futures_util::FutureExt::now_or_never(self.news.next()) {}
    }
}

impl Drop for Kernel {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

fn concerns(message: &NetlinkMessage<RouteNetlinkMessage>, neighbours: &BTreeSet<IpAddr>) -> bool {
    match &message.payload {
        NetlinkPayload::InnerMessage(
            RouteNetlinkMessage::NewNeighbour(neighbour)
            | RouteNetlinkMessage::DelNeighbour(neighbour),
        ) => destination(neighbour).is_some_and(|address| neighbours.contains(&address)),
        // Links, addresses, routes and rules; and the kernel's word that news were lost.
        NetlinkPayload::InnerMessage(_) | NetlinkPayload::Overrun(_) => true,
        _ => false,
    }
}

fn read_link(link: &LinkMessage) -> Link {
    let ethernet = link.header.link_layer_type == LinkLayerType::Ether;
    let mut read = Link {
        up: link
            .header
            .flags
            .contains(LinkFlags::Up | LinkFlags::LowerUp),
        mac: None,
        mtu: 0,
        below: None,
    };
    let is_vlan = |infos: &[LinkInfo]| infos.contains(&LinkInfo::Kind(InfoKind::Vlan));
    let (mut below, mut vlan) = (None, false);
    for attribute in &link.attributes {
        match attribute {
            LinkAttribute::Link(ifindex) => below = Some(*ifindex),
            LinkAttribute::LinkInfo(infos) => vlan = is_vlan(infos),
            LinkAttribute::Address(mac) if ethernet => read.mac = mac.as_slice().try_into().ok(),
            LinkAttribute::Mtu(mtu) => read.mtu = *mtu,
            _ => {}
        }
    }
    read.below = below.filter(|_| vlan);
    read
}

fn read_neighbour(message: &NeighbourMessage) -> Option<((u32, IpAddr), Neighbour)> {
    let mac = message
        .attributes
        .iter()
        .find_map(|attribute| match attribute {
            NeighbourAttribute::LinkLayerAddress(mac) => Some(mac.as_slice().try_into().ok()),
            _ => None,
        });
    let known = |usable: fn([u8; 6]) -> Neighbour| match mac {
        Some(Some(mac)) => usable(mac),
        _ => Neighbour::NotEthernet,
    };
    let neighbour = match message.header.state {
        NeighbourState::Reachable
        | NeighbourState::Delay
        | NeighbourState::Probe
        | NeighbourState::Permanent
        | NeighbourState::Noarp => known(Neighbour::Fresh),
        NeighbourState::Stale => known(Neighbour::Stale),
        NeighbourState::Failed => Neighbour::Failed,
        NeighbourState::Incomplete => Neighbour::Asked,
        _ => return None,
    };
    Some(((message.header.ifindex, destination(message)?), neighbour))
}

fn destination(message: &NeighbourMessage) -> Option<IpAddr> {
    message
        .attributes
        .iter()
        .find_map(|attribute| match attribute {
            NeighbourAttribute::Destination(NeighbourAddress::Inet(address)) => {
                Some((*address).into())
            }
            NeighbourAttribute::Destination(NeighbourAddress::Inet6(address)) => {
                Some((*address).into())
            }
            _ => None,
        })
}

fn read_route(route: &RouteMessage) -> Route {
    match route.header.kind {
        RouteType::Unicast => {}
        RouteType::Local => return Route::Local,
        RouteType::Broadcast | RouteType::Multicast | RouteType::Anycast => {
            return Route::NotUnicast;
        }
        _ => return Route::None,
    }
    let mut unicast = Unicast::default();
    for attribute in &route.attributes {
        match attribute {
            RouteAttribute::Gateway(_) | RouteAttribute::Via(_) => {
                unicast.gateway = gateway(attribute);
            }
            RouteAttribute::Oif(ifindex) => unicast.ifindex = *ifindex,
            RouteAttribute::PrefSource(address) => unicast.source = ip(address),
            RouteAttribute::Metrics(metrics) => {
                unicast.mtu = metrics.iter().find_map(|metric| match metric {
                    RouteMetric::Mtu(mtu) if *mtu > 0 => Some(*mtu),
                    _ => None,
                });
            }
            _ => {}
        }
    }
    match unicast.ifindex {
        0 => Route::None,
        _ => Route::Unicast(unicast),
    }
}

fn read_gateways(route: &RouteMessage, found: &mut BTreeSet<(u32, IpAddr)>) {
    if let Route::Unicast(Unicast {
        ifindex,
        gateway: Some(gateway),
        ..
    }) = read_route(route)
    {
        found.insert((ifindex, gateway));
    }
    for attribute in &route.attributes {
        let RouteAttribute::MultiPath(ways) = attribute else {
            continue;
        };
        for way in ways {
            if let Some(gateway) = way.attributes.iter().find_map(gateway) {
                found.insert((way.interface_index, gateway));
            }
        }
    }
}

fn gateway(attribute: &RouteAttribute) -> Option<IpAddr> {
    match attribute {
        RouteAttribute::Gateway(address) => ip(address),
        RouteAttribute::Via(RouteVia::Inet(gateway)) => Some((*gateway).into()),
        RouteAttribute::Via(RouteVia::Inet6(gateway)) => Some((*gateway).into()),
        _ => None,
    }
}

fn ip(address: &RouteAddress) -> Option<IpAddr> {
    match address {
        RouteAddress::Inet(v4) => Some((*v4).into()),
        RouteAddress::Inet6(v6) => Some((*v6).into()),
        _ => None,
    }
}

/// Errors by which the kernel says that a packet would go nowhere: none, unreachable, prohibited, blackholed, an
/// address that nothing can be sent to, or of a family that was switched off when the host started (as
/// `ipv6.disable=1` does).
fn is_no_route(error: &ErrorMessage) -> bool {
    matches!(
        error.to_io().raw_os_error(),
        Some(
            libc::ENETUNREACH
                | libc::EHOSTUNREACH
                | libc::EACCES
                | libc::EINVAL
                | libc::EAFNOSUPPORT
                | libc::EOPNOTSUPP
        )
    )
}

#[cfg(test)]
mod tests;
