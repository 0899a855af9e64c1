use super::wire::*;
use crate::abi::backend::{Backend, MODE_FULL_NAT, MODE_NAT};
use crate::abi::counters::Reason;
use crate::family::{Family, V4, V6};
use crate::maps::FamilyMaps;
use crate::maps::host::HostMaps;
use crate::nat::error;
use crate::parse::Place;

/// An error about a packet, of which it quotes the IP header and `behind` bytes more.
fn about<F: Family>(packet: &Wire, from: Wide, behind: usize) -> Wire {
    let place = packet.place();
    let end = (place.transport + behind).min(place.at + place.length);
    Wire {
        payload: packet.bytes()[place.at..end].to_vec(),
        ..Wire::new::<F>((from, 0), (packet.from.0, 0), Content::Error)
    }
}

/// Where the quoted packet lies.
fn quoted(error: &Wire, packet: &Wire) -> Place {
    let (outer, inner) = (error.place(), packet.place());
    let at = outer.transport + 8;
    Place {
        at,
        transport: at + inner.transport - inner.at,
        ..inner
    }
}

/// Every way in which a packet may be quoted.
fn each(mut check: impl FnMut(Content, usize, usize, usize)) {
    for content in [SYN, ACK, UDP, Content::Udp { checksum: false }] {
        for behind in [8, 16, 18, 20, 100] {
            for (tags, options) in [(0, 0), (2, 3)] {
                check(content, behind, tags, options);
            }
        }
    }
}

/// A client's flow, translated to a member.
struct Flow {
    maps: HostMaps,
    member: Backend,
    /// As the client sends it.
    outside: Wire,
    /// As the member gets it.
    inside: Wire,
}

fn flow<F: Stage>(mode: u8, content: Content, options: usize) -> Flow
where
    HostMaps: FamilyMaps<F>,
{
    let mut maps = maps(3, 1000);
    let client = (wide::<F>(9, 1), 4321);
    F::own_mut(&mut maps)
        .ways
        .insert(F::member(&client.0), way_back());
    let member = backend::<F>(mode, 7, 8080);
    let outside = Wire {
        options,
        ..Wire::new::<F>(client, (vip::<F>(), 80), content)
    };
    let opening = Wire {
        content: if content == ACK { SYN } else { content },
        ..outside.clone()
    };
    forward::<F>(&maps, &opening, &member).unwrap();
    let to = (member.address, 8080);
    serve::<F>(&mut maps, to, outside.to, outside.place().protocol);
    let from = match mode {
        MODE_FULL_NAT => translation::<F>(&maps, &outside.flow::<F>()).1,
        _ => client,
    };
    let inside = Wire {
        from,
        to,
        ..outside.clone()
    };
    Flow {
        maps,
        member,
        outside,
        inside,
    }
}

fn answer(to: &Wire) -> Wire {
    Wire {
        from: to.to,
        to: to.from,
        ..to.clone()
    }
}

/// An error from the client's side reaches the member, as if it were about what the member sent.
fn to_member<F: Stage>(mode: u8)
where
    HostMaps: FamilyMaps<F>,
{
    each(|content, behind, tags, options| {
        let flow = flow::<F>(mode, content, options);
        let router = wide::<F>(9, 254);
        let (seen, sent) = (answer(&flow.outside), answer(&flow.inside));
        let error = Wire {
            tags,
            ..about::<F>(&seen, router, behind)
        };
        let mut frame = error.frame();
        let (outer, inner) = (error.place(), quoted(&error, &seen));
        let client = flow.outside.flow::<F>();
        error::forward::<_, _, F>(
            &mut frame,
            &flow.maps,
            &outer,
            &inner,
            &client,
            1,
            &flow.member,
        )
        .unwrap();
        let from = if mode == MODE_FULL_NAT {
            flow.inside.from.0
        } else {
            router
        };
        let expected = Wire {
            tags,
            macs: MEMBER_MACS,
            hops: 63,
            from: (from, 0),
            ..about::<F>(&sent, from, behind)
        };
        assert_eq!(frame.bytes, expected.bytes(), "{content:?}, {behind} bytes");
    });
}

