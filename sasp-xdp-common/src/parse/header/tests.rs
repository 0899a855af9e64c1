//! Headers in front of the transport's, against a model that walks them from scratch; what the pipeline does with them,
//! the packet fixtures say.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::packet::Frame;

const HEADERS: [u8; 5] = [HOP_BY_HOP, ROUTING, FRAGMENT, AUTHENTICATION, DESTINATION];

fn frame(bytes: Vec<u8>) -> Frame {
    Frame {
        bytes,
        ingress_ifindex: 1,
    }
}

/// An extension header: its number, what its length field says, and its third and fourth byte.
type Extension = (u8, u8, u16);

fn extension() -> impl Strategy<Value = Extension> {
    (
        proptest::sample::select(&HEADERS[..]),
        0..4_u8,
        any::<u16>(),
    )
}

/// Length in bytes (RFC 8200 section 4; RFC 4302 section 2.2).
fn length((number, units, _): Extension) -> usize {
    match number {
        FRAGMENT => 8,
        AUTHENTICATION => 4 * usize::from(units) + 8,
        _ => 8 * usize::from(units) + 8,
    }
}

/// An IPv6 packet at the start of a frame, with these headers in front of `protocol`.
fn v6(extensions: &[Extension], protocol: u8, behind: usize) -> Vec<u8> {
    let mut chain = Vec::new();
    let mut numbers = extensions.iter().map(|(number, ..)| *number).skip(1);
    for extension in extensions {
        let (_, units, field) = *extension;
        let mut header = vec![0; length(*extension)];
        header[0] = numbers.next().unwrap_or(protocol);
        header[1] = units;
        header[2..4].copy_from_slice(&field.to_be_bytes());
        header[4..8].copy_from_slice(&[1, 2, 3, 4]);
        chain.extend(header);
    }
    let first = extensions.first().map_or(protocol, |(number, ..)| *number);
    let mut packet = vec![0x60, 0, 0, 0];
    packet.extend(((chain.len() + behind) as u16).to_be_bytes());
    packet.extend([first, 64]);
    packet.extend([7; 16]);
    packet.extend([9; 16]);
    packet.extend(chain);
    packet.resize(packet.len() + behind, 0);
    packet
}

/// How many of the headers are walked, and what the packet is a part of.
fn walk(extensions: &[Extension]) -> Result<(usize, Part), Reason> {
    let mut part = Part::default();
    let mut fragments = 0;
    for (count, (number, _, field)) in extensions.iter().enumerate() {
        if part.is_later() {
            return Ok((count, part));
        }
        if *number == FRAGMENT {
            fragments += 1;
            part = Part {
                offset: field >> 3,
                more: field & 1 == 1,
                identification: [1, 2, 3, 4],
            };
        }
        if fragments > 1 || count >= EXTENSION_HEADERS {
            return Err(Reason::ExtensionHeaders);
        }
    }
    Ok((extensions.len(), part))
}

proptest! {
    #[test]
    fn what_follows_ipv6_extension_headers_is_found_or_too_far(
        extensions in vec(extension(), 0..=EXTENSION_HEADERS + 2),
        at in 0..20_usize,
        protocol in proptest::sample::select(&[TCP, UDP, ESP, NO_NEXT_HEADER, 58, 135][..]),
    ) {
        let packet = v6(&extensions, protocol, 20);
        let length_of_all = packet.len();
        let frame = frame([vec![0xaa; at], packet].concat());
        let found = V6::header(&frame, at);
        match walk(&extensions) {
            Err(reason) => prop_assert_eq!(found.err(), Some(reason)),
            Ok((count, part)) => {
                let header = found.unwrap();
                let walked: usize = extensions[..count].iter().copied().map(length).sum();
                let next = extensions.get(count).map_or(protocol, |(number, ..)| *number);
                prop_assert_eq!(header.part, part);
                prop_assert_eq!(header.place, Place {
                    network: Network::V6,
                    at,
                    transport: at + 40 + walked,
                    length: length_of_all,
                    protocol: next,
                    sealed: extensions[..count]
                        .iter()
                        .any(|(number, ..)| *number == AUTHENTICATION),
                });
                prop_assert_eq!(header.payload(), length_of_all - 40 - walked);
            }
        }
    }

    /// Of each header 8 bytes must be there to be walked; the transport need not be.
    #[test]
    fn an_ipv6_header_that_is_cut_is_truncated(
        extensions in vec(extension(), 1..=EXTENSION_HEADERS),
        cut in any::<prop::sample::Index>(),
    ) {
        prop_assume!(walk(&extensions).is_ok_and(|(_, part)| !part.is_later()));
        let mut packet = v6(&extensions, TCP, 0);
        let walked = packet.len();
        let last = length(*extensions.last().unwrap());
        packet.truncate(cut.index(walked));
        let is_there = packet.len() >= walked - last + 8;
        let found = V6::header(&frame(packet), 0);
        if is_there {
            prop_assert_eq!(found.unwrap().place.transport, walked);
        } else {
            prop_assert_eq!(found.err(), Some(Reason::Truncated));
        }
    }

    #[test]
    fn an_ipv4_headers_words_and_fragment_field_are_read(
        first: u8,
        flags: u16,
        total: u16,
        id: u16,
        protocol: u8,
        at in 0..20_usize,
    ) {
        let mut packet = vec![0xaa; at];
        packet.extend([first, 0]);
        packet.extend([total, id, flags].map(u16::to_be_bytes).concat());
        packet.extend([64, protocol, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]);
        let found = V4::header(&frame(packet), at);
        let words = usize::from(first & 0x0f);
        if first >> 4 != 4 || words < 5 {
            prop_assert_eq!(found.err(), Some(Reason::BadIpHeader));
            return Ok(());
        }
        let header = found.unwrap();
        let [high, low] = id.to_be_bytes();
        prop_assert_eq!(header.part, Part {
            offset: flags & 0x1fff,
            more: flags & 0x2000 != 0,
            identification: [0, 0, high, low],
        });
        prop_assert_eq!(header.place, Place {
            network: Network::V4,
            at,
            transport: at + 4 * words,
            length: total.into(),
            protocol,
            sealed: protocol == AUTHENTICATION,
        });
        // A total length below its own header's is no small payload.
        let payload = usize::from(total).wrapping_sub(4 * words);
        prop_assert_eq!(header.payload(), payload);
    }

    #[test]
    fn up_to_two_tags_are_looked_behind(
        tags in vec(prop::bool::ANY, 0..5),
        ether_type in proptest::sample::select(&[0x0800_u16, 0x86dd, 0x0806, 0x88cc][..]),
        cut in 0..8_usize,
    ) {
        let mut bytes = vec![0; 12];
        for is_service in &tags {
            bytes.extend(if *is_service { [0x88, 0xa8] } else { [0x81, 0x00] });
            bytes.extend([0, 1]);
        }
        bytes.extend(ether_type.to_be_bytes());
        let whole = bytes.len();
        bytes.truncate(whole - cut);
        let walked = tags.len().min(VLAN_TAGS);
        let expected = match ether_type {
            _ if whole - cut < ETH_LEN + 4 * walked => Err(Reason::Truncated),
            _ if tags.len() > VLAN_TAGS => Err(Reason::Vlan),
            0x0800 => Ok((Network::V4, whole)),
            0x86dd => Ok((Network::V6, whole)),
            _ => Err(Reason::NotIp),
        };
        prop_assert_eq!(network(&frame(bytes)), expected);
    }
}
