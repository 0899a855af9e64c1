//! ICMP errors find their way through a translation, in both directions.

use std::io::ErrorKind;

use tests::lab::config;
use tests::lab::counters;
use tests::lab::wait::until_true;

use crate::exchange::{Connection, DEADLINE, udp};
use crate::rig::{self, CLOSED, DATA, Rig, vips};

const MEGABYTE: usize = 1 << 20;
/// What IPv6 takes, and less than everywhere else.
const NARROW: u32 = 1400;

#[test]
fn a_closed_port_of_a_member_shows_at_the_client_as_the_vips() {
    for forward in ["nat", "full-nat"] {
        let mut rig = Rig::two_armed(2);
        rig.edge_is_gateway();
        let config = rig.config(forward);
        rig.attach(&config, "native");
        for vip in vips(CLOSED) {
            let socket = udp(&rig.outside, vip).unwrap();
            // Members limit their errors: one may be missing.
            until_true(DEADLINE, "port unreachable", || {
                let refused = |result: std::io::Result<usize>| {
                    result.is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused)
                };
                Ok(refused(socket.send(b"x")) || refused(socket.recv(&mut [0; 16])))
            })
            .unwrap_or_else(|error| panic!("{forward} {vip}: {error:#}"));
        }
        rig.assert_checksums(forward);
    }
}

#[test]
fn downloads_get_through_a_narrow_link_before_the_client() {
    for forward in ["nat", "full-nat"] {
        let mut rig = Rig::two_armed(2);
        rig.edge_is_gateway();
        let edge = &rig.farm.site.edge.namespace;
        edge.ip(
            "route add 10.9.0.0/24 via 198.51.100.2\nroute add 2001:db8:9::/64 via 2001:db8:2::2",
        )
        .unwrap();
        let router = rig.outside.name().to_owned();
        rig.behind_outside(9, NARROW);
        let config = rig.config(forward);
        rig.attach(&config, "native");
        let far = rig.beyond(0);
        for vip in vips(DATA) {
            for _ in 0..4 {
                let mut connection = Connection::open(far, vip, DEADLINE).unwrap();
                let seen = connection.exchange(100, MEGABYTE);
                seen.unwrap_or_else(|error| panic!("{forward} {vip} behind {router}: {error:#}"));
            }
        }
        let told = |name| -> u64 {
            let members = rig.farm.site.members.iter();
            members
                .map(|member| counters::read_v6(&member.namespace, name).unwrap())
                .sum()
        };
        assert!(told("Icmp6InPktTooBigs") > 0, "{forward}");
        rig.assert_checksums(forward);
    }
}

#[test]
fn uploads_get_through_a_narrow_link_before_the_member() {
    for forward in ["nat", "full-nat"] {
        let mut rig = Rig::two_armed(1);
        rig.edge_is_gateway();
        let via = (
            rig.farm.site.members[0].ipv4(),
            rig.farm.site.members[0].ipv6(),
        );
        let routes = format!(
            "route add 10.8.0.0/24 via {}\nroute add 2001:db8:8::/64 via {}",
            via.0, via.1
        );
        rig.farm.site.edge.namespace.ip(&routes).unwrap();
        rig.behind_member(8, NARROW);
        rig::serve(rig.beyond(0), "far");
        let mut config = rig::pool("");
        for (vip, member) in vips(DATA)
            .into_iter()
            .zip(["10.8.0.2:9001", "[2001:db8:8::2]:9001"])
        {
            let members = format!("{{ address = \"{member}\", weight = 1 }}");
            let extra = format!("forward = \"{forward}\"");
            config += &config::service_of(&format!("far-{vip}"), vip, "tcp", &members, &extra);
        }
        rig.attach(&config, "native");
        for vip in vips(DATA) {
            let mut connection = Connection::open(&rig.outside, vip, DEADLINE).unwrap();
            let seen = connection.exchange(MEGABYTE, 100);
            let seen = seen.unwrap_or_else(|error| panic!("{forward} {vip}: {error:#}"));
            assert_eq!(seen.server, "far");
        }
        let told = counters::read_v6(&rig.outside, "Icmp6InPktTooBigs").unwrap();
        assert!(told > 0, "{forward}");
        rig.assert_checksums(forward);
    }
}

/// The edge's own interface is the narrow one: nobody else can tell the members.
#[test]
fn downloads_get_through_a_narrow_interface_towards_the_clients() {
    for forward in ["nat", "full-nat"] {
        let mut rig = Rig::two_armed(1);
        rig.edge_is_gateway();
        rig.narrow_towards_clients(NARROW);
        let config = rig.config(forward);
        rig.attach(&config, "native");
        for vip in vips(DATA) {
            // The client's own MSS tells nothing: its interface is as wide as the members'.
            let mut connection = Connection::open(&rig.outside, vip, DEADLINE).unwrap();
            let seen = connection.exchange(100, MEGABYTE);
            seen.unwrap_or_else(|error| panic!("{forward} {vip}: {error:#}"));
        }
        rig.assert_checksums(&format!("{forward}, narrow egress"));
    }
}

/// The daemon looks every few seconds.
#[test]
fn downloads_of_full_nat_get_through_an_interface_that_has_become_narrow() {
    let mut rig = Rig::two_armed(1);
    rig.edge_is_gateway();
    let config = rig.config("full-nat");
    rig.attach(&config, "native");
    rig.narrow_towards_clients(NARROW);
    for vip in vips(DATA) {
        let mut connection = Connection::open(&rig.outside, vip, DEADLINE).unwrap();
        let seen = connection.exchange(100, MEGABYTE);
        seen.unwrap_or_else(|error| panic!("{vip}: {error:#}"));
    }
    assert!(rig.counted("too_big_answered") > 0);
}
