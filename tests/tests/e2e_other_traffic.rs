//! What is not for a service passes untouched, and UDP services.

use std::io::Read as _;
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use tests::lab::balancer::status;
use tests::lab::config;
use tests::lab::farm::Farm;
use tests::lab::ping::ping;
use tests::lab::servers::Server;
use tests::lab::site::{Site, VIP4, VIP6};

const SSH: u16 = 22;
const DNS: u16 = 53;
const TIMEOUT: Duration = Duration::from_secs(2);

fn greeting(site: &Site, server: SocketAddr) -> String {
    let greeting = site.client.namespace.inside(|| {
        let mut stream = TcpStream::connect_timeout(&server, TIMEOUT)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        Ok::<_, std::io::Error>(text)
    });
    greeting
        .unwrap()
        .unwrap_or_else(|error| panic!("{server}: {error}"))
}

/// Who answers a datagram. The socket is connected: an answer from another address would not be received.
fn datagram(site: &Site, server: SocketAddr) -> String {
    let answer = site.client.namespace.inside(|| {
        let any: IpAddr = match server.is_ipv4() {
            true => [0; 4].into(),
            false => [0; 16].into(),
        };
        let socket = UdpSocket::bind((any, 0))?;
        socket.connect(server)?;
        socket.set_read_timeout(Some(TIMEOUT))?;
        socket.send(b"who is there")?;
        let mut buffer = [0; 64];
        let length = socket.recv(&mut buffer)?;
        Ok::<_, std::io::Error>(String::from_utf8_lossy(&buffer[..length]).into_owned())
    });
    answer
        .unwrap()
        .unwrap_or_else(|error| panic!("{server}: {error}"))
}

#[test]
fn the_edge_stays_reachable_beside_its_services() {
    for mode in ["native", "generic"] {
        let mut farm = Farm::new(1).unwrap();
        let vips = [IpAddr::from(VIP4), VIP6.into()];
        let mut config = String::new();
        for (group, vip) in [("FARM1", vips[0]), ("FARM6", vips[1])] {
            config += &config::service(&farm.site, group, (vip, 80).into(), &[1], "");
        }
        farm.attach(&config, &["--mode", mode]).unwrap();
        let site = &farm.site;
        let own = [IpAddr::from(site.edge.ipv4()), site.edge.ipv6().into()];
        let everywhere = own.iter().chain(&vips);
        for address in everywhere.clone() {
            let ssh = SocketAddr::from((*address, SSH));
            let _server = Server::tcp(&site.edge.namespace, ssh, "edge's ssh").unwrap();
            assert_eq!(greeting(site, ssh), "edge's ssh", "{mode}");
            let udp = SocketAddr::from((*address, 80));
            let _server = Server::udp(&site.edge.namespace, udp, "edge's udp").unwrap();
            assert_eq!(datagram(site, udp), "edge's udp", "{mode}");
        }
        // Neighbours are forgotten, so that ARP and neighbour discovery must pass too.
        site.client.namespace.ip("neigh flush all").unwrap();
        for address in everywhere {
            ping(&site.client.namespace, *address).unwrap();
        }
        let status = status(site).unwrap();
        let passed = &status["reasons"]["pass"];
        for reason in ["not_ip", "not_vip", "other_protocol"] {
            assert!(
                passed[reason].as_u64().unwrap() > 0,
                "{mode}: {reason}: {passed:#}"
            );
        }
    }
}

#[test]
fn datagrams_of_both_families_reach_members_who_answer_as_the_vip() {
    let mut farm = Farm::new(2).unwrap();
    let vips = [SocketAddr::from((VIP4, DNS)), (VIP6, DNS).into()];
    let mut config = String::new();
    for (group, vip) in [("DNS", vips[0]), ("DNS6", vips[1])] {
        let members: Vec<_> = farm
            .site
            .members
            .iter()
            .map(|member| format!("{{ address = \"{}\" }}", member.address_for(vip)))
            .collect();
        config += &config::service_of(group, vip, "udp", &members.join(", "), "");
    }
    farm.attach(&config, &[]).unwrap();
    for vip in vips {
        farm.await_shares(vip, &[1, 1]).unwrap();
        let servers: Vec<_> = farm
            .site
            .members
            .iter()
            .map(|member| Server::udp(&member.namespace, vip, &member.name).unwrap())
            .collect();
        let mut seen: Vec<_> = (0..40).map(|_| datagram(&farm.site, vip)).collect();
        seen.sort();
        seen.dedup();
        assert_eq!(seen, ["member-1", "member-2"], "{vip}");
        drop(servers);
    }
}