/// An error from the member's side reaches the client, as if it were about what the client sent.
fn to_client<F: Stage>(mode: u8)
where
    HostMaps: FamilyMaps<F>,
{
    each(|content, behind, tags, options| {
        let flow = flow::<F>(mode, content, options);
        let router = wide::<F>(1, 254);
        for (from, becomes) in [(router, router), (flow.member.address, vip::<F>())] {
            let error = Wire {
                tags,
                ..about::<F>(&flow.inside, from, behind)
            };
            let mut frame = error.frame();
            let (outer, inner) = (error.place(), quoted(&error, &flow.inside));
            let reply = answer(&flow.inside).flow::<F>();
            let verdict =
                reply_error::<F>(&mut frame, &flow.maps, (&outer, &inner), &reply).unwrap();
            assert_eq!(verdict.ifindex(), Some(CLIENT_SIDE));
            let expected = Wire {
                tags,
                macs: BACK_MACS,
                hops: 63,
                ..about::<F>(&flow.outside, becomes, behind)
            };
            assert_eq!(frame.bytes, expected.bytes(), "{content:?}, {behind} bytes");
        }
        assert_eq!(flow.maps.counted(Reason::IcmpErrorFollowed), 2);
    });
}

#[test]
fn an_error_from_the_clients_side_reaches_the_member_of_nat() {
    to_member::<V4>(MODE_NAT);
    to_member::<V6>(MODE_NAT);
}

#[test]
fn an_error_from_the_clients_side_reaches_the_member_of_full_nat() {
    to_member::<V4>(MODE_FULL_NAT);
    to_member::<V6>(MODE_FULL_NAT);
}

#[test]
fn an_error_from_the_members_side_reaches_the_client_of_nat() {
    to_client::<V4>(MODE_NAT);
    to_client::<V6>(MODE_NAT);
}

#[test]
fn an_error_from_the_members_side_reaches_the_client_of_full_nat() {
    to_client::<V4>(MODE_FULL_NAT);
    to_client::<V6>(MODE_FULL_NAT);
}

#[test]
fn an_error_about_an_unknown_flow_goes_nowhere() {
    let flow = flow::<V4>(MODE_FULL_NAT, SYN, 0);
    let stranger = Wire {
        from: (flow.outside.from.0, 1),
        ..flow.outside.clone()
    };
    let error = about::<V4>(&answer(&stranger), wide::<V4>(9, 254), 8);
    let (outer, inner) = (error.place(), quoted(&error, &stranger));
    let result = error::forward::<_, _, V4>(
        &mut error.frame(),
        &flow.maps,
        &outer,
        &inner,
        &stranger.flow::<V4>(),
        1,
        &flow.member,
    );
    assert_eq!(result, Err(Reason::NatUnknown));

    let mut inside = flow.inside.clone();
    inside.to.1 = 9;
    let error = about::<V4>(&inside, flow.member.address, 8);
    let (outer, inner) = (error.place(), quoted(&error, &inside));
    let mut frame = error.frame();
    let reply = answer(&inside).flow::<V4>();
    let verdict = reply_error::<V4>(&mut frame, &flow.maps, (&outer, &inner), &reply);
    assert_eq!(verdict, None);
    assert_eq!(frame.bytes, error.bytes());
}

/// Behind a short packet Ethernet pads, and a driver may leave anything.
#[test]
fn an_error_that_ends_before_the_quoted_checksum_leaves_what_follows_alone() {
    let flow = flow::<V4>(MODE_NAT, SYN, 0);
    // With 17 bytes, half of the checksum is there.
    for behind in [8, 16, 17] {
        let error = about::<V4>(&flow.inside, flow.member.address, behind);
        let (outer, inner) = (error.place(), quoted(&error, &flow.inside));
        let mut frame = error.frame();
        frame.bytes.extend([0xaa; 16]);
        let reply = answer(&flow.inside).flow::<V4>();
        reply_error::<V4>(&mut frame, &flow.maps, (&outer, &inner), &reply).unwrap();
        assert!(frame.bytes.ends_with(&[0xaa; 16]));
    }
}
