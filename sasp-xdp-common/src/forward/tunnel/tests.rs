use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use etherparse::{IpNumber, NetSlice, SlicedPacket, UdpSlice};
use proptest::prelude::*;

use super::*;
use crate::abi::backend::{MODE_DSR, MODE_GRE, MODE_GUE, MODE_IPIP};
use crate::forward::frames::{Carries, Sent, sent};
use crate::forward::{self, template};
use crate::packet::Frame;
use crate::parse::Network;

const MACS: [u8; 12] = [2, 0, 0, 0, 0, 0x51, 2, 0, 0, 0, 0, 0xb2];
const MODES: [u8; 3] = [MODE_IPIP, MODE_GRE, MODE_GUE];

fn ends(outside: Network) -> [IpAddr; 2] {
    match outside {
        Network::V4 => [[10, 0, 0, 1], [10, 0, 0, 9]].map(|ip| Ipv4Addr::from(ip).into()),
        Network::V6 => [1, 9].map(|ip| Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0xffff, ip).into()),
    }
}

fn backend(mode: u8, outside: Network) -> Backend {
    let [source, destination] = ends(outside);
    let (outer, outer_len) = template::outer(mode, source, destination).unwrap();
    Backend {
        mode,
        macs: MACS,
        outer,
        outer_len,
        ..Backend::default()
    }
}

fn forwarded(sent: &Sent, backend: &Backend, hash: u32) -> Frame {
    let mut frame = sent.frame();
    assert_eq!(
        forward::send(&mut frame, sent.place(), backend, hash),
        Ok(())
    );
    frame
}

/// Checks the outer IP header and gives back its protocol and payload.
fn opened<'a>(sent: &Sent, outside: Network, net: &NetSlice<'a>) -> (IpNumber, &'a [u8]) {
    let [source, destination] = ends(outside);
    match (outside, net) {
        (Network::V4, NetSlice::Ipv4(ip)) => {
            let header = ip.header().to_header();
            assert_eq!(header.header_checksum, header.calc_header_checksum());
            assert_eq!((header.dscp.value() << 2) | header.ecn.value(), sent.tos);
            assert_eq!(header.time_to_live, 64);
            assert!(!header.more_fragments && header.options.is_empty());
            assert_eq!(header.fragment_offset.value(), 0);
            let offset = if sent.carries == Carries::Fragment {
                185
            } else {
                0
            };
            let copied = match sent.network {
                Network::V4 => (sent.dont_fragment, sent.identification ^ offset),
                Network::V6 => (true, 0),
            };
            assert_eq!((header.dont_fragment, header.identification), copied);
            assert_eq!(IpAddr::from(header.source), source);
            assert_eq!(IpAddr::from(header.destination), destination);
            (header.protocol, ip.payload().payload)
        }
        (Network::V6, NetSlice::Ipv6(ip)) => {
            let header = ip.header().to_header();
            assert_eq!(header.traffic_class, sent.tos);
            assert_eq!(header.hop_limit, 64);
            assert_eq!(IpAddr::from(header.source), source);
            assert_eq!(IpAddr::from(header.destination), destination);
            (header.next_header, ip.payload().payload)
        }
        _ => panic!("the other family is outside"),
    }
}

/// Checks a GUE datagram and gives back the number of what is inside, and it.
fn gue_opened<'a>(payload: &'a [u8], net: &NetSlice) -> (u8, &'a [u8]) {
    let udp = UdpSlice::from_slice(payload).unwrap();
    assert_eq!(udp.destination_port(), 6080);
    assert!(udp.source_port() >= 0xc000);
    assert_eq!(usize::from(udp.length()), payload.len());
    let expected = match net {
        NetSlice::Ipv6(ip) => {
            let header = ip.header().to_header();
            udp.to_header()
                .calc_checksum_ipv6(&header, udp.payload())
                .unwrap()
        }
        _ => 0,
    };
    assert_eq!(udp.checksum(), expected);
    let (gue, inside) = udp.payload().split_first_chunk::<4>().unwrap();
    assert_eq!([gue[0], gue[2], gue[3]], [0, 0, 0]);
    (gue[1], inside)
}

