use proptest::prelude::*;

use super::header::Headers;
use super::plain::{IPV4_LEN, IPV6_LEN, Plain};
use super::*;
use crate::abi::flow::{Flow4, Flow6};
use crate::abi::service::{Vip4, Vip6};
use crate::family::{V4, V6};
use crate::packet::Frame;

const IP: usize = ETH_LEN;
/// Where TCP or UDP starts.
const L4: usize = ETH_LEN + IPV4_LEN;
const L6: usize = ETH_LEN + IPV6_LEN;

const PLAIN: Service = Service::new(0, 0);
const SPEAKS_QUIC: Service = Service::new(0, QUIC);

/// From 198.51.100.7:40000 to 192.0.2.1:80, `transport` behind the ports.
fn v4(protocol: u8, transport: &[u8]) -> Vec<u8> {
    let mut frame = vec![0; 12];
    frame.extend([0x08, 0x00, 0x45, 0]);
    frame.extend((24 + transport.len() as u16).to_be_bytes());
    frame.extend([0, 0, 0x40, 0, 64, protocol, 0, 0]);
    frame.extend([198, 51, 100, 7, 192, 0, 2, 1]);
    frame.extend([0x9c, 0x40, 0, 80]);
    frame.extend(transport);
    frame
}

/// From 2001:db8::7 port 40000 to 2001:db8::1 port 80.
fn v6(protocol: u8, transport: &[u8]) -> Vec<u8> {
    let mut frame = vec![0; 12];
    frame.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
    frame.extend((4 + transport.len() as u16).to_be_bytes());
    frame.extend([protocol, 64]);
    for last in [7, 1] {
        frame.extend([
            0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last,
        ]);
    }
    frame.extend([0x9c, 0x40, 0, 80]);
    frame.extend(transport);
    frame
}

/// TCP behind the ports, with 4 bytes of payload.
fn tcp_with(flags: u8) -> [u8; 20] {
    let mut header = [0; 20];
    header[8] = 0x50;
    header[9] = flags;
    header
}

/// UDP behind the ports.
fn udp_with(payload: &[u8]) -> Vec<u8> {
    let mut header = (8 + payload.len() as u16).to_be_bytes().to_vec();
    header.extend([0, 0]);
    header.extend(payload);
    header
}

/// The frame with other bytes at an offset.
fn with(mut frame: Vec<u8>, at: usize, bytes: &[u8]) -> Vec<u8> {
    frame[at..at + bytes.len()].copy_from_slice(bytes);
    frame
}

fn cut(mut frame: Vec<u8>, length: usize) -> Vec<u8> {
    frame.truncate(length);
    frame
}

/// All of the parser, as the general way goes through it; what the short way knows it must see the same.
fn parse(frame: Vec<u8>, service: Service) -> Result<Kind, Reason> {
    let packet = Frame {
        bytes: frame,
        ingress_ifindex: 1,
    };
    match header::network(&packet)? {
        (Network::V4, at) => of_family::<V4>(&packet, at, service),
        (Network::V6, at) => of_family::<V6>(&packet, at, service),
    }
}

fn of_family<F: Headers + Plain>(
    packet: &Frame,
    at: usize,
    service: Service,
) -> Result<Kind, Reason> {
    let mut header = F::header(packet, at)?;
    header.read_ports(packet)?;
    let place = header.place;
    if let Some(flow) = F::plain_flow(packet).filter(|_| at == ETH_LEN) {
        let length = F::plain_length(packet);
        let transport = ETH_LEN + F::HEADER;
        assert_eq!((flow, length), (header.flow, Some(place.length)));
        assert_eq!(transport, place.transport);
        assert!(!header.part.is_first() && !header.part.is_later());
    }
    if place.protocol != TCP && place.protocol != UDP {
        return Err(Reason::OtherProtocol);
    }
    if F::is_bad_source(F::client_of(&header.flow)) {
        return Err(Reason::BadSource);
    }
    let (at, length, more) = (place.transport, header.payload(), header.part.more);
    kind(packet, at, length, place.protocol, service, more)
}

#[test]
fn whatever_is_not_for_us_says_why() {
    let tcp4 = || v4(TCP, &tcp_with(ACK));
    let tcp6 = || v6(TCP, &tcp_with(ACK));
    for (name, frame, reason) in [
        ("no frame", vec![], Reason::Truncated),
        ("half an Ethernet header", vec![0; 13], Reason::Truncated),
        ("ARP", with(vec![0; 60], 12, &[0x08, 0x06]), Reason::NotIp),
        ("an 802.3 length", with(tcp4(), 12, &[0, 46]), Reason::NotIp),
        (
            "half an IPv4 header",
            cut(tcp4(), L4 - 1),
            Reason::Truncated,
        ),
        (
            "half an IPv6 header",
            cut(tcp6(), L6 - 1),
            Reason::Truncated,
        ),
        ("IPv4 without ports", cut(tcp4(), L4 + 3), Reason::Truncated),
        ("IPv6 without ports", cut(tcp6(), L6 + 3), Reason::Truncated),
        (
            "IPv6 under IPv4's EtherType",
            with(tcp4(), IP, &[0x65]),
            Reason::BadIpHeader,
        ),
        (
            "IPv4 under IPv6's EtherType",
            with(tcp6(), IP, &[0x45]),
            Reason::BadIpHeader,
        ),
        (
            "an IPv4 header of 16 bytes",
            with(tcp4(), IP, &[0x44]),
            Reason::BadIpHeader,
        ),
        ("ICMP", v4(1, &[0; 20]), Reason::OtherProtocol),
        ("ICMPv6", v6(58, &[0; 20]), Reason::OtherProtocol),
        ("SCTP", v4(132, &[0; 20]), Reason::OtherProtocol),
    ] {
        assert_eq!(parse(frame, PLAIN), Err(reason), "{name}");
    }
}

