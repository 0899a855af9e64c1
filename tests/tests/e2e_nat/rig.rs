//! Clients outside, members inside, the edge between them: on two interfaces, or all on one segment.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use anyhow::Result;
use serde_json::Value;
use tests::lab::config;
use tests::lab::counters;
use tests::lab::farm::Farm;
use tests::lab::namespace::{Namespace, sysctl};
use tests::lab::site::{VIP4, VIP6};
use tests::lab::status;
use tests::lab::wait::until_true;
use tests::lab::xdp_pass::XdpPass;

use crate::exchange::{self, DEADLINE};

pub(crate) const EDGE4: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 1);
const EDGE6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 2, 0, 0, 0, 0, 1);
pub(crate) const OUTSIDE4: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 2);
pub(crate) const OUTSIDE6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 2, 0, 0, 0, 0, 2);
/// Of `full-nat`: the edge's, on the members' segment.
pub(crate) const POOL4: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 250);
pub(crate) const POOL6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 0xfa);

/// VIP ports. Members listen on others.
pub(crate) const HTTP: u16 = 8000;
pub(crate) const DATA: u16 = 9000;
pub(crate) const BARE: u16 = 9100;
pub(crate) const CLOSED: u16 = 9200;
const MEMBER_HTTP: u16 = 80;
const MEMBER_DATA: u16 = 9001;
const MEMBER_BARE: u16 = 9101;
const MEMBER_CLOSED: u16 = 9201;

pub(crate) struct Rig {
    pub(crate) farm: Farm,
    /// The clients' host. It may be a router too.
    pub(crate) outside: Namespace,
    /// What stands behind routers.
    beyond: Vec<Namespace>,
    _pass: Option<XdpPass>,
}

pub(crate) fn vips(port: u16) -> [SocketAddr; 2] {
    [IpAddr::from(VIP4), VIP6.into()].map(|vip| (vip, port).into())
}

impl Rig {
    /// Clients behind the edge's second interface, `eth1`.
    pub(crate) fn two_armed(members: u8) -> Self {
        let farm = Farm::new(members).unwrap();
        let outside = Namespace::new(format!("{}-outside", farm.site.name())).unwrap();
        let edge = &farm.site.edge.namespace;
        edge.ip(&format!(
            "link add eth1 type veth peer name eth0 netns {}\n\
             link set eth1 up\n\
             addr add {EDGE4}/24 dev eth1\n\
             addr add {EDGE6}/64 dev eth1 nodad",
            outside.name()
        ))
        .unwrap();
        for (namespace, interface) in [(edge, "eth1"), (&outside, "eth0")] {
            let off = ["-K", interface, "tx", "off"];
            namespace.output("ethtool", &off).unwrap();
        }
        let pass = XdpPass::attach(&outside, "eth0").unwrap();
        Self::finish(farm, outside, Some(pass))
    }

    /// Clients on the members' segment, in a network of their own.
    pub(crate) fn one_armed(members: u8) -> Self {
        let farm = Farm::new(members).unwrap();
        let outside = Namespace::new(format!("{}-outside", farm.site.name())).unwrap();
        farm.site.join(&outside, "to-outside").unwrap();
        let edge = &farm.site.edge.namespace;
        edge.ip(&format!(
            "addr add {EDGE4}/24 dev eth0\naddr add {EDGE6}/64 dev eth0 nodad"
        ))
        .unwrap();
        Self::finish(farm, outside, None)
    }

    /// The edge routes and owns no VIP; clients and members lead everything to it.
    fn finish(farm: Farm, outside: Namespace, pass: Option<XdpPass>) -> Self {
        outside
            .ip(&format!(
                "link set eth0 up\n\
                 addr add {OUTSIDE4}/24 dev eth0\n\
                 addr add {OUTSIDE6}/64 dev eth0 nodad\n\
                 route add default via {EDGE4}\n\
                 route add default via {EDGE6}"
            ))
            .unwrap();
        let site = &farm.site;
        site.edge
            .namespace
            .ip(&format!(
                "addr del {VIP4}/32 dev eth0\n\
                 addr del {VIP6}/128 dev eth0\n\
                 addr add {POOL4}/24 dev eth0\n\
                 addr add {POOL6}/64 dev eth0 nodad"
            ))
            .unwrap();
        route(&site.edge.namespace);
        for member in &site.members {
            // A packet that was not translated finds no VIP here.
            let vips = format!("addr del {VIP4}/32 dev lo\naddr del {VIP6}/128 dev lo");
            member.namespace.ip(&vips).unwrap();
            serve(&member.namespace, &member.name);
        }
        Self {
            farm,
            outside,
            beyond: Vec::new(),
            _pass: pass,
        }
    }

