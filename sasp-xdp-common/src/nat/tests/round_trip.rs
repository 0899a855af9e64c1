use proptest::collection::vec;
use proptest::prelude::*;

use super::wire::*;
use crate::abi::backend::{MODE_FULL_NAT, MODE_NAT};
use crate::abi::counters::Reason;
use crate::family::{V4, V6};
use crate::maps::FamilyMaps;
use crate::maps::host::HostMaps;

fn content() -> impl Strategy<Value = Content> {
    prop_oneof![Just(SYN), Just(UDP), Just(Content::Udp { checksum: false }),]
}

fn wire<F: Stage>() -> impl Strategy<Value = Wire> {
    let (client, port) = (any::<[u8; 16]>(), any::<u16>());
    let shape = (0..3_usize, 0..11_usize, 2..=255_u8);
    (client, port, content(), shape, vec(any::<u8>(), 0..100)).prop_map(
        |(address, port, content, (tags, options, hops), payload)| Wire {
            tags,
            options,
            hops,
            payload,
            ..Wire::new::<F>((address, port), (vip::<F>(), 80), content)
        },
    )
}

fn goes_there_and_back<F>(wire: &Wire, mode: u8) -> Result<(), TestCaseError>
where
    F: Stage,
    HostMaps: FamilyMaps<F>,
{
    let mut maps = maps(3, 1000);
    let client = F::member(&wire.from.0);
    F::own_mut(&mut maps).ways.insert(client, way_back());
    let (member, sent) = (backend::<F>(mode, 7, 8080), wire.bytes());
    let forwarded = forward::<F>(&maps, wire, &member);
    let Ok(forwarded) = forwarded else {
        return Err(TestCaseError::fail(format!("{forwarded:?}")));
    };
    let from = if mode == MODE_FULL_NAT {
        translation::<F>(&maps, &wire.flow::<F>()).1
    } else {
        wire.from
    };
    let expected = Wire {
        macs: MEMBER_MACS,
        hops: wire.hops - 1,
        from,
        to: (member.address, 8080),
        ..wire.clone()
    };
    prop_assert_eq!(forwarded, expected.bytes());
    prop_assert_eq!(wire.bytes(), sent);

    let answer = Wire {
        from: expected.to,
        to: expected.from,
        content: if wire.content == SYN {
            ACK
        } else {
            wire.content
        },
        ..wire.clone()
    };
    if mode == MODE_NAT {
        serve::<F>(&mut maps, expected.to, wire.to, wire.place().protocol);
    }
    let back = reply::<F>(&maps, &answer).expect("a reply").expect("sent");
    let expected = Wire {
        macs: BACK_MACS,
        hops: wire.hops - 1,
        from: wire.to,
        to: wire.from,
        ..answer
    };
    prop_assert_eq!(back, expected.bytes());
    prop_assert_eq!(maps.counted(Reason::ReplyTranslated), 1);
    Ok(())
}

proptest! {
    #[test]
    fn nat_goes_there_and_back_as_if_built_anew(v4 in wire::<V4>(), v6 in wire::<V6>()) {
        goes_there_and_back::<V4>(&v4, MODE_NAT)?;
        goes_there_and_back::<V6>(&v6, MODE_NAT)?;
    }

    #[test]
    fn full_nat_goes_there_and_back_as_if_built_anew(v4 in wire::<V4>(), v6 in wire::<V6>()) {
        goes_there_and_back::<V4>(&v4, MODE_FULL_NAT)?;
        goes_there_and_back::<V6>(&v6, MODE_FULL_NAT)?;
    }
}
