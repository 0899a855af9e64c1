use std::net::{Ipv4Addr, Ipv6Addr};

use etherparse::{IpNumber, Ipv4HeaderSlice, Ipv6HeaderSlice, UdpHeader};

use super::*;
use crate::abi::backend::{MODE_DSR, MODE_FULL_NAT, MODE_NAT};

const FROM4: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const TO4: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 9);
const FROM6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1);
const TO6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 9);

fn v4(mode: u8) -> Vec<u8> {
    cut(outer(mode, FROM4.into(), TO4.into()).unwrap())
}

fn v6(mode: u8) -> Vec<u8> {
    cut(outer(mode, FROM6.into(), TO6.into()).unwrap())
}

/// What counts of it; the rest is zero.
fn cut((outer, len): ([u8; OUTER_MAX], u8)) -> Vec<u8> {
    let (counts, rest) = outer.split_at(len.into());
    assert!(rest.iter().all(|byte| *byte == 0));
    counts.to_vec()
}

#[test]
fn every_mode_has_its_length_and_protocol() {
    for (mode, over4, over6, protocol) in [
        (MODE_IPIP, 20, 40, IpNumber(0)),
        (MODE_GRE, 24, 44, IpNumber(47)),
        (MODE_GUE, 32, 52, IpNumber::UDP),
    ] {
        assert_eq!((v4(mode).len(), v6(mode).len()), (over4, over6));
        let (ip4, ip6) = (v4(mode), v6(mode));
        let ip4 = Ipv4HeaderSlice::from_slice(&ip4).unwrap();
        let ip6 = Ipv6HeaderSlice::from_slice(&ip6).unwrap();
        assert_eq!((ip4.protocol(), ip6.next_header()), (protocol, protocol));
        assert_eq!((ip4.ttl(), ip6.hop_limit()), (64, 64));
        assert_eq!((ip4.source_addr(), ip4.destination_addr()), (FROM4, TO4));
        assert_eq!((ip6.source_addr(), ip6.destination_addr()), (FROM6, TO6));
    }
}

#[test]
fn what_depends_on_the_packet_is_zero() {
    let ip = Ipv4HeaderSlice::from_slice(&v4(MODE_IPIP))
        .unwrap()
        .to_header();
    assert_eq!((ip.total_len, ip.identification), (0, 0));
    assert!(!ip.dont_fragment && !ip.more_fragments);
    let v6 = v6(MODE_GRE);
    assert_eq!(v6[..6], [0x60, 0, 0, 0, 0, 0]);
    assert_eq!(v6[40..], [0; 4]);
}

#[test]
fn the_checksum_of_ipv4_is_that_of_the_template() {
    for mode in [MODE_IPIP, MODE_GRE, MODE_GUE] {
        let template = v4(mode);
        let ip = Ipv4HeaderSlice::from_slice(&template).unwrap().to_header();
        assert_eq!(ip.header_checksum, ip.calc_header_checksum());
    }
}

#[test]
fn gue_goes_to_its_port_and_has_a_checksum_over_ipv6_only() {
    let (udp, _) = UdpHeader::from_slice(&v4(MODE_GUE)[20..]).unwrap();
    assert_eq!(
        (udp.destination_port, udp.source_port, udp.length),
        (6080, 0, 0)
    );
    assert_eq!(udp.checksum, 0);
    let template = v6(MODE_GUE);
    let (udp, gue) = UdpHeader::from_slice(&template[40..]).unwrap();
    assert_eq!(
        (udp.destination_port, udp.source_port, udp.length),
        (6080, 0, 0)
    );
    assert_eq!(gue, [0; 4]);
    let mut ip = Ipv6HeaderSlice::from_slice(&template).unwrap().to_header();
    ip.payload_length = 0;
    assert_eq!(udp.checksum, udp.calc_checksum_ipv6(&ip, gue).unwrap());
}

#[test]
fn there_is_none_between_families_nor_for_other_modes() {
    assert_eq!(outer(MODE_IPIP, FROM4.into(), TO6.into()), None);
    assert_eq!(outer(MODE_GUE, FROM6.into(), TO4.into()), None);
    for mode in [MODE_DSR, MODE_NAT, MODE_FULL_NAT, u8::MAX] {
        assert_eq!(outer(mode, FROM4.into(), TO4.into()), None);
    }
}