    /// Members reach other networks through the edge, as `nat` needs it.
    pub(crate) fn edge_is_gateway(&self) {
        let (v4, v6) = (self.farm.site.edge.ipv4(), self.farm.site.edge.ipv6());
        let routes = format!("route add default via {v4}\nroute add default via {v6}");
        for member in &self.farm.site.members {
            member.namespace.ip(&routes).unwrap();
        }
    }

    /// Gives the edge's interface towards the clients an MTU; the clients keep theirs.
    pub(crate) fn narrow_towards_clients(&self, mtu: u32) {
        let edge = &self.farm.site.edge.namespace;
        edge.ip(&format!("link set eth1 mtu {mtu}")).unwrap();
    }

    /// A host behind the clients' one, over a link of this MTU: 10.`net`.0.2 and 2001:db8:`net`::2.
    pub(crate) fn behind_outside(&mut self, net: u8, mtu: u32) {
        let host = behind(&self.outside, self.farm.site.name(), net, mtu);
        self.beyond.push(host);
    }

    /// The same behind the first member.
    pub(crate) fn behind_member(&mut self, net: u8, mtu: u32) {
        let site = &self.farm.site;
        let host = behind(&site.members[0].namespace, site.name(), net, mtu);
        self.beyond.push(host);
    }

    /// A host that was put behind another.
    pub(crate) fn beyond(&self, number: usize) -> &Namespace {
        &self.beyond[number]
    }

    /// Services of all members, with weights 1, 2, 3, … in this mode.
    pub(crate) fn config(&self, forward: &str) -> String {
        let mut config = pool("");
        for (protocol, port, to) in [
            ("tcp", HTTP, MEMBER_HTTP),
            ("tcp", DATA, MEMBER_DATA),
            ("udp", DATA, MEMBER_DATA),
            ("udp", BARE, MEMBER_BARE),
            ("udp", CLOSED, MEMBER_CLOSED),
        ] {
            for vip in vips(port) {
                let members = self.members(vip, to, |_| String::new());
                let group = format!("{protocol}-{vip}");
                let extra = format!("forward = \"{forward}\"");
                config += &config::service_of(&group, vip, protocol, &members, &extra);
            }
        }
        config
    }

    /// The members of a service, in TOML; `extra` keys by number from 0.
    pub(crate) fn members(
        &self,
        vip: SocketAddr,
        port: u16,
        extra: impl Fn(usize) -> String,
    ) -> String {
        let mut members = String::new();
        for (count, member) in self.farm.site.members.iter().enumerate() {
            let address = SocketAddr::new(member.address_for(vip).ip(), port);
            let (weight, extra) = (count + 1, extra(count));
            write!(
                members,
                "{{ address = \"{address}\", weight = {weight}{extra} }}, "
            )
            .unwrap();
        }
        members
    }

    pub(crate) fn attach(&mut self, config: &str, mode: &str) {
        let two_armed = self._pass.is_some();
        let args: &[&str] = match two_armed {
            true => &["eth1", "--mode", mode],
            false => &["--mode", mode],
        };
        self.farm.attach(config, args).unwrap();
        let resolved = "members with a next hop";
        let waited = until_true(DEADLINE, resolved, || {
            let status = status::read(&self.farm.site)?;
            let mut members = status["services"]
                .as_array()
                .unwrap()
                .iter()
                .flat_map(|service| {
                    let members = service["members"].as_array().unwrap();
                    members.iter()
                });
            Ok(members.all(|member| member["state"] == "active"))
        });
        if let Err(error) = waited {
            panic!("{error:#}: {:#}", status::read(&self.farm.site).unwrap());
        }
    }

