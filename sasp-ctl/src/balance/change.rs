//! What must be written into the maps. `datapath` carries it out in the order given and knows nothing of why.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use sasp_xdp_common::abi::backend::{Backend, Index};
use sasp_xdp_common::abi::flow::{Flow4, Flow6};
use sasp_xdp_common::abi::service::{Service, Vip4, Vip6};
use sasp_xdp_common::abi::slot::Table;
use sasp_xdp_common::parse::{TCP, UDP};

use super::lookups::Lookups;

/// Key of a service in the maps.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Vip {
    /// IPv4.
    V4(Vip4),
    /// IPv6.
    V6(Vip6),
}

impl Vip {
    /// The key of a virtual address and port, for an IP protocol number.
    pub fn new(address: SocketAddr, protocol: u8) -> Self {
        let port = address.port().to_be_bytes();
        match address {
            SocketAddr::V4(v4) => Self::V4(Vip4 {
                address: v4.ip().octets(),
                port,
                protocol,
                reserved: 0,
            }),
            SocketAddr::V6(v6) => Self::V6(Vip6 {
                address: v6.ip().octets(),
                port,
                protocol,
                reserved: 0,
            }),
        }
    }
}

/// As the config has it: `ADDR:PORT/tcp`, or `ADDR` if every protocol is meant.
impl fmt::Display for Vip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (address, port, protocol) = match self {
            Self::V4(vip) => (IpAddr::from(vip.address), vip.port, vip.protocol),
            Self::V6(vip) => (IpAddr::from(vip.address), vip.port, vip.protocol),
        };
        let address_port = SocketAddr::new(address, u16::from_be_bytes(port));
        match protocol {
            TCP => write!(f, "{address_port}/tcp"),
            UDP => write!(f, "{address_port}/udp"),
            _ => address.fmt(f),
        }
    }
}

impl Vip {
    /// The service of every port that a packet to this one belongs to, if it has none of its own.
    pub fn any_port(self) -> Self {
        match self {
            Self::V4(vip) => Self::V4(Vip4 {
                port: [0; 2],
                ..vip
            }),
            Self::V6(vip) => Self::V6(Vip6 {
                port: [0; 2],
                ..vip
            }),
        }
    }

    /// The system-level service that it belongs to if it has none of its protocol either.
    pub fn system_level(self) -> Self {
        match self.any_port() {
            Self::V4(vip) => Self::V4(Vip4 { protocol: 0, ..vip }),
            Self::V6(vip) => Self::V6(Vip6 { protocol: 0, ..vip }),
        }
    }
}

/// One step. A list of them is ordered so that a packet never meets a half-made state: records before the table that
/// names them, tables before the service that leads to them, and the reverse when something goes.
#[derive(Clone, Debug)]
pub enum Change {
    /// Make the lookup maps hold what they do not hold yet of this; what else they hold stays.
    AddLookups(Arc<Lookups>),
    /// Remove from the lookup maps whatever is not in this.
    PruneLookups(Arc<Lookups>),
    /// Write a backend's record.
    SetBackend {
        /// Where.
        index: Index,
        /// What.
        record: Backend,
    },
    /// Publish a service's table: build it aside, swap it in.
    SetTable {
        /// [`Service::id`].
        service: u32,
        /// All slots.
        table: Box<Table>,
    },
    /// Let packets to a VIP find the service.
    SetService {
        /// The VIP.
        vip: Vip,
        /// What they find.
        service: Service,
    },
    /// Packets to the VIP pass again.
    RemoveService {
        /// The VIP.
        vip: Vip,
    },
    /// Remove a service's table, after the service itself.
    RemoveTable {
        /// [`Service::id`].
        service: u32,
    },
    /// The index is free again: add its traffic to the retired traffic of its service, then zero its counters and
    /// all of its record but the generation, which must never repeat. No table names it any more.
    RetireBackend {
        /// Where.
        index: Index,
        /// [`Service::id`] of the service that it served.
        service: u32,
    },
    /// A service id is free again: zero its retired traffic.
    RetireService {
        /// [`Service::id`].
        service: u32,
    },
}

/// What a daemon finds in pinned maps when it starts.
#[derive(Clone, Debug, Default)]
pub struct Adopted {
    /// Services, by VIP.
    pub services: Vec<(Vip, Service)>,
    /// Records whose generation is not 0, by index; [retired](Backend::retired) ones with nothing but that.
    pub backends: Vec<(Index, Backend)>,
    /// Tables, by service id.
    pub tables: Vec<(u32, Box<Table>)>,
    /// What the small maps hold.
    pub lookups: Lookups,
}

/// A remembered flow, as read from the maps by a sweep.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum FlowKey {
    /// IPv4.
    V4(Flow4),
    /// IPv6.
    V6(Flow6),
}

impl FlowKey {
    /// Where it goes: the service, or a port of one that takes every port.
    pub fn vip(&self) -> Vip {
        match self {
            Self::V4(flow) => Vip::V4(flow.vip),
            Self::V6(flow) => Vip::V6(flow.vip),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vip_is_written_as_in_the_config() {
        let vip = |address: &str, protocol| Vip::new(address.parse().unwrap(), protocol);
        for (vip, text) in [
            (vip("203.0.113.10:80", TCP), "203.0.113.10:80/tcp"),
            (vip("[2001:db8::10]:53", UDP), "[2001:db8::10]:53/udp"),
            (vip("[2001:db8::10]:0", 0), "2001:db8::10"),
        ] {
            assert_eq!(vip.to_string(), text);
        }
    }
}
