//! Any frame: VLAN tags, IPv4 options, IPv6 extension headers and fragments. Every offset is a variable.
//!
//! What follows the IP header is not looked at here.

use core::mem::offset_of;

use network_types::eth::EthHdr;
use network_types::ip::{Ipv4Hdr, Ipv6Hdr};

use super::plain::{IPV4_LEN, IPV6_LEN, address6};
use super::{ETH_LEN, IPV4, IPV6, Network, Place, QINQ, TCP, UDP, VLAN};
use crate::abi::counters::Reason;
use crate::abi::limits::{EXTENSION_HEADERS, VLAN_TAGS};
use crate::family::{Family, V4, V6};
use crate::packet::Packet;
use crate::word::{load_u16, load_u32, load_u64};

/// Encapsulating security payload, behind which nobody can look.
pub const ESP: u8 = 50;
/// IPv6: nothing follows.
pub const NO_NEXT_HEADER: u8 = 59;

const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const AUTHENTICATION: u8 = 51;
const DESTINATION: u8 = 60;

/// An IP header, with all that belongs to it.
#[derive(Clone, Copy, Debug)]
pub struct Header<F: Family> {
    /// Where the packet lies; its length is not checked yet.
    pub place: Place,
    /// Which part of a packet it is.
    pub part: Part,
    /// From its source to its destination, without ports.
    pub flow: F::Flow,
}

/// Which part of a packet an IP packet is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Part {
    /// Where it belongs, in units of 8 bytes.
    pub offset: u16,
    /// Others come behind it.
    pub more: bool,
    /// What they have in common, network order; of IPv4 the last two bytes.
    pub identification: [u8; 4],
}

impl<F: Family> Header<F> {
    /// Takes source and destination port from the packet, if it has a protocol that has them.
    ///
    /// # Errors
    /// If the frame ends before.
    #[inline(always)]
    pub fn read_ports<P: Packet>(&mut self, packet: &P) -> Result<(), Reason> {
        let protocol = self.place.protocol;
        if protocol != TCP && protocol != UDP {
            return Ok(());
        }
        let ports = packet
            .bytes::<4>(self.place.transport)
            .ok_or(Reason::Truncated)?;
        let [client, port] = [load_u16::<0, _>(ports), load_u16::<2, _>(ports)];
        let destination = F::address_of(F::vip_of(&self.flow));
        let vip = F::vip(destination, port.to_ne_bytes(), protocol);
        self.flow = F::flow(F::client_of(&self.flow), client.to_ne_bytes(), &vip);
        Ok(())
    }

    /// Length of what follows the IP header in bytes, as it says itself; a huge one if that is too small.
    #[inline(always)]
    pub fn payload(&self) -> usize {
        let header = self.place.transport.wrapping_sub(self.place.at);
        self.place.length.wrapping_sub(header)
    }
}

impl Part {
    /// The first of several.
    #[inline(always)]
    pub const fn is_first(&self) -> bool {
        self.offset == 0 && self.more
    }

    /// Not the first of several.
    #[inline(always)]
    pub const fn is_later(&self) -> bool {
        self.offset != 0
    }
}

/// Which IP a frame carries, and where.
///
/// # Errors
/// Why the frame is not for us.
#[inline(always)]
pub fn network<P: Packet>(packet: &P) -> Result<(Network, usize), Reason> {
    const TYPE: usize = offset_of!(EthHdr, ether_type);
    const TAG: usize = 4;
    let ethernet = packet.bytes::<ETH_LEN>(0).ok_or(Reason::Truncated)?;
    let mut ether_type = load_u16::<TYPE, _>(ethernet);
    let mut at = ETH_LEN;
    for _ in 0..VLAN_TAGS {
        if ether_type != VLAN && ether_type != QINQ {
            break;
        }
        let tag = packet.bytes::<TAG>(at).ok_or(Reason::Truncated)?;
        ether_type = load_u16::<2, _>(tag);
        at += TAG;
    }
    match ether_type {
        IPV4 => Ok((Network::V4, at)),
        IPV6 => Ok((Network::V6, at)),
        VLAN | QINQ => Err(Reason::Vlan),
        _ => Err(Reason::NotIp),
    }
}

/// How a family's headers are read.
pub trait Headers: Family {
    /// The header at an offset.
    ///
    /// # Errors
    /// Why the packet is not for us.
    fn header<P: Packet>(packet: &P, at: usize) -> Result<Header<Self>, Reason>;
}

