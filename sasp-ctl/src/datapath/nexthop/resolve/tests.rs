use std::net::{IpAddr, Ipv4Addr};

use super::super::kernel::Unicast;
use super::*;

const EDGE: u32 = 3;
const OTHER: u32 = 4;
const OURS: [u8; 6] = [2, 0, 0, 0, 0, 1];
const MEMBER: [u8; 6] = [2, 0, 0, 0, 0, 9];
const MOVED: [u8; 6] = [2, 0, 0, 0, 0, 8];

const UP: Link = Link {
    up: true,
    mac: Some(OURS),
    mtu: 1500,
    below: None,
};
const ON_LINK: Route = Route::Unicast(Unicast {
    ifindex: EDGE,
    gateway: None,
    source: None,
    mtu: None,
});
const HOP: NextHop = NextHop {
    ifindex: EDGE,
    source: OURS,
    destination: MEMBER,
    mtu: 1500,
    clients_mtu: 1500,
    address: None,
    gateway: None,
};

fn next(
    route: Route,
    link: Link,
    neighbour: Option<Neighbour>,
    previous: Option<Result<NextHop, Unresolved>>,
) -> Result<NextHop, Unresolved> {
    let links = BTreeMap::from([(EDGE, link), (OTHER, UP)]);
    next_hop(route, &BTreeSet::from([EDGE]), &links, neighbour, previous)
}

#[test]
fn every_route_and_link_that_cannot_be_used_is_named() {
    let elsewhere = Route::Unicast(Unicast {
        ifindex: OTHER,
        ..Unicast::default()
    });
    let down = Link { up: false, ..UP };
    let no_mac = Link { mac: None, ..UP };
    let cases = [
        (Route::None, UP, Unresolved::NoRoute),
        (
            Route::None,
            down,
            Unresolved::InterfaceDown { ifindex: EDGE },
        ),
        (Route::Local, UP, Unresolved::Local),
        (Route::NotUnicast, UP, Unresolved::NotUnicast),
        (elsewhere, UP, Unresolved::NotAttached { ifindex: OTHER }),
        (ON_LINK, down, Unresolved::InterfaceDown { ifindex: EDGE }),
        (ON_LINK, no_mac, Unresolved::NotEthernet { ifindex: EDGE }),
    ];
    for (route, link, why) in cases {
        // Neither a fresh neighbour nor a resolved past helps.
        let found = next(route, link, Some(Neighbour::Fresh(MEMBER)), Some(Ok(HOP)));
        assert_eq!(found, Err(why), "{route:?} {link:?}");
    }
}

#[test]
fn what_is_known_of_the_neighbour_decides() {
    let unanswered = Err(Unresolved::Unanswered);
    let resolving = Err(Unresolved::Resolving);
    let moved = Ok(NextHop {
        destination: MOVED,
        ..HOP
    });
    let elsewhere = Ok(NextHop {
        ifindex: OTHER,
        ..HOP
    });
    let cases = [
        (Some(Neighbour::Fresh(MEMBER)), None, Ok(HOP)),
        (Some(Neighbour::Stale(MEMBER)), Some(unanswered), Ok(HOP)),
        (Some(Neighbour::Fresh(MOVED)), Some(Ok(HOP)), moved),
        (Some(Neighbour::Failed), Some(Ok(HOP)), unanswered),
        (Some(Neighbour::Asked), Some(Ok(HOP)), Ok(HOP)),
        (None, Some(Ok(HOP)), Ok(HOP)),
        (None, Some(elsewhere), resolving),
        (Some(Neighbour::Asked), Some(unanswered), unanswered),
        (None, Some(unanswered), unanswered),
        (None, None, resolving),
        (
            Some(Neighbour::Asked),
            Some(Err(Unresolved::NoRoute)),
            resolving,
        ),
        (
            Some(Neighbour::NotEthernet),
            Some(Ok(HOP)),
            Err(Unresolved::NotEthernet { ifindex: EDGE }),
        ),
    ];
    for (neighbour, previous, wanted) in cases {
        let found = next(ON_LINK, UP, neighbour, previous);
        assert_eq!(found, wanted, "{neighbour:?} after {previous:?}");
    }
}