proptest! {
    #[test]
    fn every_packet_arrives_as_it_came_behind_headers_that_are_right(
        sent in sent(),
        mode in prop_oneof![Just(MODE_IPIP), Just(MODE_GRE), Just(MODE_GUE)],
        outside in prop_oneof![Just(Network::V4), Just(Network::V6)],
        hash in any::<u32>(),
    ) {
        let frame = forwarded(&sent, &backend(mode, outside), hash);
        prop_assert_eq!(&frame.bytes[..12], &MACS);
        let sliced = SlicedPacket::from_ethernet(&frame.bytes).unwrap();
        prop_assert_eq!(sliced.link_exts.len(), sent.tags.len());
        prop_assert_eq!(&frame.bytes[12..][..4 * sent.tags.len()], sent.tags.concat());

        let net = sliced.net.unwrap();
        let (protocol, payload) = opened(&sent, outside, &net);
        let (number, ethertype) = match sent.network {
            Network::V4 => (4, [0x08, 0x00]),
            Network::V6 => (41, [0x86, 0xdd]),
        };
        let inside = match mode {
            MODE_IPIP => {
                prop_assert_eq!(protocol, IpNumber(number));
                payload
            }
            MODE_GRE => {
                prop_assert_eq!(protocol, IpNumber(47));
                let (gre, inside) = payload.split_first_chunk::<4>().unwrap();
                prop_assert_eq!(gre, &[0, 0, ethertype[0], ethertype[1]]);
                inside
            }
            _ => {
                prop_assert_eq!(protocol, IpNumber::UDP);
                let (inner_number, inside) = gue_opened(payload, &net);
                prop_assert_eq!(inner_number, number);
                inside
            }
        };
        prop_assert_eq!(inside, sent.packet());
        prop_assert!(frame.bytes.ends_with(&vec![0xaa; sent.padding]));
    }

    #[test]
    fn dsr_changes_the_macs_only(sent in sent()) {
        let backend = Backend { mode: MODE_DSR, macs: MACS, ..Backend::default() };
        let frame = forwarded(&sent, &backend, 0);
        prop_assert_eq!(&frame.bytes[..12], &MACS);
        prop_assert_eq!(&frame.bytes[12..], &sent.frame().bytes[12..]);
    }
}

/// A frame whose driver left no room in front of it.
struct Cramped(Frame);

impl Packet for Cramped {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn ingress_ifindex(&self) -> u32 {
        self.0.ingress_ifindex
    }

    fn bytes<const N: usize>(&self, at: usize) -> Option<&[u8; N]> {
        self.0.bytes(at)
    }

    fn bytes_mut<const N: usize>(&mut self, at: usize) -> Option<&mut [u8; N]> {
        self.0.bytes_mut(at)
    }

    fn grow_head(&mut self, _: usize) -> bool {
        false
    }

    fn cut_tail(&mut self, len: usize) -> bool {
        self.0.cut_tail(len)
    }

    fn sum(&self, at: usize, len: usize) -> Option<u16> {
        self.0.sum(at, len)
    }
}

#[test]
fn a_frame_without_room_is_refused_and_unchanged() {
    for mode in MODES {
        for outside in [Network::V4, Network::V6] {
            let sent = Sent::new(Network::V4, Carries::Tcp);
            let mut frame = Cramped(sent.frame());
            let refused = forward::send(&mut frame, sent.place(), &backend(mode, outside), 0);
            assert_eq!(refused, Err(Reason::CannotForward));
            assert_eq!(frame.0.bytes, sent.frame().bytes);
        }
    }
}

#[test]
fn a_packet_that_no_length_field_can_tell_is_refused() {
    let mut sent = Sent::new(Network::V4, Carries::Other);
    sent.payload = vec![0; 65_535 - 20];
    let mut frame = sent.frame();
    let refused = forward::send(
        &mut frame,
        sent.place(),
        &backend(MODE_IPIP, Network::V4),
        0,
    );
    assert_eq!(refused, Err(Reason::CannotForward));
    assert_eq!(frame.bytes, sent.frame().bytes);
}

