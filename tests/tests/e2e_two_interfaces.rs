//! Clients on one interface, members behind another: packets are redirected.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tests::lab::config;
use tests::lab::farm::Farm;
use tests::lab::http;
use tests::lab::judge;
use tests::lab::namespace::{Namespace, sysctl};
use tests::lab::site::{VIP4, VIP6};

const DEADLINE: Duration = Duration::from_secs(30);
const EDGE4: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 1);
const EDGE6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 2, 0, 0, 0, 0, 1);

/// A client behind the edge's second interface. The edge is the members' way back to it, so it must not own the VIPs:
/// the kernel forwards nothing that seems to come from itself.
fn outside(farm: &Farm) -> Namespace {
    let site = &farm.site;
    let outside = Namespace::new(format!("{}-outside", site.name())).unwrap();
    let edge = &site.edge.namespace;
    edge.ip(&format!(
        "link add eth1 type veth peer name eth0 netns {}\n\
         link set eth1 up\n\
         addr add {EDGE4}/24 dev eth1\n\
         addr add {EDGE6}/64 dev eth1 nodad\n\
         addr del {VIP4}/32 dev eth0\n\
         addr del {VIP6}/128 dev eth0",
        outside.name()
    ))
    .unwrap();
    outside
        .ip(&format!(
            "link set eth0 up\n\
             addr add 198.51.100.2/24 dev eth0\n\
             addr add 2001:db8:2::2/64 dev eth0 nodad\n\
             route add default via {EDGE4}\n\
             route add default via {EDGE6}"
        ))
        .unwrap();
    outside
        .output("ethtool", &["-K", "eth0", "tx", "off"])
        .unwrap();
    let forwarding = edge.inside(|| {
        sysctl("net/ipv4/ip_forward", "1")?;
        sysctl("net/ipv4/conf/all/rp_filter", "0")?;
        sysctl("net/ipv4/conf/eth0/rp_filter", "0")?;
        sysctl("net/ipv6/conf/all/forwarding", "1")
    });
    forwarding.unwrap().unwrap();
    for member in &site.members {
        let (v4, v6) = (site.edge.ipv4(), site.edge.ipv6());
        let routes = format!("route add default via {v4}\nroute add default via {v6}");
        member.namespace.ip(&routes).unwrap();
    }
    outside
}

#[test]
fn members_behind_another_interface_are_reached_by_redirection() {
    for mode in ["native", "generic"] {
        let mut farm = Farm::new(2).unwrap();
        let outside = outside(&farm);
        let vips = [IpAddr::from(VIP4), VIP6.into()].map(|vip| SocketAddr::from((vip, 80)));
        let config = ["FARM1", "FARM6"]
            .iter()
            .zip(vips)
            .map(|(group, vip)| config::service(&farm.site, group, vip, &[1, 2], ""))
            .collect::<String>();
        farm.attach(&config, &["eth1", "--mode", mode]).unwrap();
        for vip in vips {
            farm.await_shares(vip, &[1, 2]).unwrap();
            let tally = http::sample(&outside, vip, 600, DEADLINE).unwrap();
            assert_eq!(tally.failed(), 0, "{mode} {vip}: {:?}", tally.failures);
            assert_eq!(
                judge::connections(&tally, &farm.asked(&[1, 2])),
                None,
                "{mode} {vip}"
            );
        }
    }
}