#[test]
fn a_new_mac_of_our_own_or_another_mtu_shows_even_while_the_member_is_asked_for() {
    let link = Link {
        mac: Some(MOVED),
        mtu: 9000,
        ..UP
    };
    let found = next(ON_LINK, link, Some(Neighbour::Asked), Some(Ok(HOP)));
    assert_eq!(
        found,
        Ok(NextHop {
            source: MOVED,
            mtu: 9000,
            clients_mtu: 9000,
            ..HOP
        })
    );
}

#[test]
fn a_gateway_is_followed_and_the_route_knows_better_than_the_interface() {
    let gateway = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
    let route = |mtu| {
        Route::Unicast(Unicast {
            ifindex: EDGE,
            gateway: Some(gateway),
            source: Some(gateway),
            mtu,
        })
    };
    let behind = NextHop {
        address: Some(gateway),
        gateway: Some(gateway),
        ..HOP
    };
    for (mtu, wanted) in [(None, 1500), (Some(1400), 1400), (Some(9000), 1500)] {
        let found = next(route(mtu), UP, Some(Neighbour::Fresh(MEMBER)), None);
        let wanted = NextHop {
            mtu: wanted,
            ..behind
        };
        assert_eq!(found, Ok(wanted));
    }
    // The MAC address that was known is the member's own: it says nothing about the gateway.
    assert_eq!(
        next(route(None), UP, None, Some(Ok(HOP))),
        Err(Unresolved::Resolving)
    );
}

#[test]
fn a_route_by_a_vlan_leaves_by_the_interface_below_that_is_attached() {
    let (vlan, inner, deepest) = (10, 11, 12);
    let above = |below| Link {
        mac: Some(MOVED),
        mtu: 1496,
        below: Some(below),
        ..UP
    };
    let links = BTreeMap::from([
        (EDGE, UP),
        (vlan, above(EDGE)),
        (inner, above(vlan)),
        (deepest, above(inner)),
    ]);
    let find = |ifindex, attached: u32| {
        let route = Route::Unicast(Unicast {
            ifindex,
            ..Unicast::default()
        });
        let known = Some(Neighbour::Fresh(MEMBER));
        next_hop(route, &BTreeSet::from([attached]), &links, known, None)
    };
    let through = |ifindex| {
        Ok(NextHop {
            ifindex,
            source: MOVED,
            mtu: 1496,
            clients_mtu: if ifindex == EDGE { 1500 } else { 1496 },
            ..HOP
        })
    };
    for (ifindex, attached, wanted) in [
        (vlan, EDGE, through(EDGE)),
        (inner, EDGE, through(EDGE)),
        (inner, vlan, through(vlan)),
        (vlan, vlan, through(vlan)),
        (
            deepest,
            EDGE,
            Err(Unresolved::NotAttached { ifindex: deepest }),
        ),
        (EDGE, vlan, Err(Unresolved::NotAttached { ifindex: EDGE })),
    ] {
        assert_eq!(find(ifindex, attached), wanted, "{ifindex} on {attached}");
    }
}

#[test]
fn clients_come_in_on_the_other_interfaces_if_there_are_any() {
    let mtu = |mtu| Link { mtu, ..UP };
    let links = BTreeMap::from([(1, mtu(1500)), (2, mtu(9000)), (3, mtu(590))]);
    let found = |attached: &[u32]| {
        let attached = attached.iter().copied().collect();
        let route = Route::Unicast(Unicast {
            ifindex: 3,
            ..Unicast::default()
        });
        let fresh = Some(Neighbour::Fresh(MEMBER));
        let hop = next_hop(route, &attached, &links, fresh, None).unwrap();
        (hop.mtu, hop.clients_mtu)
    };
    assert_eq!(found(&[3]), (590, 590));
    assert_eq!(found(&[1, 3]), (590, 1500));
    assert_eq!(found(&[1, 2, 3]), (590, 9000));
}
