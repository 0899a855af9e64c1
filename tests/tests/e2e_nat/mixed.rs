//! Modes beside each other and one after the other, and services of more than one port.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use tests::lab::balancer::{sasp_ctl, write_config};
use tests::lab::config;
use tests::lab::http;
use tests::lab::ping::ping;
use tests::lab::site::{VIP4, VIP6};
use tests::lab::tunnel_end::TunnelEnd;

use crate::exchange::{Connection, DEADLINE, ask, udp};
use crate::rig::{self, OUTSIDE4, POOL4, Rig};

/// What members need for `dsr` and tunnels.
fn own_vips(rig: &Rig, members: &[usize]) {
    for member in members {
        let own = format!("addr add {VIP4}/32 dev lo\naddr add {VIP6}/128 dev lo nodad");
        rig.farm.site.members[*member].namespace.ip(&own).unwrap();
    }
}

fn modes(rig: &Rig) -> BTreeSet<String> {
    let status = rig.status();
    let services = status["services"].as_array().unwrap().iter();
    let members = services.flat_map(|service| service["members"].as_array().unwrap());
    members
        .map(|member| member["forward"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_reload_changes_the_mode_of_a_service_that_is_in_use() {
    let mut rig = Rig::two_armed(2);
    rig.edge_is_gateway();
    own_vips(&rig, &[0, 1]);
    let vip = SocketAddr::from((VIP4, 9001));
    let config = |forward: &str| {
        let members = rig.members(vip, 9001, |_| String::new());
        let extra = format!("forward = \"{forward}\"");
        rig::pool("") + &config::service_of("FARM1", vip, "tcp", &members, &extra)
    };
    let [dsr, nat, full] = ["dsr", "nat", "full-nat"].map(config);
    rig.attach(&dsr, "native");
    for (mode, config, peer, change) in [
        ("dsr", dsr, OUTSIDE4, None),
        ("nat", nat, OUTSIDE4, Some("from dsr to nat")),
        ("full-nat", full, POOL4, Some("from nat to full-nat")),
    ] {
        write_config(&rig.farm.site, &config).unwrap();
        let reloaded = sasp_ctl(&rig.farm.site, &["reload"]).unwrap();
        let said = String::from_utf8(reloaded.stderr).unwrap();
        assert!(reloaded.status.success(), "{said}");
        let told = said.lines().filter(|line| line.contains("forward of"));
        assert_eq!(told.clone().count(), change.map_or(0, |_| 2), "{said}");
        for line in told {
            let change = change.unwrap_or_default();
            assert!(
                line.starts_with("warning: ") && line.contains(change),
                "{line}"
            );
        }
        assert_eq!(modes(&rig), [mode.to_owned()].into());
        for _ in 0..20 {
            let mut connection = Connection::open(&rig.outside, vip, DEADLINE).unwrap();
            let seen = connection.exchange(3000, 3000).unwrap();
            assert_eq!(seen.peer.ip(), peer, "{mode}");
        }
    }
    rig.assert_checksums("reload");
}

#[test]
fn members_of_one_service_are_reached_in_modes_of_their_own() {
    let mut rig = Rig::two_armed(4);
    rig.edge_is_gateway();
    own_vips(&rig, &[0, 1]);
    let _end = TunnelEnd::open(&rig.farm.site.members[1].namespace).unwrap();
    let modes_in_order = ["dsr", "ipip", "nat", "full-nat"];
    let mut config = rig::pool("");
    for vip in rig::vips(80) {
        let forward = |count: usize| format!(", forward = \"{}\"", modes_in_order[count]);
        let members = rig.members(vip, 80, forward);
        config += &config::service_of(&format!("FARM-{vip}"), vip, "tcp", &members, "");
    }
    rig.attach(&config, "native");
    assert_eq!(modes(&rig), modes_in_order.map(str::to_owned).into());
    for vip in rig::vips(80) {
        let tally = http::sample(&rig.outside, vip, 300, DEADLINE).unwrap();
        assert_eq!(tally.failed(), 0, "{vip}: {:?}", tally.failures);
        assert_eq!(tally.answers.len(), 4, "{vip}: {:?}", tally.answers);
    }
    rig.assert_checksums("mixed");
}

#[test]
fn a_vip_of_every_port_and_protocol_is_translated() {
    let mut rig = Rig::two_armed(1);
    rig.edge_is_gateway();
    let mut config = String::new();
    for vip in [IpAddr::from(VIP4), VIP6.into()] {
        let member = rig.farm.site.members[0].address_for((vip, 0).into()).ip();
        config += &format!(
            "[[service]]\ngroup = \"SYSTEM-{vip}\"\nvip = \"{vip}\"\nforward = \"nat\"\n\
             members = [ {{ address = \"{member}\", weight = 1 }} ]\n"
        );
    }
    rig.attach(&config, "native");
    for vip in [IpAddr::from(VIP4), VIP6.into()] {
        ping(&rig.outside, vip).unwrap();
        let mut connection = Connection::open(&rig.outside, (vip, 9001).into(), DEADLINE).unwrap();
        assert_eq!(
            connection.exchange(3000, 3000).unwrap().peer,
            connection.local
        );
        let body = rig.outside.inside(|| http::get((vip, 80).into())).unwrap();
        assert_eq!(body.unwrap(), "member-1");
        let socket = udp(&rig.outside, (vip, 9001).into()).unwrap();
        ask(&socket, b"any protocol").unwrap();
    }
    rig.assert_checksums("system");
}
