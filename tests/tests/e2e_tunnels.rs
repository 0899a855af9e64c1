//! The real binary and members behind tunnels: the members' kernel takes every outer and every inner packet for right,
//! and uploads get through although a tunnel makes the way narrower than both ends know.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use tests::lab::balancer::status;
use tests::lab::config;
use tests::lab::counters;
use tests::lab::farm::Farm;
use tests::lab::site::{VIP4, VIP6};
use tests::lab::tunnel_end::TunnelEnd;

const MODES: [&str; 3] = ["ipip", "gre", "gue"];
const FIRST_PORT: u16 = 9000;
/// Enough for the window to open beyond single packets.
const UPLOAD: usize = 200_000;
const UPLOADS: usize = 4;
const DEADLINE: Duration = Duration::from_secs(30);

/// A service behind a tunnel.
struct Service {
    mode: &'static str,
    vip: SocketAddr,
    /// The outer packets are IPv6.
    outside_v6: bool,
}

impl Service {
    fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for mode in MODES {
            for vip in [IpAddr::from(VIP4), VIP6.into()] {
                for outside_v6 in [false, true] {
                    let port = FIRST_PORT + all.len() as u16;
                    let vip = SocketAddr::from((vip, port));
                    all.push(Self {
                        mode,
                        vip,
                        outside_v6,
                    });
                }
            }
        }
        all
    }

    fn name(&self) -> String {
        let outside = if self.outside_v6 { "IPv6" } else { "IPv4" };
        format!("{} of {} over {outside}", self.mode, self.vip)
    }

    fn config(&self, farm: &Farm) -> String {
        let members: Vec<_> = farm
            .site
            .members
            .iter()
            .map(|member| {
                let address: IpAddr = if self.outside_v6 {
                    member.ipv6().into()
                } else {
                    member.ipv4().into()
                };
                let address = SocketAddr::from((address, self.vip.port()));
                format!("{{ address = \"{address}\" }}")
            })
            .collect();
        let group = format!("FARM{}", self.vip.port());
        let forward = format!("forward = \"{}\"", self.mode);
        config::service_of(&group, self.vip, "tcp", &members.join(", "), &forward)
    }
}

/// Says how many bytes came, and what they add up to.
fn serve(listener: TcpListener) {
    for stream in listener.incoming() {
        let mut stream = stream.unwrap();
        thread::spawn(move || {
            let mut bytes = Vec::new();
            // A client that gives up has failed by itself.
            if stream.read_to_end(&mut bytes).is_ok() {
                let sum: u64 = bytes.iter().map(|byte| u64::from(*byte)).sum();
                let _ = write!(stream, "{} {sum}", bytes.len());
            }
        });
    }
}

fn upload(vip: SocketAddr) -> std::io::Result<String> {
    let bytes: Vec<_> = (0..UPLOAD).map(|at| (at * 31 / 7) as u8).collect();
    let sum: u64 = bytes.iter().map(|byte| u64::from(*byte)).sum();
    let mut stream = TcpStream::connect_timeout(&vip, DEADLINE)?;
    stream.set_read_timeout(Some(DEADLINE))?;
    stream.set_write_timeout(Some(DEADLINE))?;
    stream.write_all(&bytes)?;
    stream.shutdown(std::net::Shutdown::Write)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    assert_eq!(answer, format!("{UPLOAD} {sum}"), "{vip}");
    Ok(answer)
}

fn assert_carries(xdp: &str) {
    let mut farm = Farm::new(2).unwrap();
    let services = Service::all();
    let mut ends = Vec::new();
    for member in &farm.site.members {
        ends.push(TunnelEnd::open(&member.namespace).unwrap());
        for service in &services {
            let address = (Ipv6Addr::UNSPECIFIED, service.vip.port());
            let listener = member.namespace.inside(|| TcpListener::bind(address));
            let listener = listener.unwrap().unwrap();
            thread::spawn(move || serve(listener));
        }
    }
    let config: String = services
        .iter()
        .map(|service| service.config(&farm))
        .collect();
    farm.attach(&config, &["--mode", xdp]).unwrap();
    for service in &services {
        let failed = farm
            .site
            .client
            .namespace
            .inside(|| (0..UPLOADS).find_map(|_| upload(service.vip).err()));
        let failed = failed.unwrap();
        assert!(failed.is_none(), "{xdp}, {}: {failed:?}", service.name());
    }
    let sum = |of: fn(&TunnelEnd) -> u64| ends.iter().map(of).sum::<u64>();
    assert!(sum(|end| end.arrived.ipip.load(Ordering::Relaxed)) > 0);
    assert!(sum(|end| end.arrived.gre.load(Ordering::Relaxed)) > 0);
    assert!(sum(|end| end.arrived.gue.load(Ordering::Relaxed)) > 0);
    assert_eq!(sum(|end| end.arrived.wrong.load(Ordering::Relaxed)), 0);
    for host in farm.site.members.iter().chain([&farm.site.client]) {
        let wrong = |protocol, name| counters::read(&host.namespace, protocol, name).unwrap();
        assert_eq!(wrong("Tcp", "InCsumErrors"), 0, "{xdp}, {}", host.name);
        assert_eq!(wrong("Udp", "InCsumErrors"), 0, "{xdp}, {}", host.name);
        assert_eq!(wrong("Ip", "InHdrErrors"), 0, "{xdp}, {}", host.name);
        assert_eq!(wrong("Icmp", "InCsumErrors"), 0, "{xdp}, {}", host.name);
        for name in ["Udp6InCsumErrors", "Icmp6InCsumErrors", "Ip6InHdrErrors"] {
            let wrong = counters::read_v6(&host.namespace, name).unwrap();
            assert_eq!(wrong, 0, "{xdp}, {}, {name}", host.name);
        }
    }
    let told = |name| counters::read_v6(&farm.site.client.namespace, name).unwrap();
    assert!(told("Icmp6InPktTooBigs") > 0, "{xdp}");
    let client = &farm.site.client.namespace;
    assert!(
        counters::read(client, "Icmp", "InDestUnreachs").unwrap() > 0,
        "{xdp}"
    );
    let status = status(&farm.site).unwrap();
    for service in status["services"].as_array().unwrap() {
        assert!(
            service["opened"].as_u64().unwrap() >= UPLOADS as u64,
            "{service:#}"
        );
    }
}

#[test]
fn every_tunnel_carries_connections_and_large_uploads_in_native_mode() {
    assert_carries("native");
}

#[test]
fn every_tunnel_carries_connections_and_large_uploads_in_generic_mode() {
    assert_carries("generic");
}
