//! QUIC packets whose connection id names their server go there, wherever they come from (see [`crate::abi::quic`]).

use core::mem::offset_of;

use network_types::udp::UdpHdr;

use super::job::Job;
use crate::abi::backend::{Index, NOBODY};
use crate::abi::quic::{SERVER_ID_MAX, ServerId, config_id, server_id_len};
use crate::family::Family;
use crate::maps::Maps;
use crate::packet::Packet;
use crate::parse::{UDP, UDP_LEN};
use crate::word::{load_u16, load_u32};

const LONG_HEADER: u8 = 0x80;
/// First byte, version and length of the destination connection id (RFC 8999 section 5.1).
const LONG_START: usize = 6;

/// The backend that the destination connection id names; [`NOBODY`] if it names none.
#[inline(always)]
pub(super) fn route<P, M, F>(packet: &P, maps: &M, job: &Job<F>) -> Index
where
    P: Packet,
    M: Maps,
    F: Family,
{
    if job.service.quic_lb == 0 || job.note.is_some() || job.header.place.protocol != UDP {
        return NOBODY;
    }
    named(packet, maps, job).unwrap_or(NOBODY)
}

#[inline(always)]
fn named<P, M, F>(packet: &P, maps: &M, job: &Job<F>) -> Option<Index>
where
    P: Packet,
    M: Maps,
    F: Family,
{
    let udp_at = job.header.place.transport;
    let udp = packet.bytes::<UDP_LEN>(udp_at)?;
    let end = udp_at + u16::from_be(load_u16::<{ offset_of!(UdpHdr, len) }, _>(udp)) as usize;
    let id_at = id(
        packet,
        udp_at + UDP_LEN,
        end,
        server_id_len(job.service.quic_lb),
    )?;
    let first = packet.bytes::<1>(id_at)?[0];
    if first >> 5 != config_id(job.service.quic_lb) {
        return None;
    }
    let mut server = ServerId {
        service: job.service.id,
        octets: [0; SERVER_ID_MAX],
    };
    for (octet, at) in server.octets.iter_mut().zip(0..) {
        if at < server_id_len(job.service.quic_lb) {
            *octet = packet.bytes::<1>(id_at + 1 + at)?[0];
        }
    }
    maps.quic_backend(&server)
}

/// Where the destination connection id is, if it is long enough and chosen by a server.
#[inline(always)]
fn id<P: Packet>(packet: &P, at: usize, end: usize, server_id_len: usize) -> Option<usize> {
    let first = packet.bytes::<1>(at)?[0];
    let needed = 1 + server_id_len;
    let id_at = if first & LONG_HEADER == 0 {
        at + 1
    } else {
        let start = packet.bytes::<LONG_START>(at)?;
        let is_long_enough = start[5] as usize >= needed;
        if !is_long_enough || !is_of_a_server(first, load_u32::<1, _>(start)) {
            return None;
        }
        at + LONG_START
    };
    (id_at + needed <= end).then_some(id_at)
}

/// Until a client has heard of its server, in Initial and 0-RTT packets, the id is one of its own making (RFC 9000
/// section 7.2); which packets these are in a version that we do not know cannot be told.
#[inline(always)]
fn is_of_a_server(first: u8, version: u32) -> bool {
    const VERSION_1: u32 = 1_u32.to_be();
    const VERSION_2: u32 = 0x6b33_43cf_u32.to_be();
    let kind = (first >> 4) & 3;
    match version {
        // Handshake and Retry (RFC 9000 section 17.2).
        VERSION_1 => kind >= 2,
        // RFC 9369 section 3.2.
        VERSION_2 => kind == 3 || kind == 0,
        _ => false,
    }
}
