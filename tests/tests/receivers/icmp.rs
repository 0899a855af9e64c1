//! ICMP messages as hosts send them.

use std::net::IpAddr;

use etherparse::{Icmpv4Type, Icmpv6Type, PacketBuilder, icmpv4, icmpv6};
use tests::fixtures::frame::{IP, MACS};

const TTL: u8 = 64;

/// Port unreachable, about a frame's packet.
pub(crate) fn closed_port(from: IpAddr, to: IpAddr, about: &[u8]) -> Vec<u8> {
    let quoted = &about[IP..];
    let (v4, v6) = (
        Icmpv4Type::DestinationUnreachable(icmpv4::DestUnreachableHeader::Port),
        Icmpv6Type::DestinationUnreachable(icmpv6::DestUnreachableCode::Port),
    );
    message(from, to, v4, v6, quoted)
}

/// An echo request.
pub(crate) fn echo_request(from: IpAddr, to: IpAddr, id: u16, data: &[u8]) -> Vec<u8> {
    let header = etherparse::IcmpEchoHeader { id, seq: 1 };
    let (v4, v6) = (
        Icmpv4Type::EchoRequest(header),
        Icmpv6Type::EchoRequest(header),
    );
    message(from, to, v4, v6, data)
}

fn message(from: IpAddr, to: IpAddr, v4: Icmpv4Type, v6: Icmpv6Type, content: &[u8]) -> Vec<u8> {
    let [a, b, c, d, e, f, g, h, i, j, k, l] = MACS;
    let ethernet = PacketBuilder::ethernet2([g, h, i, j, k, l], [a, b, c, d, e, f]);
    let mut frame = Vec::new();
    let written = match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => ethernet
            .ipv4(from.octets(), to.octets(), TTL)
            .icmpv4(v4)
            .write(&mut frame, content),
        (IpAddr::V6(from), IpAddr::V6(to)) => ethernet
            .ipv6(from.octets(), to.octets(), TTL)
            .icmpv6(v6)
            .write(&mut frame, content),
        _ => unreachable!("both ends are of one family"),
    };
    written.expect("a short packet");
    frame
}
