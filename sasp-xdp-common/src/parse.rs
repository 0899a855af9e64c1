//! From a frame to the flow that it belongs to, in two steps: what the service lookup needs, then, for packets to a
//! VIP only, what the rest needs.
//!
//! VLAN tags, IPv4 options, IPv6 extension headers and fragments are recognised and passed, not parsed.

use core::mem::offset_of;

use network_types::eth::EthHdr;
use network_types::ip::{Ipv4Hdr, Ipv6Hdr};
use network_types::tcp::TcpHdr;
use network_types::udp::UdpHdr;

use crate::abi::counters::Reason;
use crate::abi::flow::{Flow4, Flow6};
use crate::abi::service::{QUIC, Service, Vip4, Vip6};
use crate::packet::Packet;
use crate::word::{load_u16, load_u32, load_u64};

/// TCP's protocol number.
pub const TCP: u8 = 6;
/// UDP's protocol number.
pub const UDP: u8 = 17;

/// EtherTypes, as a native load of the packet's bytes yields them.
const IPV4: u16 = 0x0800_u16.to_be();
const IPV6: u16 = 0x86dd_u16.to_be();
const VLAN: u16 = 0x8100_u16.to_be();
const QINQ: u16 = 0x88a8_u16.to_be();

const ETH_LEN: usize = size_of::<EthHdr>();
const IPV4_LEN: usize = size_of::<Ipv4Hdr>();
const IPV6_LEN: usize = size_of::<Ipv6Hdr>();
const TCP_LEN: usize = size_of::<TcpHdr>();
const UDP_LEN: usize = size_of::<UdpHdr>();
const _: () =
    assert!(ETH_LEN == 14 && IPV4_LEN == 20 && IPV6_LEN == 40 && TCP_LEN == 20 && UDP_LEN == 8);

/// Offset of the byte with TCP's flags.
const TCP_FLAGS: usize = 13;
const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const ACK: u8 = 0x10;

/// Which network protocol a frame carries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Network {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// Where an IP packet lies in its frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    /// Which IP.
    pub network: Network,
    /// Offset of the IP header.
    pub at: usize,
    /// Offset of what follows it, behind options and extension headers.
    pub transport: usize,
    /// Length of the IP packet in bytes, header included, as it says itself; the frame holds as many.
    pub length: usize,
    /// IP protocol number of what follows.
    pub protocol: u8,
}

/// What a packet does to the flow that it belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Kind {
    /// It opens the flow: TCP SYN without ACK, QUIC Initial.
    pub opens: bool,
    /// It follows what is remembered but is never remembered itself: TCP RST.
    pub transient: bool,
}

/// The network protocol, or why the frame is not for us.
#[inline(always)]
pub fn network<P: Packet>(packet: &P) -> Result<Network, Reason> {
    let ethernet = packet.bytes::<ETH_LEN>(0).ok_or(Reason::Truncated)?;
    match load_u16::<{ offset_of!(EthHdr, ether_type) }, _>(ethernet) {
        IPV4 => Ok(Network::V4),
        IPV6 => Ok(Network::V6),
        VLAN | QINQ => Err(Reason::Vlan),
        _ => Err(Reason::NotIp),
    }
}