#[test]
fn sources_that_nobody_can_answer_are_refused() {
    for source in [
        [0, 0, 0, 0],
        [0, 1, 2, 3],
        [127, 0, 0, 1],
        [224, 0, 0, 1],
        [239, 255, 255, 255],
        [255, 255, 255, 255],
    ] {
        let frame = with(v4(TCP, &tcp_with(SYN)), IP + 12, &source);
        assert_eq!(parse(frame, PLAIN), Err(Reason::BadSource), "{source:?}");
    }
    let good = [
        [1, 0, 0, 0],
        [126, 0, 0, 1],
        [223, 255, 255, 255],
        [255, 0, 0, 255],
    ];
    for source in good {
        let frame = with(v4(TCP, &tcp_with(SYN)), IP + 12, &source);
        assert!(parse(frame, PLAIN).is_ok(), "{source:?}");
    }
    let multicast = [0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    for source in [0_u128.to_be_bytes(), 1_u128.to_be_bytes(), multicast] {
        let frame = with(v6(TCP, &tcp_with(SYN)), IP + 8, &source);
        assert_eq!(parse(frame, PLAIN), Err(Reason::BadSource), "{source:?}");
    }
    for source in [2_u128, 1 << 64, 0xfe80 << 112 | 1] {
        let frame = with(v6(TCP, &tcp_with(SYN)), IP + 8, &source.to_be_bytes());
        assert!(parse(frame, PLAIN).is_ok(), "{source:x}");
    }
}

#[test]
fn lengths_that_contradict_each_other_are_refused() {
    let tcp4 = || v4(TCP, &tcp_with(ACK));
    let tcp6 = || v6(TCP, &tcp_with(ACK));
    let udp4 = || v4(UDP, &udp_with(&[0; 4]));
    for (name, frame) in [
        ("IPv4 longer than the frame", with(tcp4(), IP + 2, &[0, 45])),
        (
            "IPv4 shorter than its header",
            with(tcp4(), IP + 2, &[0, 19]),
        ),
        ("IPv4 of no length", with(tcp4(), IP + 2, &[0, 0])),
        (
            "IPv4 that ends inside TCP's header",
            with(tcp4(), IP + 2, &[0, 39]),
        ),
        ("IPv6 longer than the frame", with(tcp6(), IP + 4, &[0, 25])),
        (
            "IPv6 that ends inside TCP's header",
            with(tcp6(), IP + 4, &[0, 19]),
        ),
        ("a jumbogram", with(tcp6(), IP + 4, &[0, 0])),
        ("a frame that ends inside TCP's header", {
            with(cut(tcp4(), L4 + 19), IP + 2, &[0, 39])
        }),
        (
            "TCP options beyond the packet",
            with(tcp4(), L4 + 12, &[0x70]),
        ),
        ("a frame that ends inside UDP's header", {
            with(cut(udp4(), L4 + 7), IP + 2, &[0, 27])
        }),
        ("UDP shorter than its header", with(udp4(), L4 + 4, &[0, 7])),
        ("UDP of no length", with(udp4(), L4 + 4, &[0, 0])),
        ("UDP longer than IP", with(udp4(), L4 + 4, &[0, 13])),
    ] {
        assert_eq!(parse(frame, PLAIN), Err(Reason::BadLength), "{name}");
    }
}

#[test]
fn ethernet_may_pad_a_short_packet() {
    let mut padded = v4(TCP, &tcp_with(ACK));
    padded.resize(64, 0xaa);
    assert!(parse(padded, PLAIN).is_ok());
    let mut padded = v4(UDP, &udp_with(&[]));
    padded.resize(60, 0xaa);
    assert!(parse(padded, PLAIN).is_ok());
}

#[test]
fn impossible_tcp_headers_are_refused() {
    for (name, offset, flags) in [
        ("a header of 16 bytes", 0x40, ACK),
        ("a header of no length", 0x00, ACK),
        ("SYN and FIN", 0x50, SYN | FIN),
        ("SYN and RST", 0x50, SYN | RST),
        ("all flags", 0x50, 0xff),
    ] {
        let frame = with(v4(TCP, &tcp_with(flags)), L4 + 12, &[offset]);
        assert_eq!(parse(frame, PLAIN), Err(Reason::BadTcpHeader), "{name}");
    }
}

#[test]
fn tcp_flags_tell_what_becomes_of_the_flow() {
    const PSH: u8 = 0x08;
    const ECE_CWR: u8 = 0xc0;
    for (flags, opens, transient) in [
        (SYN, true, false),
        (SYN | ECE_CWR, true, false),
        (SYN | ACK, false, false),
        (ACK, false, false),
        (ACK | PSH, false, false),
        (ACK | FIN, false, false),
        (0, false, false),
        (RST, false, true),
        (RST | ACK, false, true),
        (RST | FIN | ACK, false, true),
    ] {
        let kind = Ok(Kind { opens, transient });
        assert_eq!(parse(v4(TCP, &tcp_with(flags)), PLAIN), kind, "{flags:#x}");
        assert_eq!(
            parse(v6(TCP, &tcp_with(flags)), SPEAKS_QUIC),
            kind,
            "{flags:#x}"
        );
    }
}

#[test]
fn only_a_quic_initial_opens_a_udp_flow_and_only_where_quic_is_spoken() {
    let start = |first, version: u32| {
        let mut payload = vec![first];
        payload.extend(version.to_be_bytes());
        udp_with(&payload)
    };
    for (name, udp, opens) in [
        ("version 1, Initial", start(0xc3, 1), true),
        ("version 1, 0-RTT", start(0xd3, 1), false),
        ("version 1, Handshake", start(0xe3, 1), false),
        ("version 1, Retry", start(0xf3, 1), false),
        ("version 1, without fixed bit", start(0x83, 1), false),
        ("version 2, Initial", start(0xd3, 0x6b33_43cf), true),
        ("version 2, Retry", start(0xc3, 0x6b33_43cf), false),
        ("version negotiation", start(0xc3, 0), false),
        ("unknown version", start(0xc3, 0xff00_001d), false),
        ("short header", start(0x43, 1), false),
        ("4 bytes", udp_with(&[0xc3, 0, 0, 0]), false),
        ("nothing", udp_with(&[]), false),
    ] {
        let kind = |opens| {
            Ok(Kind {
                opens,
                transient: false,
            })
        };
        assert_eq!(parse(v4(UDP, &udp), SPEAKS_QUIC), kind(opens), "{name}");
        assert_eq!(
            parse(v6(UDP, &udp), SPEAKS_QUIC),
            kind(opens),
            "{name}, IPv6"
        );
        assert_eq!(parse(v4(UDP, &udp), PLAIN), kind(false), "{name}, plain");
    }
}

#[test]
fn flows_are_keyed_as_they_stand_in_the_packet() {
    let frame = v4(UDP, &udp_with(&[]));
    let packet = Frame {
        bytes: frame,
        ingress_ifindex: 1,
    };
    let wanted = Flow4 {
        client: [198, 51, 100, 7],
        vip: Vip4 {
            address: [192, 0, 2, 1],
            port: [0, 80],
            protocol: UDP,
            reserved: 0,
        },
        client_port: [0x9c, 0x40],
        reserved: [0; 2],
    };
    assert_eq!(V4::plain_flow(&packet), Some(wanted));
    let frame = v6(TCP, &tcp_with(SYN));
    let packet = Frame {
        bytes: frame,
        ingress_ifindex: 1,
    };
    let address = |last: u128| (0x2001_0db8_u128 << 96 | last).to_be_bytes();
    let wanted = Flow6 {
        client: address(7),
        vip: Vip6 {
            address: address(1),
            port: [0, 80],
            protocol: TCP,
            reserved: 0,
        },
        client_port: [0x9c, 0x40],
        reserved: [0; 2],
    };
    assert_eq!(V6::plain_flow(&packet), Some(wanted));
}

proptest! {
    #[test]
    fn no_noise_is_taken_for_a_packet_without_its_headers(frame: Vec<u8>, quic: bool) {
        let length = frame.len();
        if parse(frame, if quic { SPEAKS_QUIC } else { PLAIN }).is_ok() {
            prop_assert!(length >= L4 + UDP_LEN);
        }
    }

    #[test]
    fn nor_is_a_frame_that_is_nearly_right(
        six: bool,
        udp: bool,
        at in 12_usize..80,
        byte: u8,
        length in 0_usize..90,
    ) {
        let transport = if udp { udp_with(&[0xc0; 12]) } else { tcp_with(ACK).to_vec() };
        let protocol = if udp { UDP } else { TCP };
        let mut frame: Vec<u8> = if six { v6(protocol, &transport) } else { v4(protocol, &transport) };
        if let Some(hit) = frame.get_mut(at) {
            *hit = byte;
        }
        frame.truncate(length);
        if parse(frame, SPEAKS_QUIC).is_ok() {
            prop_assert!(length >= L4 + UDP_LEN);
        }
    }
}
