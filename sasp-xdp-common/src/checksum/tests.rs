use etherparse::{
    IcmpEchoHeader, Icmpv4Type, Icmpv6Type, IpNumber, Ipv4Header, Ipv6FlowLabel, Ipv6Header,
    TcpHeader, UdpHeader,
};
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// What is often wrong in one's complement arithmetic lies beside the two zeros.
fn word() -> impl Strategy<Value = u16> {
    prop_oneof![
        Just(0),
        Just(0xffff),
        Just(1),
        Just(0xfffe),
        Just(0x8000),
        any::<u16>()
    ]
}

fn address4() -> impl Strategy<Value = [u8; 4]> {
    [word(), word()].prop_map(|words| bytes(&words))
}

fn address6() -> impl Strategy<Value = [u8; 16]> {
    prop::array::uniform8(word()).prop_map(|words| bytes(&words))
}

fn bytes<const N: usize>(words: &[u16]) -> [u8; N] {
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
    bytes.try_into().unwrap()
}

fn payload() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        vec(word(), 0..40)
            .prop_map(|words| { words.iter().flat_map(|word| word.to_ne_bytes()).collect() }),
        vec(any::<u8>(), 0..1500)
    ]
}

/// As etherparse reads and writes a word of the packet, and as a load from memory yields it.
fn swapped(word: u16) -> u16 {
    u16::from_be(word)
}

/// Two ports, old and new.
type Ports = [[u16; 2]; 2];

fn ports() -> impl Strategy<Value = Ports> {
    [[word(), word()], [word(), word()]]
}

fn delta_of_ports(delta: Delta, [old, new]: &Ports) -> Delta {
    delta.word16(old[0], new[0]).word16(old[1], new[1])
}

fn tcp([source, destination]: [u16; 2]) -> TcpHeader {
    TcpHeader::new(swapped(source), swapped(destination), 0x1234_5678, 0xffff)
}

fn udp([source, destination]: [u16; 2], payload: &[u8]) -> UdpHeader {
    UdpHeader {
        source_port: swapped(source),
        destination_port: swapped(destination),
        length: (8 + payload.len()) as u16,
        checksum: 0,
    }
}

fn ipv6(source: [u8; 16], destination: [u8; 16]) -> Ipv6Header {
    Ipv6Header {
        traffic_class: 0,
        flow_label: Ipv6FlowLabel::ZERO,
        payload_length: 0,
        next_header: IpNumber::TCP,
        hop_limit: 64,
        source,
        destination,
    }
}

