use std::net::{IpAddr, Ipv4Addr};

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
};
const HOP: NextHop = NextHop {
    ifindex: EDGE,
    source: OURS,
    destination: MEMBER,
    mtu: 1500,
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
    let gateway = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
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
        (Route::Gateway(gateway), UP, Unresolved::ViaGateway(gateway)),
        (
            Route::OnLink(OTHER),
            UP,
            Unresolved::NotAttached { ifindex: OTHER },
        ),
        (
            Route::OnLink(EDGE),
            down,
            Unresolved::InterfaceDown { ifindex: EDGE },
        ),
        (
            Route::OnLink(EDGE),
            no_mac,
            Unresolved::NotEthernet { ifindex: EDGE },
        ),
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
        let found = next(Route::OnLink(EDGE), UP, neighbour, previous);
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
    let found = next(
        Route::OnLink(EDGE),
        link,
        Some(Neighbour::Asked),
        Some(Ok(HOP)),
    );
    assert_eq!(
        found,
        Ok(NextHop {
            source: MOVED,
            mtu: 9000,
            ..HOP
        })
    );
}
