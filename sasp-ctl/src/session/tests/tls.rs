//! Sessions under TLS: the tests' GWM behind a listener that takes TLS off.

use std::{collections::BTreeMap, sync::Arc};

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use super::*;
use crate::{
    sasp::client::DesiredMember,
    tls::{ClientTls, ServerTls, lab::Lab},
};

/// Listens for TLS and passes on what is said to a plain GWM; gone when dropped.
struct Front {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Front {
    async fn start(tls: ServerTls, behind: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let Ok((mut stream, _)) = tls.accept(stream).await else {
                    continue;
                };
                let mut plain = TcpStream::connect(behind).await.unwrap();
                // Ends when either side does, however it says so.
                let _ended = copy_bidirectional(&mut stream, &mut plain).await;
            }
        });
        Self { address, task }
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn under(tls: Arc<ClientTls>, address: SocketAddr) -> Config {
    let mut config = config(address);
    config.target.tls = Some(tls);
    config
}

#[tokio::test]
async fn a_session_under_tls_registers_hears_weights_and_says_goodbye() {
    let lab = Lab::with_both_sides();
    let server = Server::start().await;
    let front = Front::start(lab.server("gwm"), server.address).await;
    let (session, mut events) = Session::spawn(
        under(lab.client(Some("edge-1")), front.address),
        desired(&[("A", &[1, 2]), ("B", &[3])]),
    );
    assert_eq!(synced(&mut events).await, 2);
    weight(&mut events, 10).await;
    server.gwm().member("A", 1).weight = 33;
    server.push().await;
    weight(&mut events, 33).await;
    session.stop().await;
    server.closed().await;
}

#[tokio::test]
async fn a_request_that_is_longer_than_any_buffer_of_tls_arrives_whole() {
    let lab = Lab::with_both_sides();
    let server = Server::start().await;
    let front = Front::start(lab.server("gwm"), server.address).await;
    let mut wanted = desired(&[("A", &[1])]);
    let group = wanted.groups.get_mut(&name("A")).unwrap();
    let (first, member) = group.pop_first().unwrap();
    let many: BTreeMap<_, DesiredMember> = (1..=20_000)
        .map(|port| {
            let mut key = first;
            key.port = port;
            (key, member.clone())
        })
        .collect();
    *group = many;
    let (_session, mut events) =
        Session::spawn(under(lab.client(Some("edge-1")), front.address), wanted);
    assert_eq!(synced(&mut events).await, 1);
    let registered = server.gwm().registered();
    assert_eq!(registered[0].1.len(), 20_000);
}

#[tokio::test]
async fn what_is_wrong_with_tls_is_said_with_advice_and_is_no_twins_doing() {
    let lab = Lab::with_both_sides();
    lab.issue_by_stranger("stranger", &["localhost"]);
    let server = Server::start().await;
    let front = Front::start(lab.server("gwm"), server.address).await;
    let imposter = Front::start(lab.server("stranger"), server.address).await;
    let edge = || lab.client(Some("edge-1"));
    for (config, said) in [
        // Under TLS 1.3 this is heard after the handshake.
        (
            under(lab.client(None), front.address),
            "demands a client certificate",
        ),
        (
            under(lab.client(Some("stranger")), front.address),
            "does not know the CA of our certificate",
        ),
        (under(edge(), imposter.address), "was not issued by a CA"),
        (under(edge(), server.address), "TLS"),
    ] {
        let (session, mut events) = Session::spawn(config, desired(&[("A", &[1])]));
        let Lost::Unreachable(reason) = lost(&mut events).await else {
            panic!("not reachable: {said}");
        };
        assert!(reason.contains(said), "{reason}");
        session.stop().await;
    }
}

#[tokio::test]
async fn a_certificate_that_is_renewed_is_shown_at_the_next_attempt() {
    let lab = Lab::with_both_sides();
    lab.issue_by_stranger("renewed", &[]);
    let server = Server::start().await;
    let front = Front::start(lab.server("gwm"), server.address).await;
    let (_session, mut events) = Session::spawn(
        under(lab.client(Some("renewed")), front.address),
        desired(&[("A", &[1])]),
    );
    lost(&mut events).await;
    lab.issue("renewed", &[], |_| {});
    synced(&mut events).await;
}
