use std::time::Duration;

use super::*;
use crate::balance::spec::{Affinity, AllZero, Forward, OnDown, Track};
use crate::sasp::msg::Name;

fn service(nets: &[&str]) -> ServiceSpec {
    ServiceSpec {
        group: Name::new(b"farm".to_vec()).unwrap(),
        vip: "192.0.2.1:80".parse().unwrap(),
        protocol: 6,
        forward: Forward::Dsr,
        on_down: OnDown::Keep,
        track: Track::Exceptions,
        affinity: Affinity::Flow,
        all_zero: AllZero::Equal,
        quic: false,
        quic_lb: None,
        sources: crate::balance::spec::SourceRules::default(),
        idle: Duration::from_secs(60),
        dead_band_permille: 0,
        self_registered: nets.iter().map(|net| net.parse().unwrap()).collect(),
        slow_start: None,
        move_limit: None,
        members: Vec::new(),
    }
}

#[test]
fn a_member_is_taken_in_if_list_protocol_and_port_agree() {
    use TurnedAway::*;
    let lists = ["10.0.0.0/28", "10.9.0.1/32"];
    for (nets, address, port, protocol, wanted) in [
        (&lists[..], "10.0.0.1", 80, 6, Ok(())),
        (&lists, "10.0.0.15", 80, 6, Ok(())),
        (&lists, "10.9.0.1", 80, 6, Ok(())),
        (&lists, "10.0.0.16", 80, 6, Err(NotAllowed)),
        (&lists, "2001:db8::1", 80, 6, Err(NotAllowed)),
        (&lists, "10.0.0.1", 81, 6, Err(OtherPort)),
        (&lists, "10.0.0.1", 80, 17, Err(OtherProtocol)),
        // A system-level member has neither port nor protocol, and 0 is no wildcard.
        (&lists, "10.0.0.1", 0, 0, Err(OtherProtocol)),
        (&[], "10.0.0.1", 80, 6, Err(NotAllowed)),
        // An IPv4 list says nothing of IPv6.
        (&["0.0.0.0/0"], "2001:db8::1", 80, 6, Err(NotAllowed)),
        (&["::/0"], "10.0.0.1", 80, 6, Err(NotAllowed)),
    ] {
        let key = MemberKey {
            protocol,
            port,
            address: address.parse().unwrap(),
        };
        assert_eq!(judge(&service(nets), &key), wanted, "{nets:?} {key}");
    }
}

#[test]
fn the_bound_that_is_told_is_the_bound() {
    assert!(TurnedAway::TooMany.text().contains(&MOST.to_string()));
}