/// The flow of an IPv4 frame.
#[inline(always)]
pub fn flow4<P: Packet>(packet: &P) -> Result<Flow4, Reason> {
    let ip = packet.bytes::<IPV4_LEN>(ETH_LEN).ok_or(Reason::Truncated)?;
    match ip[offset_of!(Ipv4Hdr, vihl)] {
        0x45 => {}
        0x46..=0x4f => return Err(Reason::Ipv4Options),
        _ => return Err(Reason::BadIpHeader),
    }
    // More-fragments flag and offset; the reserved and don't-fragment bits do not matter.
    if load_u16::<{ offset_of!(Ipv4Hdr, frags) }, _>(ip) & 0x3fff_u16.to_be() != 0 {
        return Err(Reason::Fragment);
    }
    let protocol = ip[offset_of!(Ipv4Hdr, proto)];
    let client = load_u32::<{ offset_of!(Ipv4Hdr, src_addr) }, _>(ip);
    let address = load_u32::<{ offset_of!(Ipv4Hdr, dst_addr) }, _>(ip);
    let (client_port, port) = ports(packet, ETH_LEN + IPV4_LEN, protocol)?;
    Ok(Flow4 {
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

/// The flow of an IPv6 frame.
#[inline(always)]
pub fn flow6<P: Packet>(packet: &P) -> Result<Flow6, Reason> {
    let ip = packet.bytes::<IPV6_LEN>(ETH_LEN).ok_or(Reason::Truncated)?;
    if ip[0] >> 4 != 6 {
        return Err(Reason::BadIpHeader);
    }
    let protocol = ip[offset_of!(Ipv6Hdr, next_hdr)];
    let (client_port, port) = ports(packet, ETH_LEN + IPV6_LEN, protocol)?;
    const SRC: usize = offset_of!(Ipv6Hdr, src_addr);
    const DST: usize = offset_of!(Ipv6Hdr, dst_addr);
    Ok(Flow6 {
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
fn address6(high: u64, low: u64) -> [u8; 16] {
    let mut address = [0; 16];
    address[..8].copy_from_slice(&high.to_ne_bytes());
    address[8..].copy_from_slice(&low.to_ne_bytes());
    address
}

/// Source and destination port in memory order.
#[inline(always)]
fn ports<P: Packet>(packet: &P, at: usize, protocol: u8) -> Result<(u16, u16), Reason> {
    if protocol != TCP && protocol != UDP {
        return Err(other_protocol(protocol));
    }
    let ports = packet.bytes::<4>(at).ok_or(Reason::Truncated)?;
    Ok((load_u16::<0, _>(ports), load_u16::<2, _>(ports)))
}

/// IPv6's fragment header is counted with IPv4's fragments.
#[inline(always)]
fn other_protocol(protocol: u8) -> Reason {
    const IPV6_FRAGMENT: u8 = 44;
    if protocol == IPV6_FRAGMENT {
        Reason::Fragment
    } else {
        Reason::OtherProtocol
    }
}

/// Checks the rest of an IPv4 packet to a VIP and tells what it does to its flow.
#[inline(always)]
pub fn kind4<P: Packet>(packet: &P, flow: &Flow4, service: Service) -> Result<Kind, Reason> {
    let ip = packet.bytes::<IPV4_LEN>(ETH_LEN).ok_or(Reason::Truncated)?;
    let total = u16::from_be(load_u16::<{ offset_of!(Ipv4Hdr, tot_len) }, _>(ip)) as usize;
    let first = flow.client[0];
    let broadcast = u32::from_ne_bytes(flow.client) == u32::MAX;
    if first == 0 || first == 127 || (first & 0xf0) == 0xe0 || broadcast {
        return Err(Reason::BadSource);
    }
    kind(
        packet,
        ETH_LEN + IPV4_LEN,
        total.wrapping_sub(IPV4_LEN),
        flow.vip.protocol,
        service,
    )
}

/// Checks the rest of an IPv6 packet to a VIP and tells what it does to its flow.
#[inline(always)]
pub fn kind6<P: Packet>(packet: &P, flow: &Flow6, service: Service) -> Result<Kind, Reason> {
    let ip = packet.bytes::<IPV6_LEN>(ETH_LEN).ok_or(Reason::Truncated)?;
    let payload = u16::from_be(load_u16::<{ offset_of!(Ipv6Hdr, payload_len) }, _>(ip)) as usize;
    let high = u64::from_ne_bytes(half(&flow.client, 0));
    let low = u64::from_ne_bytes(half(&flow.client, 8));
    let unspecified_or_loopback = high == 0 && u64::from_be(low) <= 1;
    if flow.client[0] == 0xff || unspecified_or_loopback {
        return Err(Reason::BadSource);
    }
    kind(
        packet,
        ETH_LEN + IPV6_LEN,
        payload,
        flow.vip.protocol,
        service,
    )
}

#[inline(always)]
fn half(address: &[u8; 16], at: usize) -> [u8; 8] {
    let mut half = [0; 8];
    half.copy_from_slice(&address[at..at + 8]);
    half
}

/// `length` is that of TCP or UDP header and payload as IP tells it; a huge one if IP's length was too small.
#[inline(always)]
fn kind<P: Packet>(
    packet: &P,
    at: usize,
    length: usize,
    protocol: u8,
    service: Service,
) -> Result<Kind, Reason> {
    // Ethernet pads short frames, so the frame may be longer than the packet.
    if length > packet.len() - at {
        return Err(Reason::BadLength);
    }
    if protocol == TCP {
        tcp(packet, at, length)
    } else {
        udp(packet, at, length, service)
    }
}

#[inline(always)]
fn tcp<P: Packet>(packet: &P, at: usize, length: usize) -> Result<Kind, Reason> {
    let tcp = packet.bytes::<TCP_LEN>(at).ok_or(Reason::BadLength)?;
    let header = (tcp[TCP_FLAGS - 1] >> 4) as usize * 4;
    if length < TCP_LEN || header > length {
        return Err(Reason::BadLength);
    }
    let flags = tcp[TCP_FLAGS];
    // No stack sends these; some answer them.
    if header < TCP_LEN || flags & (SYN | FIN) == SYN | FIN || flags & (SYN | RST) == SYN | RST {
        return Err(Reason::BadTcpHeader);
    }
    Ok(Kind {
        opens: flags & (SYN | ACK) == SYN,
        transient: flags & RST != 0,
    })
}

#[inline(always)]
fn udp<P: Packet>(packet: &P, at: usize, length: usize, service: Service) -> Result<Kind, Reason> {
    let udp = packet.bytes::<UDP_LEN>(at).ok_or(Reason::BadLength)?;
    let own = u16::from_be(load_u16::<{ offset_of!(UdpHdr, len) }, _>(udp)) as usize;
    if own < UDP_LEN || own > length {
        return Err(Reason::BadLength);
    }
    let opens = service.flags & QUIC != 0
        && own >= UDP_LEN + QUIC_START
        && quic_initial(packet, at + UDP_LEN);
    Ok(Kind {
        opens,
        transient: false,
    })
}

/// First byte and version of a QUIC long header.
const QUIC_START: usize = 5;

/// A QUIC Initial: long header, fixed bit, and the type that the version gives it (RFC 9000 section 17.2.2,
/// RFC 9369 section 3.2).
#[inline(always)]
fn quic_initial<P: Packet>(packet: &P, at: usize) -> bool {
    const VERSION_1: u32 = 1_u32.to_be();
    const VERSION_2: u32 = 0x6b33_43cf_u32.to_be();
    let Some(start) = packet.bytes::<QUIC_START>(at) else {
        return false;
    };
    match load_u32::<1, _>(start) {
        VERSION_1 => start[0] & 0xf0 == 0xc0,
        VERSION_2 => start[0] & 0xf0 == 0xd0,
        _ => false,
    }
}

#[cfg(test)]
mod tests;
