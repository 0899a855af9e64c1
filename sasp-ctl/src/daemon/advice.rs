//! What this host is set to that keeps translated packets from their way, or its own from it: told when the config is
//! read.

use std::fs;
use std::net::{IpAddr, UdpSocket};
use std::ops::RangeInclusive;

use sasp_xdp_common::parse::UDP;

use super::event_loop::Daemon;
use super::translations::addresses;
use crate::balance::spec::{Forward, Globals, Pool, ServiceSpec};
use crate::config::endpoint::format_vip;
use crate::datapath::nexthop::Replies;

/// The range of ports that the kernel takes for connections of this host, of both families.
const LOCAL_PORTS: &str = "/proc/sys/net/ipv4/ip_local_port_range";

/// One line for each thing, in the network namespace of the calling thread.
pub(super) fn advice(
    interfaces: &[String],
    services: &[ServiceSpec],
    globals: &Globals,
) -> Vec<String> {
    let mut lines = Vec::new();
    for v4 in [true, false] {
        let of_family = services.iter().filter(|spec| spec.vip.is_ipv4() == v4);
        if of_family.clone().any(uses_nat) {
            lines.extend(interfaces.iter().filter_map(|on| forwarding(on, v4)));
        }
    }
    let own_vip =
        |spec: &&ServiceSpec| spec.vip.is_ipv4() && uses_nat(spec) && is_local(spec.vip.ip());
    if let Some(spec) = services.iter().find(own_vip) {
        let vip = spec.vip.ip();
        lines.extend(interfaces.iter().filter_map(|on| accept_local(on, vip)));
    }
    lines.extend(globals.pool.iter().flat_map(of_pool));
    lines.extend(services.iter().filter_map(own_traffic));
    lines
}

/// The families in which members' replies are translated: their ways are the kernel's.
pub(super) fn replies(services: &[ServiceSpec]) -> Replies {
    let of_family = |v4| {
        let mut services = services.iter();
        services.any(|spec| spec.vip.is_ipv4() == v4 && uses_nat(spec))
    };
    Replies {
        v4: of_family(true),
        v6: of_family(false),
    }
}

impl Daemon {
    /// Logs it.
    pub(super) fn give_advice(&self) {
        let config = &self.setup.config;
        let interfaces = self.interfaces.iter().map(|on| on.name.clone());
        let interfaces: Vec<_> = interfaces.collect();
        for line in advice(&interfaces, &config.services, &config.globals) {
            tracing::warn!("{line}");
        }
    }
}

fn uses_nat(spec: &ServiceSpec) -> bool {
    let own = !spec.self_registered.is_empty() && spec.forward == Forward::Nat;
    own || spec
        .members
        .iter()
        .any(|member| member.forward == Forward::Nat)
}

/// The way back of a reply is looked up as for a packet that this host forwards.
fn forwarding(interface: &str, v4: bool) -> Option<String> {
    let family = if v4 { "ipv4" } else { "ipv6" };
    let path = format!("/proc/sys/net/{family}/conf/{interface}/forwarding");
    let value = fs::read_to_string(path).ok()?;
    (value.trim() == "0").then(|| {
        let name = interface.replace('.', "/");
        format!(
            "nat: replies of members that come in on {interface} are dropped, since this host does not forward there: \
             `sysctl -w net.{family}.conf.{name}.forwarding=1`"
        )
    })
}

/// A reply to a client whose MAC address the kernel does not know is left to the kernel, from the VIP.
fn accept_local(interface: &str, vip: IpAddr) -> Option<String> {
    let is_off = |name: &str| {
        let path = format!("/proc/sys/net/ipv4/conf/{name}/accept_local");
        fs::read_to_string(path).is_ok_and(|value| value.trim() == "0")
    };
    (is_off("all") && is_off(interface)).then(|| {
        let name = interface.replace('.', "/");
        format!(
            "nat: {vip} is an address of this host, so replies that come in on {interface} are dropped while the \
             client's MAC address is unknown: `sysctl -w net.ipv4.conf.{name}.accept_local=1`, or take the address off"
        )
    })
}

