//! The two address families, as types: what differs between them is named once.

use core::fmt::Debug;
use core::hash::Hash;

use crate::abi::flow::{Flow4, Flow6};
use crate::abi::fragment::{Fragment4, Fragment6};
use crate::abi::nat::{NatEntry4, NatEntry6};
use crate::abi::service::{Vip4, Vip6};
use crate::hash;
use crate::parse::Network;

/// The types of an address family, and how they are made of each other. Ports and addresses are in network order.
pub trait Family: Copy {
    /// An address, in network order.
    type Address: Key + Default;
    /// A service's key.
    type Vip: Key;
    /// A flow's key.
    type Flow: Key + hash::Hash;
    /// Key of a packet in fragments.
    type Fragment: Key;
    /// One way of a translated flow.
    type NatEntry: Copy + Default + Debug;

    /// Which IP.
    const NETWORK: Network;
    /// The number of its ICMP.
    const ICMP: u8;

    /// A service's key.
    fn vip(address: &Self::Address, port: [u8; 2], protocol: u8) -> Self::Vip;

    /// The address in a service's key.
    fn address_of(vip: &Self::Vip) -> &Self::Address;

    /// The protocol in a service's key.
    fn protocol_of(vip: &Self::Vip) -> u8;

    /// A flow's key.
    fn flow(client: &Self::Address, client_port: [u8; 2], vip: &Self::Vip) -> Self::Flow;

    /// The client of a flow.
    fn client_of(flow: &Self::Flow) -> &Self::Address;

    /// The service of a flow.
    fn vip_of(flow: &Self::Flow) -> &Self::Vip;

    /// The flow whose packets go the other way.
    fn reversed(flow: &Self::Flow) -> Self::Flow;

    /// Key of a packet in fragments; of the identification IPv4 has the last two bytes.
    fn fragment(
        source: &Self::Address,
        destination: &Self::Address,
        identification: [u8; 4],
        protocol: u8,
    ) -> Self::Fragment;

    /// An address that nobody can answer: unspecified, loopback, multicast or broadcast.
    fn is_bad_source(address: &Self::Address) -> bool;

    /// An address as [`crate::abi::fragment::FragmentEntry`] holds it.
    fn widen(address: &Self::Address) -> [u8; 16];
}

/// What a map may be keyed by.
pub trait Key: Copy + Eq + Hash + Debug {}

impl<T: Copy + Eq + Hash + Debug> Key for T {}

/// IPv4.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct V4;

/// IPv6.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct V6;

/// What both families do alike, on types of their own.
macro_rules! keys {
    ($address:ty, $vip:ident, $flow:ident) => {
        #[inline(always)]
        fn vip(address: &$address, port: [u8; 2], protocol: u8) -> $vip {
            $vip {
                address: *address,
                port,
                protocol,
                reserved: 0,
            }
        }

        #[inline(always)]
        fn address_of(vip: &$vip) -> &$address {
            &vip.address
        }

        #[inline(always)]
        fn protocol_of(vip: &$vip) -> u8 {
            vip.protocol
        }

        #[inline(always)]
        fn reversed(flow: &$flow) -> $flow {
            let vip = Self::vip(&flow.client, flow.client_port, flow.vip.protocol);
            Self::flow(&flow.vip.address, flow.vip.port, &vip)
        }

        #[inline(always)]
        fn flow(client: &$address, client_port: [u8; 2], vip: &$vip) -> $flow {
            $flow {
                client: *client,
                vip: *vip,
                client_port,
                reserved: [0; 2],
            }
        }

        #[inline(always)]
        fn client_of(flow: &$flow) -> &$address {
            &flow.client
        }

        #[inline(always)]
        fn vip_of(flow: &$flow) -> &$vip {
            &flow.vip
        }
    };
}

impl Family for V4 {
    type Address = [u8; 4];
    type Vip = Vip4;
    type Flow = Flow4;
    type Fragment = Fragment4;
    type NatEntry = NatEntry4;

    const NETWORK: Network = Network::V4;
    const ICMP: u8 = 1;

    keys!([u8; 4], Vip4, Flow4);

    #[inline(always)]
    fn fragment(
        source: &[u8; 4],
        destination: &[u8; 4],
        identification: [u8; 4],
        protocol: u8,
    ) -> Fragment4 {
        let [_, _, high, low] = identification;
        Fragment4 {
            source: *source,
            destination: *destination,
            identification: [high, low],
            protocol,
            reserved: 0,
        }
    }

    #[inline(always)]
    fn is_bad_source(address: &[u8; 4]) -> bool {
        let first = address[0];
        let broadcast = u32::from_ne_bytes(*address) == u32::MAX;
        first == 0 || first == 127 || (first & 0xf0) == 0xe0 || broadcast
    }

    #[inline(always)]
    fn widen(address: &[u8; 4]) -> [u8; 16] {
        let mut wide = [0; 16];
        wide[..4].copy_from_slice(address);
        wide
    }
}

impl Family for V6 {
    type Address = [u8; 16];
    type Vip = Vip6;
    type Flow = Flow6;
    type Fragment = Fragment6;
    type NatEntry = NatEntry6;

    const NETWORK: Network = Network::V6;
    const ICMP: u8 = 58;

    keys!([u8; 16], Vip6, Flow6);

    #[inline(always)]
    fn fragment(
        source: &[u8; 16],
        destination: &[u8; 16],
        identification: [u8; 4],
        _protocol: u8,
    ) -> Fragment6 {
        Fragment6 {
            source: *source,
            destination: *destination,
            identification,
        }
    }

    #[inline(always)]
    fn is_bad_source(address: &[u8; 16]) -> bool {
        let [high, low] = hash::halves(address);
        let unspecified_or_loopback = high == 0 && u64::from_be(low) <= 1;
        address[0] == 0xff || unspecified_or_loopback
    }

    #[inline(always)]
    fn widen(address: &[u8; 16]) -> [u8; 16] {
        *address
    }
}