proptest! {
    #[test]
    fn a_corrected_checksum_is_the_one_from_scratch_over_ipv4(
        from in [address4(), address4()],
        to in [address4(), address4()],
        ports in ports(),
        payload in payload(),
    ) {
        let addresses = Delta::NONE.address4(&from[0], &to[0]).address4(&from[1], &to[1]);
        let delta = delta_of_ports(addresses, &ports);

        let of_tcp = |ip: &[[u8; 4]; 2], ports| {
            tcp(ports).calc_checksum_ipv4_raw(ip[0], ip[1], &payload).map(swapped).unwrap()
        };
        prop_assert_eq!(delta.apply(of_tcp(&from, ports[0])), of_tcp(&to, ports[1]));

        let of_udp = |ip: &[[u8; 4]; 2], ports| {
            let header = udp(ports, &payload);
            header.calc_checksum_ipv4_raw(ip[0], ip[1], &payload).map(swapped).unwrap()
        };
        prop_assert_eq!(delta.apply_udp(of_udp(&from, ports[0])), of_udp(&to, ports[1]));

        let of_ip = |ip: &[[u8; 4]; 2]| {
            let length = payload.len() as u16;
            let header = Ipv4Header::new(length, 64, IpNumber::TCP, ip[0], ip[1]).unwrap();
            swapped(header.calc_header_checksum())
        };
        prop_assert_eq!(addresses.apply(of_ip(&from)), of_ip(&to));
    }

    #[test]
    fn a_corrected_checksum_is_the_one_from_scratch_over_ipv6(
        from in [address6(), address6()],
        to in [address6(), address6()],
        ports in ports(),
        payload in payload(),
    ) {
        let addresses = Delta::NONE.address6(&from[0], &to[0]).address6(&from[1], &to[1]);
        let delta = delta_of_ports(addresses, &ports);

        let of_tcp = |ip: &[[u8; 16]; 2], ports| {
            let ip = ipv6(ip[0], ip[1]);
            tcp(ports).calc_checksum_ipv6(&ip, &payload).map(swapped).unwrap()
        };
        prop_assert_eq!(delta.apply(of_tcp(&from, ports[0])), of_tcp(&to, ports[1]));

        let of_udp = |ip: &[[u8; 16]; 2], ports| {
            let ip = ipv6(ip[0], ip[1]);
            udp(ports, &payload).calc_checksum_ipv6(&ip, &payload).map(swapped).unwrap()
        };
        prop_assert_eq!(delta.apply_udp(of_udp(&from, ports[0])), of_udp(&to, ports[1]));

        let of_icmp = |ip: &[[u8; 16]; 2], [id, seq]: [u16; 2]| {
            let echo = IcmpEchoHeader { id: swapped(id), seq: swapped(seq) };
            let kind = Icmpv6Type::EchoRequest(echo);
            kind.calc_checksum(ip[0], ip[1], &payload).map(swapped).unwrap()
        };
        prop_assert_eq!(delta.apply(of_icmp(&from, ports[0])), of_icmp(&to, ports[1]));
    }

    #[test]
    fn a_corrected_checksum_is_the_one_from_scratch_over_icmp(
        ports in ports(),
        payload in payload(),
    ) {
        let of_icmp = |[id, seq]: [u16; 2]| {
            let echo = IcmpEchoHeader { id: swapped(id), seq: swapped(seq) };
            swapped(Icmpv4Type::EchoRequest(echo).calc_checksum(&payload))
        };
        let delta = delta_of_ports(Delta::NONE, &ports);
        prop_assert_eq!(delta.apply(of_icmp(ports[0])), of_icmp(ports[1]));
    }

    #[test]
    fn a_wrong_checksum_stays_wrong_by_as_much(
        from in address6(),
        to in address6(),
        ports in ports(),
        right in word(),
        off in 1_u16..0xffff,
    ) {
        let delta = delta_of_ports(Delta::NONE.address6(&from, &to), &ports);
        let wrong = Sum::ZERO.word16(right).word16(off).fold();
        let difference = Sum::ZERO
            .word16(delta.apply(wrong))
            .word16(!delta.apply(right));
        prop_assert_eq!(difference.fold() % 0xffff, off);
    }

    #[test]
    fn there_and_back_is_nothing(
        addresses in [address6(), address6()],
        ports in ports(),
        checksum in 0_u16..0xffff,
    ) {
        let [old, new] = addresses;
        let there = delta_of_ports(Delta::NONE.address6(&old, &new), &ports);
        let back = delta_of_ports(Delta::NONE.address6(&new, &old), &[ports[1], ports[0]]);
        prop_assert_eq!(back.apply(there.apply(checksum)), checksum);
        prop_assert_eq!(there.and(back).apply(checksum), checksum);
        let computed = checksum + 1;
        prop_assert_eq!(back.apply_udp(there.apply_udp(computed)), computed);
    }

    #[test]
    fn folding_keeps_the_rest_and_is_zero_for_zero_only(sum in any::<u64>()) {
        for sum in [sum, sum & 0xffff_ffff, sum & 0x1_ffff, u64::MAX] {
            let folded = Sum(sum).fold();
            prop_assert_eq!(u64::from(folded) % 0xffff, sum % 0xffff);
            prop_assert_eq!(folded == 0, sum == 0);
        }
    }
}

#[test]
fn the_example_of_rfc_1624_comes_out_right() {
    // Section 4: the checksum is 0xdd2f, a word goes from 0x5555 to 0x3285, and RFC 1141 made 0xffff of it.
    assert_eq!(Delta::NONE.word16(0x5555, 0x3285).apply(0xdd2f), 0);
}

#[test]
fn a_udp_datagram_without_checksum_stays_without() {
    assert_eq!(Delta::NONE.word16(1, 2).apply_udp(0), 0);
}

#[test]
fn a_computed_udp_checksum_is_never_zero() {
    assert_eq!(Delta::NONE.word16(0x5555, 0x3285).apply_udp(0xdd2f), 0xffff);
    assert_eq!(Sum::ZERO.word16(0xffff).checksum_udp(), 0xffff);
}

#[test]
fn replacing_a_word_by_itself_changes_no_checksum() {
    for checksum in [0, 1, 0x8000, 0xfffe] {
        for word in [0, 1, 0x8000, 0xffff] {
            assert_eq!(Delta::NONE.word16(word, word).apply(checksum), checksum);
        }
    }
}
