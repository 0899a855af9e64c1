//! Clients on one interface, members behind another: packets are redirected, whatever the second one is.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::thread;
use std::time::Duration;

use tests::lab::config;
use tests::lab::farm::Farm;
use tests::lab::http;
use tests::lab::judge;
use tests::lab::namespace::{Namespace, sysctl};
use tests::lab::site::{Site, VIP4, VIP6};
use tests::lab::status;
use tests::lab::wait::until_true;

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

/// A member behind an interface `eth1` of the edge, which answers datagrams to the VIP.
struct Inside {
    namespace: Namespace,
}

const INSIDE: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 3);
const VIP: (Ipv4Addr, u16) = (VIP4, 9000);

impl Inside {
    /// The edge routes its answers, so it must not own the VIP. Its address is on `egress`, `eth1` or a bridge above.
    fn behind(site: &Site, egress: &str) -> Self {
        let namespace = Namespace::new(format!("{}-inside", site.name())).unwrap();
        let edge = &site.edge.namespace;
        edge.ip(&format!(
            "link add eth1 type veth peer name eth0 netns {}\n\
             addr del {VIP4}/32 dev eth0",
            namespace.name()
        ))
        .unwrap();
        if egress != "eth1" {
            let bridge = format!(
                "link add {egress} type bridge\n\
                 link set eth1 master {egress} up"
            );
            edge.ip(&bridge).unwrap();
        }
        edge.ip(&format!(
            "link set {egress} up\n\
             addr add {EDGE4}/24 dev {egress}"
        ))
        .unwrap();
        let forwarding = edge.inside(|| {
            sysctl("net/ipv4/ip_forward", "1")?;
            sysctl("net/ipv4/conf/all/rp_filter", "0")
        });
        forwarding.unwrap().unwrap();
        namespace
            .ip(&format!(
                "link set eth0 up\n\
                 addr add {INSIDE}/24 dev eth0\n\
                 addr add {VIP4}/32 dev lo\n\
                 route add default via {EDGE4}"
            ))
            .unwrap();
        let client = &site.client.namespace;
        client
            .ip(&format!(
                "route replace {VIP4}/32 via {} dev eth0",
                site.edge.ipv4()
            ))
            .unwrap();
        Self { namespace }
    }

    /// At both ends of the cable.
    fn set_mtu(&self, site: &Site, mtu: u32) {
        let ends = [(&site.edge.namespace, "eth1"), (&self.namespace, "eth0")];
        for (namespace, interface) in ends {
            let line = format!("link set {interface} mtu {mtu}");
            namespace.ip(&line).unwrap();
        }
    }

    /// Sends back what comes, until the test ends.
    fn answer(&self) {
        let socket = self.namespace.inside(|| UdpSocket::bind(VIP)).unwrap();
        let socket = socket.unwrap();
        thread::spawn(move || {
            let mut buffer = [0; 2000];
            while let Ok((length, from)) = socket.recv_from(&mut buffer) {
                // Where the client is gone, so is the test.
                let _ = socket.send_to(&buffer[..length], from);
            }
        });
    }
}

/// A datagram of so many bytes to the VIP comes back.
fn is_answered(site: &Site, length: usize) -> bool {
    let exchange = || {
        let socket = UdpSocket::bind("0.0.0.0:0")?;
        socket.connect(VIP)?;
        socket.set_read_timeout(Some(Duration::from_secs(1)))?;
        socket.send(&vec![7; length])?;
        socket.recv(&mut [0; 2000])
    };
    let answered = site.client.namespace.inside(exchange).unwrap();
    answered.is_ok_and(|received| received == length)
}

fn await_active(farm: &Farm) {
    until_true(DEADLINE, "the member to be active", || {
        let members = status::members(&status::read(&farm.site)?, "203.0.113.10:9000")?;
        Ok(members.values().all(|member| member.state == "active"))
    })
    .unwrap();
}

#[test]
fn members_behind_a_bridge_are_reached_from_an_interface_that_was_native() {
    let mut farm = Farm::new(0).unwrap();
    let inside = Inside::behind(&farm.site, "sw1");
    inside.answer();
    let member = format!("{{ address = \"{INSIDE}:9000\" }}");
    let config = config::service_of("FARM1", VIP.into(), "udp", &member, "");
    farm.attach(&config, &["--mode", "native"]).unwrap();
    farm.kill_balancer().unwrap();

    farm.attach(&config, &["sw1", "--mode", "auto"]).unwrap();
    await_active(&farm);
    for _ in 0..15 {
        assert!(is_answered(&farm.site, 100));
    }
    let log = farm.balancer.as_ref().unwrap().log();
    let lines: Vec<_> = log
        .lines()
        .filter(|line| line.contains("generic mode"))
        .collect();
    let [line] = lines[..] else {
        panic!("{log}");
    };
    assert!(
        line.contains("sw1") && line.contains("no native XDP"),
        "{line}"
    );
}

#[test]
fn dsr_tells_clients_of_a_smaller_mtu_at_the_members_interface() {
    let mut farm = Farm::new(0).unwrap();
    let inside = Inside::behind(&farm.site, "eth1");
    inside.answer();
    inside.set_mtu(&farm.site, 590);
    let member = format!("{{ address = \"{INSIDE}:9000\" }}");
    let config = config::service_of("FARM1", VIP.into(), "udp", &member, "");
    farm.attach(&config, &["eth1", "--mode", "generic"])
        .unwrap();
    await_active(&farm);
    let told = |words: &[&str]| {
        until_true(DEADLINE, "a line of the log", || {
            let log = farm.balancer.as_ref().unwrap().log();
            Ok(log
                .lines()
                .any(|line| words.iter().all(|word| line.contains(word))))
        })
        .unwrap();
    };
    told(&["1 dsr member behind eth1: clients are told 590", "to 1500"]);
    // The first one brings the news, the client sends the next in fragments.
    until_true(DEADLINE, "a long datagram's answer", || {
        Ok(is_answered(&farm.site, 1000))
    })
    .unwrap();

    inside.set_mtu(&farm.site, 570);
    told(&["vip=203.0.113.10:9000/udp", "only 570 bytes"]);
    inside.set_mtu(&farm.site, 1500);
    until_true(DEADLINE, "room for everything", || {
        let status = status::read(&farm.site)?;
        Ok(status["services"][0]["members"][0]["client_mtu"].is_null())
    })
    .unwrap();
}
