use etherparse::{Icmpv4Slice, Icmpv4Type, Icmpv6Slice, Icmpv6Type, NetSlice, SlicedPacket};
use proptest::prelude::*;

use super::*;
use crate::forward::frames::{CLIENT_MAC, Carries, INGRESS, OUR_MAC, Sent, sent};
use crate::maps::host::HostMaps;
use crate::packet::Frame;

fn answered(frame: &mut Frame, place: Place) -> (Verdict, HostMaps) {
    let maps = HostMaps::new(0);
    (answer(frame, &maps, place), maps)
}

proptest! {
    #[test]
    fn a_request_becomes_its_reply(sent in sent()) {
        let sent = Sent { carries: Carries::Echo, ..sent };
        let mut frame = sent.frame();
        let (verdict, maps) = answered(&mut frame, sent.place());
        prop_assert_eq!(verdict, Verdict::leave(INGRESS, NOBODY));
        prop_assert_eq!(maps.counted(Reason::EchoAnswered), 1);
        prop_assert_eq!(&frame.bytes[..12], [CLIENT_MAC, OUR_MAC].concat());
        prop_assert_eq!(&frame.bytes[12..][..4 * sent.tags.len()], sent.tags.concat());
        prop_assert!(frame.bytes.ends_with(&vec![0xaa; sent.padding]));

        match SlicedPacket::from_ethernet(&frame.bytes).unwrap().net.unwrap() {
            NetSlice::Ipv4(ip) => {
                let header = ip.header().to_header();
                prop_assert_eq!(header.header_checksum, header.calc_header_checksum());
                prop_assert_eq!(&header.source[..], &sent.vip[..4]);
                prop_assert_eq!(&header.destination[..], &sent.client[..4]);
                prop_assert_eq!(header.time_to_live, 64);
                prop_assert_eq!((header.dscp.value() << 2) | header.ecn.value(), sent.tos);
                let icmp = Icmpv4Slice::from_slice(ip.payload().payload).unwrap();
                let Icmpv4Type::EchoReply(echo) = icmp.icmp_type() else { panic!("no reply") };
                prop_assert_eq!([echo.id, echo.seq], sent.ports);
                prop_assert_eq!(icmp.payload(), sent.payload);
                // Either zero of one's complement is right over anything but zeros.
                let right = icmp.icmp_type().calc_checksum(icmp.payload());
                prop_assert_eq!(icmp.checksum(), if right == 0 { u16::MAX } else { right });
            }
            NetSlice::Ipv6(ip) => {
                let header = ip.header().to_header();
                prop_assert_eq!(header.source, sent.vip);
                prop_assert_eq!(header.destination, sent.client);
                prop_assert_eq!(header.hop_limit, 64);
                prop_assert_eq!(header.traffic_class, sent.tos);
                let icmp = Icmpv6Slice::from_slice(ip.payload().payload).unwrap();
                let Icmpv6Type::EchoReply(echo) = icmp.icmp_type() else { panic!("no reply") };
                prop_assert_eq!([echo.id, echo.seq], sent.ports);
                prop_assert_eq!(icmp.payload(), sent.payload);
                prop_assert!(icmp.is_checksum_valid(header.source, header.destination));
            }
            NetSlice::Arp(_) => panic!("no reply"),
        }
    }
}

#[test]
fn the_reply_to_a_request_of_nothing_has_the_checksum_of_zeros() {
    let sent = Sent {
        ports: [0; 2],
        payload: Vec::new(),
        ..Sent::new(Network::V4, Carries::Echo)
    };
    let mut frame = sent.frame();
    answered(&mut frame, sent.place());
    let at = sent.place().transport;
    assert_eq!(frame.bytes[at..at + 8], [0, 0, 0xff, 0xff, 0, 0, 0, 0]);
}

#[test]
fn a_wrong_checksum_stays_wrong() {
    for network in [Network::V4, Network::V6] {
        let sent = Sent::new(network, Carries::Echo);
        let mut right = sent.frame();
        let mut wrong = right.clone();
        *wrong.bytes.last_mut().unwrap() ^= 1;
        answered(&mut right, sent.place());
        answered(&mut wrong, sent.place());
        *wrong.bytes.last_mut().unwrap() ^= 1;
        assert_eq!(
            wrong.bytes, right.bytes,
            "the same checksum over other data"
        );
    }
}

#[test]
fn a_request_with_options_is_passed_as_it_is() {
    for (network, reason) in [
        (Network::V4, Reason::Ipv4Options),
        (Network::V6, Reason::ExtensionHeaders),
    ] {
        let sent = Sent::new(network, Carries::Echo);
        let mut place = sent.place();
        place.transport += 8;
        let mut frame = sent.frame();
        let (verdict, maps) = answered(&mut frame, place);
        assert_eq!(verdict, Verdict::PASS);
        assert_eq!(maps.counted(reason), 1);
        assert_eq!(frame.bytes, sent.frame().bytes);
    }
}

#[test]
fn a_request_to_a_group_of_stations_is_passed_as_it_is() {
    for group in [[0xff; 6], [0x33, 0x33, 0, 0, 0, 1]] {
        let sent = Sent::new(Network::V4, Carries::Echo);
        let mut frame = sent.frame();
        frame.bytes[..6].copy_from_slice(&group);
        let before = frame.bytes.clone();
        let (verdict, maps) = answered(&mut frame, sent.place());
        assert_eq!(verdict, Verdict::PASS);
        assert_eq!(maps.counted(Reason::EchoAnswered), 0);
        assert_eq!(frame.bytes, before);
    }
}
