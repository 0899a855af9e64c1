use rtnetlink::packet_core::NetlinkHeader;
use rtnetlink::packet_route::route::RouteMetric;

use super::*;

const MEMBER: [u8; 4] = [10, 0, 0, 2];

fn members() -> BTreeSet<IpAddr> {
    BTreeSet::from([MEMBER.into()])
}

fn neighbour(address: [u8; 4], state: NeighbourState, mac: Option<&[u8]>) -> NeighbourMessage {
    let mut message = NeighbourMessage::default();
    message.header.ifindex = 3;
    message.header.state = state;
    let address = NeighbourAddress::Inet(address.into());
    message
        .attributes
        .push(NeighbourAttribute::Destination(address));
    let mac = mac.map(|mac| NeighbourAttribute::LinkLayerAddress(mac.to_vec()));
    message.attributes.extend(mac);
    message
}

fn news(payload: NetlinkPayload<RouteNetlinkMessage>) -> bool {
    concerns(
        &NetlinkMessage::new(NetlinkHeader::default(), payload),
        &members(),
    )
}

#[test]
fn only_news_that_may_concern_a_member_wake_us() {
    let of = |address| {
        let message = neighbour(address, NeighbourState::Stale, None);
        NetlinkPayload::InnerMessage(RouteNetlinkMessage::NewNeighbour(message))
    };
    assert!(news(of(MEMBER)));
    assert!(!news(of([10, 0, 0, 3])));
    let route = RouteNetlinkMessage::DelRoute(RouteMessage::default());
    assert!(news(NetlinkPayload::InnerMessage(route)));
    assert!(!news(NetlinkPayload::Noop));
}

#[test]
fn lost_news_are_news() {
    assert!(news(NetlinkPayload::Overrun(Vec::new())));
}

#[test]
fn a_neighbour_is_what_the_kernel_would_do_with_it() {
    let mac = [2, 0, 0, 0, 0, 9];
    let cases = [
        (
            NeighbourState::Reachable,
            Some(&mac[..]),
            Some(Neighbour::Fresh(mac)),
        ),
        (
            NeighbourState::Delay,
            Some(&mac),
            Some(Neighbour::Fresh(mac)),
        ),
        (
            NeighbourState::Probe,
            Some(&mac),
            Some(Neighbour::Fresh(mac)),
        ),
        (
            NeighbourState::Permanent,
            Some(&mac),
            Some(Neighbour::Fresh(mac)),
        ),
        (
            NeighbourState::Noarp,
            Some(&mac[..4]),
            Some(Neighbour::NotEthernet),
        ),
        (NeighbourState::Noarp, None, Some(Neighbour::NotEthernet)),
        (
            NeighbourState::Stale,
            Some(&mac),
            Some(Neighbour::Stale(mac)),
        ),
        // The kernel still shows the address of one that failed.
        (NeighbourState::Failed, Some(&mac), Some(Neighbour::Failed)),
        (NeighbourState::Incomplete, None, Some(Neighbour::Asked)),
        (NeighbourState::None, None, None),
    ];
    for (state, mac, wanted) in cases {
        let found = read_neighbour(&neighbour(MEMBER, state, mac));
        assert_eq!(
            found,
            wanted.map(|neighbour| ((3, MEMBER.into()), neighbour)),
            "{state:?}"
        );
    }
}

#[test]
fn a_route_says_where_packets_leave_and_from_which_address() {
    let route = |kind, attributes: &[RouteAttribute]| {
        let mut route = RouteMessage::default();
        route.header.kind = kind;
        route.attributes = attributes.to_vec();
        read_route(&route)
    };
    let v4 = |address: [u8; 4]| RouteAddress::Inet(address.into());
    let metrics = RouteAttribute::Metrics(vec![RouteMetric::Hoplimit(9), RouteMetric::Mtu(1400)]);
    let source = RouteAttribute::PrefSource(v4([10, 0, 0, 7]));
    let on_link = [RouteAttribute::Oif(3), metrics, source];
    let straight = Unicast {
        ifindex: 3,
        gateway: None,
        source: Some([10, 0, 0, 7].into()),
        mtu: Some(1400),
    };
    let gateway = RouteAttribute::Gateway(v4([10, 0, 0, 1]));
    let behind = Unicast {
        ifindex: 3,
        gateway: Some([10, 0, 0, 1].into()),
        ..Unicast::default()
    };
    assert_eq!(
        route(RouteType::Unicast, &on_link),
        Route::Unicast(straight)
    );
    assert_eq!(
        route(RouteType::Unicast, &[RouteAttribute::Oif(3), gateway]),
        Route::Unicast(behind)
    );
    assert_eq!(route(RouteType::Local, &on_link), Route::Local);
    assert_eq!(route(RouteType::Broadcast, &on_link), Route::NotUnicast);
    assert_eq!(route(RouteType::BlackHole, &on_link), Route::None);
    assert_eq!(route(RouteType::Unicast, &[]), Route::None);
}

#[test]
fn only_a_vlan_interface_has_one_below_it() {
    let link = |kind| {
        let mut link = LinkMessage::default();
        link.attributes = vec![
            LinkAttribute::Link(3),
            LinkAttribute::LinkInfo(vec![LinkInfo::Kind(kind)]),
        ];
        read_link(&link)
    };
    assert_eq!(link(InfoKind::Vlan).below, Some(3));
    // The other end of a veth stands in the same attribute.
    assert_eq!(link(InfoKind::Veth).below, None);
}

/// An error that is no answer has the sockets opened anew, for all members.
#[test]
fn what_the_kernel_refuses_for_good_is_no_route() {
    let refused = |number: i32| {
        let mut error = ErrorMessage::default();
        error.code = std::num::NonZeroI32::new(-number);
        is_no_route(&error)
    };
    for number in [
        libc::ENETUNREACH,
        libc::EHOSTUNREACH,
        libc::EACCES,
        libc::EINVAL,
        // IPv6 is switched off.
        libc::EAFNOSUPPORT,
        libc::EOPNOTSUPP,
    ] {
        assert!(refused(number), "{number}");
    }
    for number in [libc::ENOBUFS, libc::ENOMEM, libc::EPERM] {
        assert!(!refused(number), "{number}");
    }
}
