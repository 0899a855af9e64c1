use proptest::collection::vec;
use proptest::prelude::*;

use super::wire::*;
use crate::abi::backend::{MODE_FULL_NAT, MODE_NAT};
use crate::abi::counters::Reason;
use crate::abi::settings::{HAS_REPLIES, HAS_WILDCARDS};
use crate::family::{Family, V4, V6};
use crate::maps::host::HostMaps;
use crate::maps::{FamilyMaps, WAY_LOCAL, WAY_NONE, WAY_UNRESOLVED, Way};
use crate::nat::{Reply, error, fragment};
use crate::packet::Frame;
use crate::parse::Place;
use crate::verdict::Verdict;

fn client<F: Family>() -> End {
    (wide::<F>(9, 1), 4321)
}

fn request<F: Family>(content: Content) -> Wire {
    Wire::new::<F>(client::<F>(), (vip::<F>(), 80), content)
}

#[test]
fn a_packet_whose_hops_are_spent_is_dropped_before_anything_is_made_for_it() {
    let maps = maps(1, 100);
    for hops in [0, 1] {
        for mode in [MODE_NAT, MODE_FULL_NAT] {
            let wire = Wire {
                hops,
                ..request::<V4>(SYN)
            };
            let result = forward::<V4>(&maps, &wire, &backend::<V4>(mode, 7, 8080));
            assert_eq!(result, Err(Reason::TtlExceeded));
        }
    }
    assert!(maps.v4.nat.borrow().is_empty());
}

#[test]
fn what_claims_to_come_from_its_own_vip_is_dropped_before_anything_is_made_for_it() {
    let maps = maps(1, 100);
    for mode in [MODE_NAT, MODE_FULL_NAT] {
        let wire = Wire::new::<V4>((vip::<V4>(), 4321), (vip::<V4>(), 80), SYN);
        let result = forward::<V4>(&maps, &wire, &backend::<V4>(mode, 7, 8080));
        assert_eq!(result, Err(Reason::BadSource));
    }
    assert!(maps.v4.nat.borrow().is_empty());
}

#[test]
fn in_the_middle_of_an_unknown_flow_of_full_nat_nothing_is_made() {
    let (maps, member) = (maps(1, 100), backend::<V6>(MODE_FULL_NAT, 7, 8080));
    for content in [ACK, FIN, RST] {
        let result = forward::<V6>(&maps, &request::<V6>(content), &member);
        assert_eq!(result, Err(Reason::NatUnknown));
    }
    assert!(maps.v6.nat.borrow().is_empty());
}

#[test]
fn a_member_without_a_port_keeps_the_clients() {
    let maps = maps(1, 100);
    let wire = request::<V4>(SYN);
    let bytes = forward::<V4>(&maps, &wire, &backend::<V4>(MODE_NAT, 7, 0)).unwrap();
    let sent = Wire {
        macs: MEMBER_MACS,
        hops: 63,
        to: (wide::<V4>(1, 7), 80),
        ..wire
    };
    assert_eq!(bytes, sent.bytes());
}

/// ICMP has no pseudo-header, ICMPv6 has.
#[test]
fn packets_without_ports_are_translated_by_nat_and_refused_by_full_nat() {
    fn check<F: Stage>()
    where
        HostMaps: FamilyMaps<F>,
    {
        let (mut maps, wire) = (maps(1, 100), request::<F>(Content::Echo));
        let bytes = forward::<F>(&maps, &wire, &backend::<F>(MODE_NAT, 7, 0)).unwrap();
        let sent = Wire {
            macs: MEMBER_MACS,
            hops: 63,
            to: (wide::<F>(1, 7), 0),
            ..wire.clone()
        };
        assert_eq!(bytes, sent.bytes());
        let refused = forward::<F>(&maps, &wire, &backend::<F>(MODE_FULL_NAT, 7, 0));
        assert_eq!(refused, Err(Reason::CannotForward));

        // The whole member answers for the whole VIP.
        maps.settings.features = HAS_REPLIES | HAS_WILDCARDS;
        serve::<F>(&mut maps, (sent.to.0, 0), (vip::<F>(), 0), 0);
        let own = F::own_mut(&mut maps);
        own.ways.insert(F::member(&client::<F>().0), way_back());
        let answer = Wire {
            from: sent.to,
            to: sent.from,
            ..wire.clone()
        };
        let back = Wire {
            macs: BACK_MACS,
            hops: 63,
            from: (vip::<F>(), 0),
            ..answer.clone()
        };
        assert_eq!(reply::<F>(&maps, &answer).unwrap().unwrap(), back.bytes());
    }
    check::<V4>();
    check::<V6>();
}

