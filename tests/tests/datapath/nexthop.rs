//! Next hops on a veth: the far namespace plays the members.

use std::collections::BTreeSet;
use std::fs;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use sasp_ctl::datapath::nexthop::{NextHop, NextHops, Replies, Unresolved, spawn};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::lab::{EDGE, FAR, Lab};

/// Far beyond what anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// What is watched, and what is found.
struct Found {
    members: watch::Sender<BTreeSet<IpAddr>>,
    attached: watch::Sender<BTreeSet<u32>>,
    replies: watch::Sender<Replies>,
    snapshots: watch::Receiver<Arc<NextHops>>,
}

impl Found {
    /// Waits until a member is as wanted.
    async fn wait(&mut self, member: &str, wanted: Result<NextHop, Unresolved>) {
        let address: IpAddr = member.parse().unwrap();
        let is_wanted = |next_hops: &Arc<NextHops>| next_hops.get(&address) == Some(&wanted);
        let result = timeout(PATIENCE, self.snapshots.wait_for(is_wanted)).await;
        let result = result.map(|found| found.map(drop));
        let last = self.snapshots.borrow().get(&address).copied();
        assert!(
            matches!(result, Ok(Ok(()))),
            "{member} is {last:?}, not {wanted:?}"
        );
    }
}

/// A lab with addresses at both ends, and a task that watches `members`.
fn with_members(members: &[&str], test: impl AsyncFnOnce(&Lab, Found) + Send) {
    let lab = Lab::new();
    for family in ["10.1.0", "fd00:1:"] {
        let prefix = if family.contains(':') {
            "64 nodad"
        } else {
            "24"
        };
        let separator = if family.contains(':') { ":" } else { "." };
        lab.edge_ip(&format!(
            "address add {family}{separator}1/{prefix} dev {EDGE}"
        ));
        lab.far_ip(&format!(
            "address add {family}{separator}2/{prefix} dev {FAR}"
        ));
    }
    let members: BTreeSet<IpAddr> = members
        .iter()
        .map(|member| member.parse().unwrap())
        .collect();
    let ifindex = lab.ifindex(EDGE);
    lab.inside(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let (sender, receiver) = watch::channel(members);
            let (attached, interfaces) = watch::channel([ifindex].into());
            let (replies, translated) = watch::channel(Replies::default());
            let snapshots = spawn(interfaces, receiver, translated).unwrap();
            test(
                &lab,
                Found {
                    members: sender,
                    attached,
                    replies,
                    snapshots,
                },
            )
            .await;
        });
    });
}

fn mac_of(details: &str) -> [u8; 6] {
    let (_, behind) = details.split_once("link/ether ").unwrap();
    parse_mac(behind.split_whitespace().next().unwrap())
}

fn parse_mac(text: &str) -> [u8; 6] {
    let bytes: Vec<_> = text
        .split(':')
        .map(|byte| u8::from_str_radix(byte, 16).unwrap())
        .collect();
    bytes.try_into().unwrap()
}

fn hop(lab: &Lab) -> NextHop {
    NextHop {
        ifindex: lab.ifindex(EDGE),
        source: mac_of(&lab.edge_ip(&format!("link show {EDGE}"))),
        destination: mac_of(&lab.far_ip(&format!("link show {FAR}"))),
        mtu: 1500,
        clients_mtu: 1500,
        address: Some("10.1.0.1".parse().unwrap()),
        gateway: None,
    }
}

fn hop6(lab: &Lab) -> NextHop {
    NextHop {
        address: Some("fd00:1::1".parse().unwrap()),
        ..hop(lab)
    }
}

/// Lets the kernel doubt a neighbour after tenths of seconds instead of half a minute. Must run in the namespace.
fn hurry() {
    for family in ["ipv4", "ipv6"] {
        let directory = format!("/proc/sys/net/{family}/neigh/{EDGE}");
        fs::write(format!("{directory}/base_reachable_time_ms"), "200").unwrap();
        fs::write(format!("{directory}/retrans_time_ms"), "100").unwrap();
        fs::write(format!("{directory}/delay_first_probe_time"), "0").unwrap();
    }
}

