//! From a frame to the flow that it belongs to, in two steps: what the service lookup needs, then, for packets to a
//! VIP only, what the rest needs.
//!
//! Here is what both ways of the pipeline need; [`plain`] is for the frames that the short way knows, [`header`] for
//! all others.

pub mod header;
pub mod plain;

use core::mem::offset_of;

use network_types::eth::EthHdr;
use network_types::tcp::TcpHdr;
use network_types::udp::UdpHdr;

use crate::abi::counters::Reason;
use crate::abi::service::{QUIC, Service};
use crate::packet::Packet;
use crate::word::{load_u16, load_u32};

/// TCP's protocol number.
pub const TCP: u8 = 6;
/// UDP's protocol number.
pub const UDP: u8 = 17;

/// EtherTypes, as a native load of the packet's bytes yields them.
pub(crate) const IPV4: u16 = 0x0800_u16.to_be();
pub(crate) const IPV6: u16 = 0x86dd_u16.to_be();
pub(crate) const VLAN: u16 = 0x8100_u16.to_be();
pub(crate) const QINQ: u16 = 0x88a8_u16.to_be();

/// Length of an Ethernet header without tags, in bytes.
pub const ETH_LEN: usize = size_of::<EthHdr>();
const TCP_LEN: usize = size_of::<TcpHdr>();
/// Length of UDP's header, in bytes.
pub const UDP_LEN: usize = size_of::<UdpHdr>();
const _: () = assert!(ETH_LEN == 14 && TCP_LEN == 20 && UDP_LEN == 8);

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
    /// An authentication header is in front of that, which covers the addresses (RFC 4302 section 3.3.3.1).
    pub sealed: bool,
}

/// What a packet does to the flow that it belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Kind {
    /// It opens the flow: TCP SYN without ACK, QUIC Initial.
    pub opens: bool,
    /// It follows what is remembered but is never remembered itself: TCP RST.
    pub transient: bool,
}

/// Checks TCP's or UDP's header of a packet to a VIP and tells what the packet does to its flow.
///
/// `length` is that of the header and its payload as IP tells it; a huge one if IP's length was too small. In a first
/// fragment (`more`) it is the header and what there is of the payload.
///
/// # Errors
/// Why the packet must be dropped.
#[inline(always)]
pub fn kind<P: Packet>(
    packet: &P,
    at: usize,
    length: usize,
    protocol: u8,
    service: Service,
    more: bool,
) -> Result<Kind, Reason> {
    // Ethernet pads short frames, so the frame may be longer than the packet.
    if length > packet.len().wrapping_sub(at) {
        return Err(Reason::BadLength);
    }
    if protocol == TCP {
        tcp(packet, at, length)
    } else {
        udp(packet, at, length, service, more)
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
fn udp<P: Packet>(
    packet: &P,
    at: usize,
    length: usize,
    service: Service,
    more: bool,
) -> Result<Kind, Reason> {
    let udp = packet.bytes::<UDP_LEN>(at).ok_or(Reason::BadLength)?;
    let own = u16::from_be(load_u16::<{ offset_of!(UdpHdr, len) }, _>(udp)) as usize;
    if length < UDP_LEN || own < UDP_LEN || (own > length && !more) {
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