impl Headers for V4 {
    #[inline(always)]
    fn header<P: Packet>(packet: &P, at: usize) -> Result<Header<Self>, Reason> {
        let ip = packet.bytes::<IPV4_LEN>(at).ok_or(Reason::Truncated)?;
        let first = ip[offset_of!(Ipv4Hdr, vihl)];
        if !(0x45..=0x4f).contains(&first) {
            return Err(Reason::BadIpHeader);
        }
        let flags = u16::from_be(load_u16::<{ offset_of!(Ipv4Hdr, frags) }, _>(ip));
        let [high, low] = load_u16::<{ offset_of!(Ipv4Hdr, id) }, _>(ip).to_ne_bytes();
        let length = u16::from_be(load_u16::<{ offset_of!(Ipv4Hdr, tot_len) }, _>(ip));
        Ok(Header {
            place: Place {
                network: Network::V4,
                at,
                transport: at + (first & 0x0f) as usize * 4,
                length: length as usize,
                protocol: ip[offset_of!(Ipv4Hdr, proto)],
                sealed: ip[offset_of!(Ipv4Hdr, proto)] == AUTHENTICATION,
            },
            part: Part {
                // The reserved and don't-fragment bits do not matter.
                offset: flags & 0x1fff,
                more: flags & 0x2000 != 0,
                identification: [0, 0, high, low],
            },
            flow: Self::flow(
                &load_u32::<{ offset_of!(Ipv4Hdr, src_addr) }, _>(ip).to_ne_bytes(),
                [0; 2],
                &Self::vip(
                    &load_u32::<{ offset_of!(Ipv4Hdr, dst_addr) }, _>(ip).to_ne_bytes(),
                    [0; 2],
                    ip[offset_of!(Ipv4Hdr, proto)],
                ),
            ),
        })
    }
}

impl Headers for V6 {
    #[inline(always)]
    fn header<P: Packet>(packet: &P, at: usize) -> Result<Header<Self>, Reason> {
        const SRC: usize = offset_of!(Ipv6Hdr, src_addr);
        const DST: usize = offset_of!(Ipv6Hdr, dst_addr);
        let ip = packet.bytes::<IPV6_LEN>(at).ok_or(Reason::Truncated)?;
        if ip[0] >> 4 != 6 {
            return Err(Reason::BadIpHeader);
        }
        let payload = u16::from_be(load_u16::<{ offset_of!(Ipv6Hdr, payload_len) }, _>(ip));
        let source = address6(load_u64::<SRC, _>(ip), load_u64::<{ SRC + 8 }, _>(ip));
        let destination = address6(load_u64::<DST, _>(ip), load_u64::<{ DST + 8 }, _>(ip));
        let mut place = Place {
            network: Network::V6,
            at,
            transport: at + IPV6_LEN,
            length: payload as usize + IPV6_LEN,
            protocol: ip[offset_of!(Ipv6Hdr, next_hdr)],
            sealed: false,
        };
        let part = skip_extensions(packet, &mut place)?;
        let vip = Self::vip(&destination, [0; 2], place.protocol);
        Ok(Header {
            place,
            part,
            flow: Self::flow(&source, [0; 2], &vip),
        })
    }
}

/// Moves behind the extension headers (RFC 8200 section 4); a later fragment's content is none.
#[inline(always)]
fn skip_extensions<P: Packet>(packet: &P, place: &mut Place) -> Result<Part, Reason> {
    let mut part = Part::default();
    let mut fragments = 0;
    for _ in 0..=EXTENSION_HEADERS {
        let protocol = place.protocol;
        let known = matches!(
            protocol,
            HOP_BY_HOP | ROUTING | FRAGMENT | AUTHENTICATION | DESTINATION
        );
        if !known || part.is_later() {
            return Ok(part);
        }
        let header = packet
            .bytes::<8>(place.transport)
            .ok_or(Reason::Truncated)?;
        let units = header[1] as usize;
        place.protocol = header[0];
        place.transport += match protocol {
            FRAGMENT => {
                let field = u16::from_be(load_u16::<2, _>(header));
                part = Part {
                    offset: field >> 3,
                    more: field & 1 != 0,
                    identification: load_u32::<4, _>(header).to_ne_bytes(),
                };
                fragments += 1;
                8
            }
            AUTHENTICATION => {
                place.sealed = true;
                (units + 2) * 4
            }
            _ => (units + 1) * 8,
        };
        // A fragment of a fragment.
        if fragments > 1 {
            return Err(Reason::ExtensionHeaders);
        }
    }
    Err(Reason::ExtensionHeaders)
}

#[cfg(test)]
mod tests;