#[test]
fn members_on_the_segment_are_resolved_in_both_families() {
    with_members(&["10.1.0.2", "fd00:1::2"], async |lab, mut found| {
        found.wait("10.1.0.2", Ok(hop(lab))).await;
        found.wait("fd00:1::2", Ok(hop6(lab))).await;
    });
}

#[test]
fn every_way_that_cannot_be_used_says_why() {
    let members = [
        "10.1.0.1",
        "10.1.0.255",
        "224.0.0.9",
        "10.2.0.9",
        "192.0.2.9",
    ];
    with_members(&members, async |lab, mut found| {
        lab.add_veth("edge1", "far1");
        lab.edge_ip("address add 10.2.0.1/24 dev edge1");
        lab.edge_ip("route add unreachable 192.0.2.0/24");
        let other = lab.ifindex("edge1");
        found.wait("10.1.0.1", Err(Unresolved::Local)).await;
        found.wait("10.1.0.255", Err(Unresolved::NotUnicast)).await;
        found.wait("224.0.0.9", Err(Unresolved::NoRoute)).await;
        found
            .wait("10.2.0.9", Err(Unresolved::NotAttached { ifindex: other }))
            .await;
        let said = Unresolved::NotAttached { ifindex: other }.to_string();
        assert!(said.contains("attach to edge1 too"), "{said}");
        found
            .attached
            .send_replace([lab.ifindex(EDGE), other].into());
        found.wait("10.2.0.9", Err(Unresolved::Unanswered)).await;
        found.wait("192.0.2.9", Err(Unresolved::NoRoute)).await;
    });
}

#[test]
fn members_behind_a_gateway_have_its_mac_address_and_the_routes_mtu_and_source() {
    let members = ["10.9.0.1", "10.8.0.1", "fd00:9::1"];
    with_members(&members, async |lab, mut found| {
        lab.edge_ip(&format!("address add 10.1.0.7/24 dev {EDGE}"));
        lab.edge_ip("route add 10.9.0.0/24 via 10.1.0.2 src 10.1.0.7 mtu 1400");
        lab.edge_ip("route add 10.8.0.0/24 via inet6 fd00:1::2");
        lab.edge_ip("route add fd00:9::/64 via fd00:1::2 mtu 1300");
        let via = |gateway: &str, hop| NextHop {
            gateway: Some(gateway.parse().unwrap()),
            ..hop
        };
        let narrow = NextHop {
            mtu: 1400,
            address: Some("10.1.0.7".parse().unwrap()),
            ..via("10.1.0.2", hop(lab))
        };
        found.wait("10.9.0.1", Ok(narrow)).await;
        found.wait("10.8.0.1", Ok(via("fd00:1::2", hop(lab)))).await;
        let v6 = NextHop {
            mtu: 1300,
            ..via("fd00:1::2", hop6(lab))
        };
        found.wait("fd00:9::1", Ok(v6)).await;

        // The gateway is kept fresh as members are.
        lab.far_ip(&format!("address del 10.1.0.2/24 dev {FAR}"));
        lab.edge_ip(&format!("neigh flush dev {EDGE}"));
        found.wait("10.9.0.1", Err(Unresolved::Unanswered)).await;
        lab.edge_ip("route del 10.9.0.0/24");
        lab.edge_ip(&format!("route add 10.9.0.0/24 dev {EDGE}"));
        lab.far_ip(&format!("address add 10.9.0.1/32 dev {FAR}"));
        found.wait("10.9.0.1", Ok(hop(lab))).await;
    });
}

