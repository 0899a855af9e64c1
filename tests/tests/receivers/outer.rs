//! Headers around a packet, made by hand: they show that the receivers work before the balancer's are put to them.

use std::net::IpAddr;

use etherparse::{IpNumber, Ipv4Header, Ipv6Header, UdpHeader};
use tests::fixtures::frame::{FrameBuilder, IP};

use crate::form::{Family, Form, Shim};
use crate::host::{MACS, ends};

const GUE_PORT: u16 = 6080;
const SOURCE_PORT: u16 = 50_000;
const TTL: u8 = 64;

/// The frame that carries a packet through the form.
pub(crate) fn put(form: &Form, packet: &FrameBuilder) -> Vec<u8> {
    let frame = packet.build();
    let packet = &frame[IP..];
    let (from, to) = ends(form.outer);
    let (protocol, ether_type) = match form.inner {
        Family::V4 => (IpNumber::IPV4, 0x0800_u16),
        Family::V6 => (IpNumber::IPV6, 0x86dd),
    };
    let (outer_protocol, content) = match form.shim {
        Shim::Dsr | Shim::Nat | Shim::FullNat => return [&MACS, &frame[MACS.len()..]].concat(),
        Shim::Ip => (protocol, packet.to_vec()),
        Shim::Gre => {
            let header = [0_u16, ether_type].map(u16::to_be_bytes).concat();
            (IpNumber::GRE, [&header, packet].concat())
        }
        Shim::Gue => {
            let gue = [&[0, protocol.0, 0, 0], packet].concat();
            (IpNumber::UDP, in_udp(from, to, &gue))
        }
    };
    let mut frame = MACS.to_vec();
    frame.extend(match form.outer {
        Family::V4 => 0x0800_u16.to_be_bytes(),
        Family::V6 => 0x86dd_u16.to_be_bytes(),
    });
    frame.extend(ip(from, to, outer_protocol, content.len()));
    frame.extend(content);
    frame
}

/// Without a checksum over IPv4, where it may be left out.
fn in_udp(from: IpAddr, to: IpAddr, content: &[u8]) -> Vec<u8> {
    let header = match (from, to) {
        (IpAddr::V6(from), IpAddr::V6(to)) => UdpHeader::with_ipv6_checksum(
            SOURCE_PORT,
            GUE_PORT,
            &Ipv6Header {
                source: from.octets(),
                destination: to.octets(),
                ..Ipv6Header::default()
            },
            content,
        ),
        _ => UdpHeader::without_ipv4_checksum(SOURCE_PORT, GUE_PORT, content.len()),
    };
    let header = header.expect("a short packet");
    [&header.to_bytes(), content].concat()
}

fn ip(from: IpAddr, to: IpAddr, protocol: IpNumber, content: usize) -> Vec<u8> {
    let length = u16::try_from(content).expect("a short packet");
    match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            let mut header = Ipv4Header::new(length, TTL, protocol, from.octets(), to.octets())
                .expect("a short packet");
            header.header_checksum = header.calc_header_checksum();
            header.to_bytes().to_vec()
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => Ipv6Header {
            payload_length: length,
            next_header: protocol,
            hop_limit: TTL,
            source: from.octets(),
            destination: to.octets(),
            ..Ipv6Header::default()
        }
        .to_bytes()
        .to_vec(),
        _ => unreachable!("a tunnel's ends are of one family"),
    }
}