/// A world in which member 7, port 8080, answers for the VIP's port 80, and the kernel's way to the client is this.
fn serving(answer: u32) -> (HostMaps, Wire) {
    let mut maps = maps(1, 100);
    serve::<V4>(&mut maps, (wide::<V4>(1, 7), 8080), (vip::<V4>(), 80), 6);
    let way = Way {
        answer,
        ..way_back()
    };
    maps.v4.ways.insert([10, 9, 0, 1], way);
    let wire = Wire::new::<V4>((wide::<V4>(1, 7), 8080), client::<V4>(), ACK);
    (maps, wire)
}

fn replied(maps: &HostMaps, wire: &Wire) -> (Option<Verdict>, Vec<u8>) {
    let mut frame = wire.frame();
    let flow = wire.flow::<V4>();
    let reply = crate::nat::reply::<_, _, V4>(&mut frame, maps, &wire.place(), &flow);
    let verdict = reply.map(|reply| match reply {
        Reply::Done(verdict) => verdict,
        Reply::TooBig(fits) => panic!("{wire:?} is longer than {fits}"),
    });
    (verdict, frame.bytes)
}

/// The stack is the router then: it takes off a hop and finds out the MAC address.
#[test]
fn a_reply_whose_next_hop_is_unresolved_goes_to_the_stack_translated() {
    let (maps, wire) = serving(WAY_UNRESOLVED);
    let translated = Wire {
        from: (vip::<V4>(), 80),
        ..wire.clone()
    };
    assert_eq!(
        replied(&maps, &wire),
        (Some(Verdict::PASS), translated.bytes())
    );
    assert_eq!(maps.counted(Reason::ReplyUnresolved), 1);
}

#[test]
fn a_reply_without_a_way_is_dropped_and_counted() {
    let (maps, wire) = serving(WAY_NONE);
    assert_eq!(replied(&maps, &wire), (Some(Verdict::DROP), wire.bytes()));
    assert_eq!(maps.counted(Reason::NoRouteBack), 1);
}

/// The daemon's own health checks, for instance.
#[test]
fn what_a_member_sends_to_the_balancer_itself_is_untouched() {
    let (maps, wire) = serving(WAY_LOCAL);
    assert_eq!(replied(&maps, &wire), (None, wire.bytes()));
}

#[test]
fn what_others_send_is_untouched() {
    let (maps, mut wire) = serving(WAY_UNRESOLVED);
    wire.from.1 = 8081;
    assert_eq!(replied(&maps, &wire), (None, wire.bytes()));
}

#[test]
fn a_wrong_checksum_stays_wrong_by_as_much() {
    let (maps, member) = (maps(1, 100), backend::<V4>(MODE_NAT, 7, 8080));
    let wire = request::<V4>(UDP);
    let place = wire.place();
    let right = forward::<V4>(&maps, &wire, &member).unwrap();
    let mut frame = wire.frame();
    let at = place.transport + 6;
    let checksum = |bytes: &[u8]| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
    let wrong = checksum(&frame.bytes) - 1;
    frame.bytes[at..at + 2].copy_from_slice(&wrong.to_be_bytes());
    forward_frame::<V4>(&mut frame, &maps, &place, &wire, &member).unwrap();
    assert_eq!(checksum(&frame.bytes), checksum(&right) - 1);
}

#[test]
fn an_authentication_header_is_not_translated() {
    let (maps, member) = (maps(1, 100), backend::<V4>(MODE_NAT, 7, 0));
    let wire = request::<V4>(UDP);
    let place = Place {
        sealed: true,
        ..wire.place()
    };
    let result = forward_frame::<V4>(&mut wire.frame(), &maps, &place, &wire, &member);
    assert_eq!(result, Err(Reason::CannotForward));
}