/// Of an address that is this host's own too, every port is the members'.
fn own_traffic(spec: &ServiceSpec) -> Option<String> {
    let vip = spec.vip.ip();
    let ssh = if spec.protocol == UDP {
        ""
    } else {
        ", ssh too,"
    };
    (spec.vip.port() == 0 && is_local(vip)).then(|| {
        format!(
            "the VIP {} takes every port of {vip}, which is also an address of this host: what is sent to this host \
             there{ssh} goes to the members: reach it by another address, or take this one off",
            format_vip(spec.vip, spec.protocol)
        )
    })
}

fn of_pool(pool: &Pool) -> Vec<String> {
    let local = fs::read_to_string(LOCAL_PORTS).ok();
    let local = local.and_then(|text| ports(&text));
    let mut lines = Vec::new();
    for address in addresses(pool) {
        if !is_local(address) {
            lines.push(format!(
                "full-nat: {address} is not an address of this host: members' replies find it only if their routes \
                 lead here, or give it to an interface (`ip address add`)"
            ));
            continue;
        }
        if let Some(local) = local.as_ref().filter(|local| overlap(local, &pool.ports)) {
            lines.push(format!(
                "full-nat: ports {} to {} of {address} are also this host's own ({} to {}), whose connections may break: \
                 choose others for `full_nat`, or reserve them (`net.ipv4.ip_local_reserved_ports`)",
                pool.ports.start(),
                pool.ports.end(),
                local.start(),
                local.end()
            ));
        }
    }
    lines
}

fn ports(text: &str) -> Option<RangeInclusive<u16>> {
    let mut ports = text.split_whitespace().map(|port| port.parse().ok());
    Some(ports.next()??..=ports.next()??)
}

fn overlap(a: &RangeInclusive<u16>, b: &RangeInclusive<u16>) -> bool {
    a.start() <= b.end() && b.start() <= a.end()
}

/// A socket can be bound to an address of this host only.
fn is_local(address: IpAddr) -> bool {
    UdpSocket::bind((address, 0)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_is_told_what_it_shares_with_this_host() {
        let pool = |address: [u8; 4], ports| Pool {
            v4: vec![address.into()],
            v6: Vec::new(),
            ports,
        };
        let foreign = of_pool(&pool([192, 0, 2, 1], 1024..=2047));
        assert_eq!(foreign.len(), 1);
        assert!(foreign[0].contains("192.0.2.1 is not"), "{foreign:?}");
        let shared = of_pool(&pool([127, 0, 0, 1], 1..=65535));
        assert_eq!(shared.len(), 1);
        assert!(shared[0].contains("of 127.0.0.1 are also"), "{shared:?}");
    }

    #[test]
    fn a_vip_that_takes_this_hosts_own_traffic_is_told_and_one_with_a_port_is_not() {
        let text = "[[service]]\ngroup = 'F'\nvip = '192.0.2.1'\n".to_owned();
        let config = crate::config::from_text("t".as_ref(), text, &Default::default());
        let mut spec = config.unwrap().services.remove(0);
        assert_eq!(own_traffic(&spec), None, "somebody else's address");
        spec.vip = ([127, 0, 0, 1], 0).into();
        let line = own_traffic(&spec).unwrap();
        assert!(line.contains("127.0.0.1") && line.contains("ssh"), "{line}");
        spec.vip.set_port(80);
        assert_eq!(own_traffic(&spec), None, "the other ports are this host's");
    }

    #[test]
    fn ranges_overlap_at_their_ends() {
        assert_eq!(ports("32768\t60999\n"), Some(32768..=60999));
        assert_eq!(ports("x"), None);
        assert!(overlap(&(1..=5), &(5..=9)) && overlap(&(5..=9), &(1..=5)));
        assert!(!overlap(&(1..=4), &(5..=9)) && !overlap(&(5..=9), &(1..=4)));
    }
}
