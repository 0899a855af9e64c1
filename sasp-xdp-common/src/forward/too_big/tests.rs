use etherparse::icmpv4::DestUnreachableHeader;
use etherparse::{
    Icmpv4Slice, Icmpv4Type, Icmpv6Slice, Icmpv6Type, IpNumber, NetSlice, SlicedPacket,
};
use proptest::prelude::*;

use super::*;
use crate::forward::frames::{CLIENT_MAC, Carries, INGRESS, OUR_MAC, Sent, sent};
use crate::maps::host::HostMaps;
use crate::packet::Frame;

fn maps() -> HostMaps {
    let mut maps = HostMaps::new(0);
    maps.now_ns = 5_000_000_000;
    maps
}

fn too_big(network: Network, payload: usize) -> Sent {
    Sent {
        payload: vec![0x5a; payload],
        ..Sent::new(network, Carries::Tcp)
    }
}

/// That a packet is dropped without an answer, and unchanged.
fn assert_dropped(frame: &mut Frame, maps: &HostMaps, place: Place, inner_max: u16) {
    let before = frame.bytes.clone();
    assert_eq!(answer(frame, maps, place, inner_max), Verdict::DROP);
    assert_eq!(maps.counted(Reason::TooBigAnswered), 0);
    assert_eq!(frame.bytes, before);
}

proptest! {
    #[test]
    fn the_answer_is_right(sent in sent(), payload in 1300_usize..2000, mtu in 1280_u16..1300) {
        prop_assume!(!(sent.network == Network::V4 && sent.carries == Carries::Fragment));
        let payload = (0..payload).map(|at| at as u8).collect();
        let sent = Sent { payload, ..sent };
        let (mut frame, maps) = (sent.frame(), maps());
        let verdict = answer(&mut frame, &maps, sent.place(), mtu);
        prop_assert_eq!(verdict, Verdict::leave(INGRESS, NOBODY));
        prop_assert_eq!(maps.counted(Reason::TooBigAnswered), 1);
        prop_assert_eq!(&frame.bytes[..12], [CLIENT_MAC, OUR_MAC].concat());
        prop_assert_eq!(&frame.bytes[12..][..4 * sent.tags.len()], sent.tags.concat());

        let quote = match SlicedPacket::from_ethernet(&frame.bytes).unwrap().net.unwrap() {
            NetSlice::Ipv4(ip) => {
                let header = ip.header().to_header();
                prop_assert_eq!(usize::from(header.total_len) + sent.place().at, frame.bytes.len());
                prop_assert_eq!(header.total_len, 576);
                prop_assert_eq!(header.header_checksum, header.calc_header_checksum());
                prop_assert_eq!((header.time_to_live, header.protocol), (64, IpNumber::ICMP));
                prop_assert_eq!(&header.source[..], &sent.vip[..4]);
                prop_assert_eq!(&header.destination[..], &sent.client[..4]);
                let icmp = Icmpv4Slice::from_slice(ip.payload().payload).unwrap();
                let expected = DestUnreachableHeader::FragmentationNeeded { next_hop_mtu: mtu };
                prop_assert_eq!(icmp.icmp_type(), Icmpv4Type::DestinationUnreachable(expected));
                prop_assert_eq!(icmp.checksum(), icmp.icmp_type().calc_checksum(icmp.payload()));
                icmp.payload().to_vec()
            }
            NetSlice::Ipv6(ip) => {
                let header = ip.header().to_header();
                prop_assert_eq!(40 + usize::from(header.payload_length), 1280);
                prop_assert_eq!(1280 + sent.place().at, frame.bytes.len());
                prop_assert_eq!((header.hop_limit, header.next_header), (64, IpNumber::IPV6_ICMP));
                prop_assert_eq!(header.source, sent.vip);
                prop_assert_eq!(header.destination, sent.client);
                let icmp = Icmpv6Slice::from_slice(ip.payload().payload).unwrap();
                prop_assert_eq!(icmp.icmp_type(), Icmpv6Type::PacketTooBig { mtu: mtu.into() });
                prop_assert!(icmp.is_checksum_valid(header.source, header.destination));
                icmp.payload().to_vec()
            }
            NetSlice::Arp(_) => panic!("no answer"),
        };
        prop_assert_eq!(&sent.packet()[..quote.len()], quote);
    }
}

#[test]
fn a_packet_shorter_than_the_quote_is_quoted_whole_and_without_padding() {
    let sent = Sent {
        padding: 30,
        ..too_big(Network::V4, 100)
    };
    let mut frame = sent.frame();
    let verdict = answer(&mut frame, &maps(), sent.place(), 68);
    assert_eq!(verdict, Verdict::leave(INGRESS, NOBODY));
    assert_eq!(frame.bytes[14 + 28..], sent.packet());
}

#[test]
fn answers_are_limited_per_second() {
    let mut maps = maps();
    maps.settings.too_big_per_second = 2;
    let sent = too_big(Network::V6, 1400);
    let ask = |maps: &HostMaps| answer(&mut sent.frame(), maps, sent.place(), 1400);
    let answered = (0..5).filter(|_| ask(&maps) != Verdict::DROP).count();
    assert_eq!(answered, 2);
    assert_eq!(maps.counted(Reason::TooBigAnswered), 2);
    assert_eq!(maps.counted(Reason::TooBig), 3);
    maps.now_ns += 1_000_000_000;
    assert_ne!(ask(&maps), Verdict::DROP);
}

#[test]
fn icmp_errors_are_never_answered() {
    for (network, kinds) in [
        (Network::V4, &[3, 4, 5, 11, 12][..]),
        (Network::V6, &[1, 2, 3, 4, 127, 137][..]),
    ] {
        for kind in kinds {
            let sent = Sent {
                carries: Carries::Echo,
                ..too_big(network, 1400)
            };
            let (mut frame, place) = (sent.frame(), sent.place());
            frame.bytes[place.transport] = *kind;
            assert_dropped(&mut frame, &maps(), place, 1300);
        }
    }
}

#[test]
fn a_later_fragment_is_not_answered_over_ipv4() {
    let sent = Sent {
        carries: Carries::Fragment,
        ..too_big(Network::V4, 1400)
    };
    assert_dropped(&mut sent.frame(), &maps(), sent.place(), 1300);
}

#[test]
fn what_came_to_a_group_of_stations_is_not_answered() {
    let sent = too_big(Network::V4, 1400);
    let mut frame = sent.frame();
    frame.bytes[..6].fill(0xff);
    assert_dropped(&mut frame, &maps(), sent.place(), 1300);
}

#[test]
fn an_mtu_that_nobody_would_believe_is_not_told() {
    let sent = too_big(Network::V4, 100);
    assert_dropped(&mut sent.frame(), &maps(), sent.place(), 67);
    let sent = too_big(Network::V6, 1280 - 60);
    assert_eq!(sent.packet().len(), 1280);
    assert_dropped(&mut sent.frame(), &maps(), sent.place(), 1200);
    let sent = too_big(Network::V6, 1281 - 60);
    let mut frame = sent.frame();
    assert_ne!(
        answer(&mut frame, &maps(), sent.place(), 1200),
        Verdict::DROP
    );
    assert_eq!(frame.bytes[14 + 44..][..4], 1280_u32.to_be_bytes());
}

#[test]
fn a_packet_that_may_be_fragmented_is_answered_too() {
    let sent = Sent {
        dont_fragment: false,
        ..too_big(Network::V4, 1400)
    };
    assert_ne!(
        answer(&mut sent.frame(), &maps(), sent.place(), 1300),
        Verdict::DROP
    );
}