/// Its transport header is data of the first's.
#[test]
fn a_later_fragment_leaves_with_the_addresses_of_its_first() {
    fn check<F: Stage>()
    where
        HostMaps: FamilyMaps<F>,
    {
        let maps = maps(1, 100);
        let (wire, member) = (request::<F>(UDP), backend::<F>(MODE_FULL_NAT, 7, 8080));
        let first = Frame {
            bytes: forward::<F>(&maps, &wire, &member).unwrap(),
            ingress_ifindex: CLIENT_SIDE,
        };
        let entry = fragment::entry::<_, F>(&first, &wire.place(), 1, 2, MEMBER_SIDE).unwrap();
        let mut later = wire.frame();
        fragment::follow::<_, F>(&mut later, &wire.place(), &entry, &entry.macs).unwrap();
        let transport = wire.place().transport;
        assert_eq!(later.bytes[..transport], first.bytes[..transport]);
        assert_eq!(later.bytes[transport..], wire.bytes()[transport..]);
    }
    check::<V4>();
    check::<V6>();
}

/// Bytes that may change: MAC addresses, IP header, ports and checksum of what follows; of an error also those of what
/// it quotes.
fn headers_only(before: &[u8], after: &[u8], places: &[Place]) -> Result<(), TestCaseError> {
    for (at, (old, new)) in before.iter().zip(after).enumerate() {
        let in_header =
            |place: &Place| (place.at..place.transport.max(place.at + 40) + 18).contains(&at);
        let allowed = at < 12 || places.iter().any(in_header);
        prop_assert!(old == new || allowed, "byte {} changed", at);
    }
    prop_assert_eq!(before.len(), after.len());
    Ok(())
}

/// Whatever parse made of it: offsets beyond the frame, lengths that lie.
fn place() -> impl Strategy<Value = Place> {
    let offsets = (
        prop_oneof![Just(14_usize), Just(18), 0..100_usize],
        prop_oneof![Just(20_usize), Just(40), 0..100_usize],
    );
    let protocol = prop_oneof![Just(6_u8), Just(17), Just(1), Just(58), any::<u8>()];
    let all = (offsets, 0..200_usize, protocol, any::<bool>());
    all.prop_map(|((at, header), length, protocol, sealed)| Place {
        network: crate::parse::Network::V4,
        at,
        transport: at + header,
        length,
        protocol,
        sealed,
    })
}

fn any_bytes<F: Stage>(bytes: &[u8], outer: &Place, inner: &Place) -> Result<(), TestCaseError>
where
    HostMaps: FamilyMaps<F>,
{
    let mut maps = maps(1, 4);
    let wire = request::<F>(SYN);
    let flow = wire.flow::<F>();
    F::own_mut(&mut maps)
        .ways
        .insert(F::member(&client::<F>().0), way_back());
    serve::<F>(&mut maps, (wide::<F>(1, 7), 8080), (vip::<F>(), 80), 6);
    let answer = Wire::new::<F>((wide::<F>(1, 7), 8080), client::<F>(), ACK).flow::<F>();
    let frame = Frame {
        bytes: bytes.to_vec(),
        ingress_ifindex: 1,
    };
    for mode in [MODE_NAT, MODE_FULL_NAT] {
        let member = backend::<F>(mode, 7, 8080);
        let mut sent = frame.clone();
        let _ = forward_frame::<F>(&mut sent, &maps, outer, &wire, &member);
        headers_only(bytes, &sent.bytes, &[*outer])?;
        let mut sent = frame.clone();
        let _ = error::forward::<_, _, F>(&mut sent, &maps, outer, inner, &flow, 1, &member);
        headers_only(bytes, &sent.bytes, &[*outer, *inner])?;
    }
    let mut sent = frame.clone();
    let _ = crate::nat::reply::<_, _, F>(&mut sent, &maps, outer, &answer);
    headers_only(bytes, &sent.bytes, &[*outer])?;
    let mut sent = frame;
    let _ = reply_error::<F>(&mut sent, &maps, (outer, inner), &answer);
    headers_only(bytes, &sent.bytes, &[*outer, *inner])
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic_or_write_beside_the_headers(
        bytes in vec(any::<u8>(), 0..200),
        outer in place(),
        inner in place(),
    ) {
        any_bytes::<V4>(&bytes, &outer, &inner)?;
        any_bytes::<V6>(&bytes, &outer, &inner)?;
    }
}