#[test]
fn a_member_that_does_not_answer_is_found_when_it_comes() {
    with_members(&["10.1.0.3", "fd00:1::3"], async |lab, mut found| {
        found.wait("10.1.0.3", Err(Unresolved::Resolving)).await;
        found.wait("10.1.0.3", Err(Unresolved::Unanswered)).await;
        found.wait("fd00:1::3", Err(Unresolved::Unanswered)).await;
        lab.far_ip(&format!("address add 10.1.0.3/24 dev {FAR}"));
        lab.far_ip(&format!("address add fd00:1::3/64 dev {FAR} nodad"));
        found.wait("10.1.0.3", Ok(hop(lab))).await;
        found.wait("fd00:1::3", Ok(hop6(lab))).await;
    });
}

#[test]
fn a_member_that_falls_silent_is_noticed_without_traffic() {
    with_members(&["10.1.0.2", "fd00:1::2"], async |lab, mut found| {
        hurry();
        found.wait("10.1.0.2", Ok(hop(lab))).await;
        found.wait("fd00:1::2", Ok(hop6(lab))).await;
        lab.far_ip(&format!("address del 10.1.0.2/24 dev {FAR}"));
        lab.far_ip(&format!("address del fd00:1::2/64 dev {FAR}"));
        found.wait("10.1.0.2", Err(Unresolved::Unanswered)).await;
        found.wait("fd00:1::2", Err(Unresolved::Unanswered)).await;
    });
}

#[test]
fn new_mac_addresses_at_either_end_are_followed() {
    with_members(&["10.1.0.2"], async |lab, mut found| {
        hurry();
        let before = hop(lab);
        found.wait("10.1.0.2", Ok(before)).await;
        lab.far_ip(&format!("link set {FAR} address 02:00:00:00:00:77"));
        let moved = NextHop {
            destination: parse_mac("02:00:00:00:00:77"),
            ..before
        };
        found.wait("10.1.0.2", Ok(moved)).await;

        lab.edge_ip(&format!(
            "link set {EDGE} address 02:00:00:00:00:78 mtu 1400"
        ));
        let renamed = NextHop {
            source: parse_mac("02:00:00:00:00:78"),
            mtu: 1400,
            clients_mtu: 1400,
            ..moved
        };
        found.wait("10.1.0.2", Ok(renamed)).await;
    });
}

#[test]
fn a_flushed_neighbour_does_not_shake_its_member() {
    with_members(&["10.1.0.2", "10.1.0.9"], async |lab, mut found| {
        found.wait("10.1.0.2", Ok(hop(lab))).await;
        found.snapshots.mark_unchanged();
        lab.edge_ip(&format!("neigh flush dev {EDGE}"));
        // The other member's fate is a sign that the flush has been read long ago.
        lab.far_ip(&format!("address add 10.1.0.9/24 dev {FAR}"));
        let other: IpAddr = "10.1.0.9".parse().unwrap();
        let member: IpAddr = "10.1.0.2".parse().unwrap();
        loop {
            timeout(PATIENCE, found.snapshots.changed())
                .await
                .unwrap()
                .unwrap();
            let snapshot = found.snapshots.borrow_and_update().clone();
            assert_eq!(snapshot[&member], Ok(hop(lab)));
            if snapshot[&other].is_ok() {
                break;
            }
        }
    });
}

#[test]
fn an_interface_that_goes_down_takes_its_members_along_until_it_is_back() {
    with_members(&["10.1.0.2"], async |lab, mut found| {
        let down = Err(Unresolved::InterfaceDown {
            ifindex: lab.ifindex(EDGE),
        });
        found.wait("10.1.0.2", Ok(hop(lab))).await;
        // No carrier.
        lab.far_ip(&format!("link set {FAR} down"));
        found.wait("10.1.0.2", down).await;
        lab.far_ip(&format!("link set {FAR} up"));
        found.wait("10.1.0.2", Ok(hop(lab))).await;
        lab.edge_ip(&format!("link set {EDGE} down"));
        found.wait("10.1.0.2", down).await;
        lab.edge_ip(&format!("link set {EDGE} up"));
        found.wait("10.1.0.2", Ok(hop(lab))).await;
    });
}

