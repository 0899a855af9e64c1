//! The TCP segment in a packet.

use std::net::SocketAddr;

use etherparse::{EtherType, LaxNetSlice, LaxSlicedPacket, TransportSlice};
use pcap_file::DataLink;

/// Header of `LINUX_SLL`; the protocol stands in its last two bytes.
const SLL_LEN: usize = 16;
/// Header of `LINUX_SLL2`; the protocol stands in its first two bytes.
const SLL2_LEN: usize = 20;
/// Header of `NULL` and `LOOP`: an address family, which the IP version tells as well.
const NULL_LEN: usize = 4;

/// What is in a packet.
#[derive(Debug)]
pub(super) enum Seen<'a> {
    Segment(Segment<'a>),
    /// A part of an IP packet: not put together here.
    Fragment,
    /// No TCP.
    Other,
}

/// A TCP segment.
#[derive(Debug)]
pub(super) struct Segment<'a> {
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
    pub(super) sequence: u32,
    pub(super) syn: bool,
    pub(super) fin: bool,
    pub(super) rst: bool,
    pub(super) payload: &'a [u8],
    /// Bytes of the payload that were not captured.
    pub(super) missing: usize,
}

/// Finds it.
///
/// # Errors
/// The link type, if it is not one that can be read.
pub(super) fn segment(link: DataLink, data: &[u8]) -> Result<Seen<'_>, DataLink> {
    let sliced = match link {
        DataLink::ETHERNET => LaxSlicedPacket::from_ethernet(data).ok(),
        DataLink::RAW | DataLink::IPV4 | DataLink::IPV6 => LaxSlicedPacket::from_ip(data).ok(),
        DataLink::NULL | DataLink::LOOP => data
            .get(NULL_LEN..)
            .and_then(|data| LaxSlicedPacket::from_ip(data).ok()),
        DataLink::LINUX_SLL => by_protocol(data, SLL_LEN - 2, SLL_LEN),
        DataLink::LINUX_SLL2 => by_protocol(data, 0, SLL2_LEN),
        _ => return Err(link),
    };
    Ok(sliced.map_or(Seen::Other, |sliced| tcp(&sliced)))
}

fn by_protocol(data: &[u8], at: usize, header: usize) -> Option<LaxSlicedPacket<'_>> {
    let protocol = data.get(at..)?.first_chunk()?;
    let protocol = EtherType(u16::from_be_bytes(*protocol));
    Some(LaxSlicedPacket::from_ether_type(
        protocol,
        data.get(header..)?,
    ))
}

fn tcp<'a>(sliced: &LaxSlicedPacket<'a>) -> Seen<'a> {
    // What the IP header says that TCP header and payload take, if the capture has less.
    let (source, destination, told, payload) = match &sliced.net {
        Some(LaxNetSlice::Ipv4(ip)) => {
            let header = ip.header();
            let told = usize::from(header.total_len()).saturating_sub(header.slice().len());
            (
                header.source_addr().into(),
                header.destination_addr().into(),
                told,
                ip.payload(),
            )
        }
        Some(LaxNetSlice::Ipv6(ip)) => {
            let header = ip.header();
            let told =
                usize::from(header.payload_length()).saturating_sub(ip.extensions().slice().len());
            (
                header.source_addr().into(),
                header.destination_addr().into(),
                told,
                ip.payload(),
            )
        }
        Some(LaxNetSlice::Arp(_)) | None => return Seen::Other,
    };
    if payload.fragmented {
        return Seen::Fragment;
    }
    let Some(TransportSlice::Tcp(tcp)) = &sliced.transport else {
        return Seen::Other;
    };
    let missing = match payload.incomplete {
        true => told.saturating_sub(tcp.slice().len()),
        false => 0,
    };
    Seen::Segment(Segment {
        from: SocketAddr::new(source, tcp.source_port()),
        to: SocketAddr::new(destination, tcp.destination_port()),
        sequence: tcp.sequence_number(),
        syn: tcp.syn(),
        fin: tcp.fin(),
        rst: tcp.rst(),
        payload: tcp.payload(),
        missing,
    })
}
