//! Our session, against `openssl s_server`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use sasp_ctl::sasp::client::{self, Desired, Event};
use sasp_ctl::sasp::msg::Name;
use sasp_ctl::session::{Config, Session, Target};
use sasp_ctl::tls::{ClientFiles, ClientTls, KeyPair};
use tokio::sync::mpsc;

use crate::authority::Authority;
use crate::peer::Peer;
use crate::server::PATIENCE;
use crate::wire::message;

/// One that insists on a certificate; where it listens.
fn listen(authority: &Authority, version: &str) -> (Peer, SocketAddr) {
    let fixed = [
        "s_server",
        "-accept",
        "127.0.0.1:0",
        "-Verify",
        "1",
        "-verify_return_error",
        version,
    ];
    let mut arguments: Vec<_> = fixed.map(str::to_owned).into();
    arguments.extend(authority.flags("gwm"));
    let mut peer = Peer::start(&arguments);
    let address = peer.wait_for(|heard| {
        let text = String::from_utf8_lossy(heard);
        let (before, rest) = text.split_once("ACCEPT ")?;
        let (address, _) = rest.split_once('\n')?;
        let end = before.len() + "ACCEPT ".len() + address.len();
        Some((end, address.trim().parse().unwrap()))
    });
    (peer, address)
}

fn session(
    authority: &Authority,
    shows: Option<&str>,
    host: &str,
    address: SocketAddr,
) -> (Session, mpsc::Receiver<Event>) {
    let tls = ClientTls::load(ClientFiles {
        ca: authority.path("ca.pem"),
        pair: shows.map(|name| KeyPair {
            cert: authority.path(&format!("{name}.pem")),
            key: authority.path(&format!("{name}.key")),
        }),
        server_name: None,
    });
    let config = Config {
        target: Target {
            host: host.to_owned(),
            port: address.port(),
            source: None,
            tls: Some(Arc::new(tls.unwrap())),
        },
        client: client::Config {
            backoff_min: Duration::from_millis(20),
            backoff_max: Duration::from_millis(50),
            ..client::Config::new(Name::new(*b"edge-1").unwrap())
        },
    };
    let desired = Desired {
        groups: BTreeMap::from([(Name::new(*b"FARM1").unwrap(), BTreeMap::new())]),
        ..Desired::default()
    };
    Session::spawn(config, desired)
}

#[tokio::test]
async fn requests_arrive_and_replies_come_back_under_either_version() {
    let authority = Authority::new();
    for version in ["-tls1_2", "-tls1_3"] {
        for host in ["127.0.0.1", "localhost"] {
            let (mut gwm, address) = listen(&authority, version);
            let (session, _events) = session(&authority, Some("edge-1"), host, address);
            let (gwm, request) = tokio::task::spawn_blocking(move || {
                let request = gwm.message();
                (gwm, request)
            })
            .await
            .unwrap();
            assert_eq!(request[13..15], [0x10, 0x50], "Set LB State");
            assert_eq!(request[18..24], *b"edge-1");
            let id = u32::from_be_bytes(request[9..13].try_into().unwrap());
            let next = tokio::task::spawn_blocking(move || {
                let mut gwm = gwm;
                gwm.send(&message(id, &[0x10, 0x55, 0, 5, 0]));
                gwm.message()
            });
            let next = next.await.unwrap();
            assert_ne!(
                next[13..15],
                [0x10, 0x50],
                "the reply was heard: the next request comes"
            );
            session.stop().await;
        }
    }
}

#[tokio::test]
async fn without_a_certificate_the_session_says_that_one_is_wanted() {
    let authority = Authority::new();
    for version in ["-tls1_2", "-tls1_3"] {
        let (_gwm, address) = listen(&authority, version);
        let (_session, mut events) = session(&authority, None, "127.0.0.1", address);
        let said = async {
            loop {
                match events.recv().await.expect("the session runs") {
                    Event::Lost { reason, .. } => return reason.to_string(),
                    _ => continue,
                }
            }
        };
        let said = tokio::time::timeout(PATIENCE, said).await.unwrap();
        assert!(said.contains("demand"), "{version}: {said}");
        assert!(said.contains("`cert` and `key`"), "{version}: {said}");
    }
}
