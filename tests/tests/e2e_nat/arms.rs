//! Everything that a service of translated packets carries, with clients on an interface of their own and on the
//! members' segment.

use std::io::Read as _;
use std::net::{SocketAddr, TcpStream};

use tests::lab::http;
use tests::lab::judge;
use tests::lab::ping::ping;
use tests::lab::servers::Server;

use crate::exchange::{Connection, DEADLINE, Seen, ask, send_no_checksums, udp};
use crate::rig::{BARE, DATA, HTTP, OUTSIDE4, OUTSIDE6, POOL4, POOL6, Rig, vips};

const CONNECTIONS: u64 = 300;
const MEGABYTE: usize = 1 << 20;
const TRANSFERS: usize = 4;
const DATAGRAMS: usize = 50;

/// The client's address under `nat`, one of the pool under `full-nat`.
fn assert_peer(forward: &str, seen: &Seen, local: SocketAddr) {
    let v4 = local.is_ipv4();
    match forward {
        "nat" => assert_eq!(seen.peer, local, "{seen:?}"),
        _ if v4 => assert_eq!(seen.peer.ip(), POOL4, "{seen:?}"),
        _ => assert_eq!(seen.peer.ip(), POOL6, "{seen:?}"),
    }
}

fn assert_carries(rig: &mut Rig, forward: &str, mode: &str) {
    let config = rig.config(forward);
    rig.attach(&config, mode);
    for vip in vips(HTTP) {
        let tally = http::sample(&rig.outside, vip, CONNECTIONS, DEADLINE).unwrap();
        assert_eq!(tally.failed(), 0, "{mode} {vip}: {:?}", tally.failures);
        let wrong = judge::connections(&tally, &rig.farm.asked(&[1, 2]));
        assert_eq!(wrong, None, "{mode} {vip}");
        ping(&rig.outside, vip.ip()).unwrap();
    }
    for vip in vips(DATA) {
        for _ in 0..TRANSFERS {
            let mut connection = Connection::open(&rig.outside, vip, DEADLINE).unwrap();
            let seen = connection.exchange(MEGABYTE, MEGABYTE).unwrap();
            assert_peer(forward, &seen, connection.local);
        }
    }
    for (port, sums) in [(DATA, true), (BARE, false)] {
        for vip in vips(port) {
            for count in 0..DATAGRAMS {
                let socket = udp(&rig.outside, vip).unwrap();
                if !sums && vip.is_ipv4() {
                    send_no_checksums(&socket).unwrap();
                }
                let words = vec![count as u8; 1 + count * 27];
                let seen = ask(&socket, &words).unwrap();
                assert_peer_ip(forward, &seen, vip);
            }
        }
    }
    assert_forward_in_status(rig, forward);
    rig.assert_checksums(&format!("{forward}, {mode}"));
}

/// A UDP socket does not know its own address.
fn assert_peer_ip(forward: &str, seen: &Seen, vip: SocketAddr) {
    let own: SocketAddr = match vip.is_ipv4() {
        true => (OUTSIDE4, seen.peer.port()).into(),
        false => (OUTSIDE6, seen.peer.port()).into(),
    };
    assert_peer(forward, seen, own);
}

fn assert_forward_in_status(rig: &Rig, forward: &str) {
    let status = rig.status();
    for service in status["services"].as_array().unwrap() {
        for member in service["members"].as_array().unwrap() {
            assert_eq!(member["forward"], forward, "{member:#}");
        }
    }
}

/// What members open themselves is no reply, and the edge routes it.
fn assert_members_reach(rig: &Rig) {
    let server = SocketAddr::from((OUTSIDE4, 7000));
    let _server = Server::tcp(&rig.outside, server, "outside").unwrap();
    for member in &rig.farm.site.members {
        let greeting = member.namespace.inside(|| -> std::io::Result<String> {
            let mut stream = TcpStream::connect_timeout(&server, DEADLINE)?;
            stream.set_read_timeout(Some(DEADLINE))?;
            let mut text = String::new();
            stream.read_to_string(&mut text)?;
            Ok(text)
        });
        assert_eq!(greeting.unwrap().unwrap(), "outside", "{}", member.name);
    }
}

#[test]
fn nat_carries_everything_between_two_interfaces() {
    for mode in ["native", "generic"] {
        let mut rig = Rig::two_armed(2);
        rig.edge_is_gateway();
        assert_carries(&mut rig, "nat", mode);
        assert_members_reach(&rig);
    }
}

#[test]
fn full_nat_carries_everything_between_two_interfaces_and_members_need_no_route() {
    for mode in ["native", "generic"] {
        let mut rig = Rig::two_armed(2);
        assert_carries(&mut rig, "full-nat", mode);
    }
}

#[test]
fn nat_carries_everything_on_one_segment() {
    let mut rig = Rig::one_armed(2);
    rig.edge_is_gateway();
    assert_carries(&mut rig, "nat", "native");
    assert_members_reach(&rig);
}

#[test]
fn full_nat_carries_everything_on_one_segment() {
    let mut rig = Rig::one_armed(2);
    assert_carries(&mut rig, "full-nat", "native");
}
