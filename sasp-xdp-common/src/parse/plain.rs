//! Frames that the short way knows: untagged, IPv4 without options or IPv6 without extension headers, no fragments, TCP
//! or UDP. Every offset is a constant.
//!
//! What it does not know is no error: the general way does.

use core::mem::offset_of;

use network_types::ip::{Ipv4Hdr, Ipv6Hdr};

use super::{ETH_LEN, TCP, UDP};
use crate::abi::flow::{Flow4, Flow6};
use crate::abi::service::{Vip4, Vip6};
use crate::family::{Family, V4, V6};
use crate::packet::Packet;
use crate::word::{load_u16, load_u32, load_u64};

pub(crate) const IPV4_LEN: usize = size_of::<Ipv4Hdr>();
pub(crate) const IPV6_LEN: usize = size_of::<Ipv6Hdr>();
const _: () = assert!(IPV4_LEN == 20 && IPV6_LEN == 40);

/// How a family's plain packets are read.
pub trait Plain: Family {
    /// Length of its header in bytes.
    const HEADER: usize;

    /// The flow of a frame; `None` if the short way does not know such frames.
    fn plain_flow<P: Packet>(packet: &P) -> Option<Self::Flow>;

    /// Length of the IP packet in bytes, header included, as it says itself.
    fn plain_length<P: Packet>(packet: &P) -> Option<usize>;
}

impl Plain for V4 {
    const HEADER: usize = IPV4_LEN;

    #[inline(always)]
    fn plain_flow<P: Packet>(packet: &P) -> Option<Flow4> {
        flow4(packet)
    }

    #[inline(always)]
    fn plain_length<P: Packet>(packet: &P) -> Option<usize> {
        let ip = packet.bytes::<IPV4_LEN>(ETH_LEN)?;
        Some(u16::from_be(load_u16::<{ offset_of!(Ipv4Hdr, tot_len) }, _>(ip)) as usize)
    }
}

impl Plain for V6 {
    const HEADER: usize = IPV6_LEN;

    #[inline(always)]
    fn plain_flow<P: Packet>(packet: &P) -> Option<Flow6> {
        flow6(packet)
    }

    #[inline(always)]
    fn plain_length<P: Packet>(packet: &P) -> Option<usize> {
        let ip = packet.bytes::<IPV6_LEN>(ETH_LEN)?;
        let payload = u16::from_be(load_u16::<{ offset_of!(Ipv6Hdr, payload_len) }, _>(ip));
        Some(payload as usize + IPV6_LEN)
    }
}

#[inline(always)]
fn flow4<P: Packet>(packet: &P) -> Option<Flow4> {
    let ip = packet.bytes::<IPV4_LEN>(ETH_LEN)?;
    if ip[offset_of!(Ipv4Hdr, vihl)] != 0x45 {
        return None;
    }
    // More-fragments flag and offset; the reserved and don't-fragment bits do not matter.
    if load_u16::<{ offset_of!(Ipv4Hdr, frags) }, _>(ip) & 0x3fff_u16.to_be() != 0 {
        return None;
    }
    let protocol = ip[offset_of!(Ipv4Hdr, proto)];
    let client = load_u32::<{ offset_of!(Ipv4Hdr, src_addr) }, _>(ip);
    let address = load_u32::<{ offset_of!(Ipv4Hdr, dst_addr) }, _>(ip);
    let (client_port, port) = ports(packet, ETH_LEN + IPV4_LEN, protocol)?;
    Some(Flow4 {
        client: client.to_ne_bytes(),
        vip: Vip4 {
            address: address.to_ne_bytes(),
            port: port.to_ne_bytes(),
            protocol,
            reserved: 0,
        },
        client_port: client_port.to_ne_bytes(),
        reserved: [0; 2],
    })
}

#[inline(always)]
fn flow6<P: Packet>(packet: &P) -> Option<Flow6> {
    let ip = packet.bytes::<IPV6_LEN>(ETH_LEN)?;
    if ip[0] >> 4 != 6 {
        return None;
    }
    let protocol = ip[offset_of!(Ipv6Hdr, next_hdr)];
    let (client_port, port) = ports(packet, ETH_LEN + IPV6_LEN, protocol)?;
    const SRC: usize = offset_of!(Ipv6Hdr, src_addr);
    const DST: usize = offset_of!(Ipv6Hdr, dst_addr);
    Some(Flow6 {
        client: address6(load_u64::<SRC, _>(ip), load_u64::<{ SRC + 8 }, _>(ip)),
        vip: Vip6 {
            address: address6(load_u64::<DST, _>(ip), load_u64::<{ DST + 8 }, _>(ip)),
            port: port.to_ne_bytes(),
            protocol,
            reserved: 0,
        },
        client_port: client_port.to_ne_bytes(),
        reserved: [0; 2],
    })
}

/// An address from its halves in memory order.
#[inline(always)]
pub(super) fn address6(high: u64, low: u64) -> [u8; 16] {
    let mut address = [0; 16];
    address[..8].copy_from_slice(&high.to_ne_bytes());
    address[8..].copy_from_slice(&low.to_ne_bytes());
    address
}

/// Source and destination port in memory order.
#[inline(always)]
fn ports<P: Packet>(packet: &P, at: usize, protocol: u8) -> Option<(u16, u16)> {
    if protocol != TCP && protocol != UDP {
        return None;
    }
    let ports = packet.bytes::<4>(at)?;
    Some((load_u16::<0, _>(ports), load_u16::<2, _>(ports)))
}