    /// No kernel on the way has found a checksum wrong.
    pub(crate) fn assert_checksums(&self, what: &str) {
        let members = self
            .farm
            .site
            .members
            .iter()
            .map(|member| &member.namespace);
        let edge = &self.farm.site.edge.namespace;
        for namespace in members.chain([&self.outside, edge]).chain(&self.beyond) {
            for protocol in ["Tcp", "Udp", "Icmp"] {
                let wrong = counters::read(namespace, protocol, "InCsumErrors").unwrap();
                assert_eq!(wrong, 0, "{what}: {protocol} in {}", namespace.name());
            }
            let wrong = counters::read(namespace, "Ip", "InHdrErrors").unwrap();
            assert_eq!(wrong, 0, "{what}: IPv4 in {}", namespace.name());
            for name in ["Udp6InCsumErrors", "Icmp6InCsumErrors", "Ip6InHdrErrors"] {
                let wrong = counters::read_v6(namespace, name).unwrap();
                assert_eq!(wrong, 0, "{what}: {name} in {}", namespace.name());
            }
        }
    }

    pub(crate) fn status(&self) -> Value {
        status::read(&self.farm.site).unwrap()
    }

    /// Packets counted for a reason, over all services and without one.
    pub(crate) fn counted(&self, reason: &str) -> u64 {
        fn sum(value: &Value, reason: &str) -> u64 {
            match value {
                Value::Object(fields) => fields
                    .iter()
                    .map(|(name, value)| match value.as_u64() {
                        Some(count) if name == reason => count,
                        _ => sum(value, reason),
                    })
                    .sum(),
                Value::Array(values) => values.iter().map(|value| sum(value, reason)).sum(),
                _ => 0,
            }
        }
        sum(&self.status(), reason)
    }
}

/// `[balancer]` with a pool; `ports` is empty or a range.
pub(crate) fn pool(ports: &str) -> String {
    let ports = match ports {
        "" => String::new(),
        ports => format!(", ports = \"{ports}\""),
    };
    format!("[balancer]\nfull_nat = {{ addresses = [\"{POOL4}\", \"{POOL6}\"]{ports} }}\n")
}

pub(crate) fn route(namespace: &Namespace) {
    let set = namespace.inside(|| -> Result<()> {
        sysctl("net/ipv4/ip_forward", "1")?;
        sysctl("net/ipv6/conf/all/forwarding", "1")
    });
    set.unwrap().unwrap();
}

/// Nobody tells the other end by its MSS that the link is narrow: it has to be told by the router.
fn behind(router: &Namespace, site: &str, net: u8, mtu: u32) -> Namespace {
    let host = Namespace::new(format!("{site}-net{net}")).unwrap();
    router
        .ip(&format!(
            "link add below type veth peer name eth0 netns {0}\n\
             link set below mtu {mtu} up\n\
             addr add 10.{net}.0.1/24 dev below\n\
             addr add 2001:db8:{net}::1/64 dev below nodad",
            host.name()
        ))
        .unwrap();
    route(router);
    host.ip(&format!(
        "link set eth0 mtu {mtu} up\n\
         addr add 10.{net}.0.2/24 dev eth0\n\
         addr add 2001:db8:{net}::2/64 dev eth0 nodad\n\
         route add default via 10.{net}.0.1 advmss 1460\n\
         route add default via 2001:db8:{net}::1 advmss 1440"
    ))
    .unwrap();
    for (namespace, interface) in [(router, "below"), (&host, "eth0")] {
        let off = ["-K", interface, "tx", "off"];
        namespace.output("ethtool", &off).unwrap();
    }
    host
}

/// What nginx does not do.
pub(crate) fn serve(namespace: &Namespace, name: &str) {
    exchange::serve_tcp(namespace, name, MEMBER_DATA).unwrap();
    exchange::serve_udp(namespace, name, MEMBER_DATA, true).unwrap();
    exchange::serve_udp(namespace, name, MEMBER_BARE, false).unwrap();
}