#[test]
fn members_come_and_go_and_nothing_is_said_without_news() {
    with_members(&[], async |lab, mut found| {
        let (member, other): (IpAddr, IpAddr) =
            ("10.1.0.2".parse().unwrap(), "10.1.0.1".parse().unwrap());
        found.members.send_replace([member].into());
        found.wait("10.1.0.2", Ok(hop(lab))).await;
        found.snapshots.mark_unchanged();
        // A route that leads elsewhere is read, but changes nothing.
        lab.edge_ip("route add unreachable 198.51.100.0/24");
        found.members.send_replace([member, other].into());
        timeout(PATIENCE, found.snapshots.changed())
            .await
            .unwrap()
            .unwrap();
        let snapshot = found.snapshots.borrow_and_update().clone();
        assert_eq!(snapshot.len(), 2, "the first news is the new member");

        found.members.send_replace([other].into());
        timeout(PATIENCE, found.snapshots.changed())
            .await
            .unwrap()
            .unwrap();
        assert_eq!(
            found.snapshots.borrow().keys().collect::<Vec<_>>(),
            [&other]
        );
        drop(found.members);
        let ended = timeout(PATIENCE, found.snapshots.changed()).await.unwrap();
        assert!(ended.is_err(), "the task ends with its members");
    });
}

#[test]
fn a_static_neighbour_is_used_as_it_is() {
    with_members(&["10.1.0.50"], async |lab, mut found| {
        lab.edge_ip(&format!(
            "neigh replace 10.1.0.50 lladdr 02:00:00:00:00:50 dev {EDGE} nud permanent"
        ));
        let hop = NextHop {
            destination: parse_mac("02:00:00:00:00:50"),
            ..hop(lab)
        };
        found.wait("10.1.0.50", Ok(hop)).await;
        let shown = lab.edge_ip("neigh show 10.1.0.50");
        assert!(shown.contains("PERMANENT"), "{shown}");
    });
}

#[test]
fn gateways_towards_clients_are_kept_resolved_while_replies_are_translated() {
    with_members(&["10.1.0.2"], async |lab, mut found| {
        lab.far_ip(&format!("address add 10.1.0.3/24 dev {FAR}"));
        lab.far_ip(&format!("address add fd00:1::3/64 dev {FAR} nodad"));
        lab.edge_ip("route add default via 10.1.0.3");
        lab.edge_ip(&format!(
            "route add 198.51.100.0/24 nexthop via 10.1.0.4 dev {EDGE} nexthop via 10.1.0.2 dev {EDGE}"
        ));
        lab.edge_ip("-6 route add default via fd00:1::3");
        found.wait("10.1.0.2", Ok(hop(lab))).await;
        let asked = |gateway: &str| {
            let shown = lab.edge_ip(&format!("neigh show {gateway} dev {EDGE}"));
            !shown.trim().is_empty()
        };
        let gateways = ["10.1.0.3", "10.1.0.4", "fd00:1::3"];
        assert_eq!(gateways.map(asked), [false; 3], "nobody needs them yet");

        found.replies.send_replace(Replies { v4: true, v6: true });
        until(async || gateways.iter().all(|gateway| asked(gateway))).await;
        until(async || {
            let known = ["10.1.0.3", "fd00:1::3"];
            known.iter().all(|gateway| {
                let shown = lab.edge_ip(&format!("neigh show {gateway} dev {EDGE}"));
                shown.contains("lladdr")
            })
        })
        .await;
        lab.edge_ip(&format!("neigh flush dev {EDGE}"));
        until(async || asked("10.1.0.3") && asked("fd00:1::3")).await;
    });
}

/// Asks the kernel again and again: a neighbour's state gives no event here.
async fn until(condition: impl AsyncFn() -> bool) {
    let asking = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, asking).await.expect("in time");
}