#[test]
fn a_mode_that_is_no_tunnel_is_refused() {
    let sent = Sent::new(Network::V4, Carries::Tcp);
    let tunnel = backend(MODE_IPIP, Network::V4);
    let record = Backend {
        mode: crate::abi::backend::MODE_NAT,
        ..tunnel
    };
    let refused = forward::send(&mut sent.frame(), sent.place(), &record, 0);
    assert_eq!(refused, Err(Reason::CannotForward));
}

#[test]
fn a_wrong_checksum_inside_stays_wrong_and_makes_the_outer_one_wrong() {
    let sent = Sent::new(Network::V6, Carries::Tcp);
    let right = forwarded(&sent, &backend(MODE_GUE, Network::V6), 7).bytes;
    let mut frame = sent.frame();
    *frame.bytes.last_mut().unwrap() ^= 0x01;
    forward::send(&mut frame, sent.place(), &backend(MODE_GUE, Network::V6), 7).unwrap();
    let (last, rest) = frame.bytes.split_last().unwrap();
    assert_eq!(last ^ 0x01, *right.last().unwrap());
    assert_eq!(
        rest,
        &right[..right.len() - 1],
        "the outer checksum is the one without the error"
    );
}

#[test]
fn fragments_of_one_packet_never_share_an_outer_identification() {
    let mut outer = HashSet::new();
    for offset in 0..0x2000_u16 {
        let mut frame = Sent::new(Network::V4, Carries::Tcp).frame();
        frame.bytes[20..22].copy_from_slice(&offset.to_be_bytes());
        let place = Sent::new(Network::V4, Carries::Tcp).place();
        forward::send(&mut frame, place, &backend(MODE_IPIP, Network::V4), 0).unwrap();
        outer.insert([frame.bytes[18], frame.bytes[19]]);
    }
    assert_eq!(outer.len(), 0x2000);
}

/// Hashes as the flows of one backend have them: their lower bits pick the slot, so all of these are of one.
fn hashes_of_one_slot() -> impl Iterator<Item = u32> {
    (0..4096_u32).map(|flow| (flow.wrapping_mul(0x9e37_79b1) & 0xffff_0000) | 0x1234)
}

#[test]
fn flows_of_one_slot_spread_over_source_ports() {
    for outside in [Network::V4, Network::V6] {
        let sent = Sent::new(Network::V4, Carries::Tcp);
        let ports = hashes_of_one_slot().map(|hash| {
            let frame = forwarded(&sent, &backend(MODE_GUE, outside), hash);
            let udp = 14 + if outside == Network::V4 { 20 } else { 40 };
            [frame.bytes[udp], frame.bytes[udp + 1]]
        });
        let queues = spread(ports.map(u16::from_be_bytes).map(u32::from));
        assert!(
            queues.iter().all(|flows| (400..=624).contains(flows)),
            "{queues:?}"
        );
    }
}

#[test]
fn flows_of_one_slot_spread_over_flow_labels() {
    for mode in MODES {
        let sent = Sent::new(Network::V6, Carries::Tcp);
        let labels = hashes_of_one_slot().map(|hash| {
            let frame = forwarded(&sent, &backend(mode, Network::V6), hash);
            u32::from_be_bytes(*frame.bytes[14..].first_chunk().unwrap()) & 0xf_ffff
        });
        let queues = spread(labels.map(|label| label >> 4));
        assert!(
            queues.iter().all(|flows| (400..=624).contains(flows)),
            "{queues:?}"
        );
    }
}

#[test]
fn packets_of_one_flow_keep_their_source_port_and_flow_label() {
    let mut sent = Sent::new(Network::V6, Carries::Tcp);
    let backend = backend(MODE_GUE, Network::V6);
    let first = forwarded(&sent, &backend, 0xdead_beef).bytes;
    sent.payload = b"more".to_vec();
    let second = forwarded(&sent, &backend, 0xdead_beef).bytes;
    assert_eq!(first[14..18], second[14..18]);
    assert_eq!(first[54..56], second[54..56]);
}

/// How many of the values go to each of eight queues that take their lowest bits.
fn spread(values: impl Iterator<Item = u32>) -> [u32; 8] {
    let mut queues = [0; 8];
    for value in values {
        queues[value as usize % 8] += 1;
    }
    queues
}
