//! Sessions over loopback with a small GWM.

mod server;
mod tls;

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use tokio::{sync::mpsc, time::timeout};

use self::server::Server;
use super::*;
use crate::sasp::client::{
    GroupWeights, Lost, State,
    tests::{desired, key, name},
};

/// Generous: it is only ever waited out when a test fails.
const PATIENCE: Duration = Duration::from_secs(20);

fn config(address: SocketAddr) -> Config {
    let client = client::Config {
        backoff_min: Duration::from_millis(20),
        backoff_max: Duration::from_millis(50),
        ..client::Config::new(name("edge-1"))
    };
    let target = Target {
        host: address.ip().to_string(),
        port: address.port(),
        source: None,
        tls: None,
    };
    Config { target, client }
}

fn from(source: Option<IpAddr>, address: SocketAddr) -> Config {
    let mut config = config(address);
    config.target.source = source;
    config
}

/// Waits for an event that `wanted` turns into something; the others are dropped.
async fn event<T>(
    events: &mut mpsc::Receiver<Event>,
    mut wanted: impl FnMut(Event) -> Option<T>,
) -> T {
    let found = async {
        loop {
            let event = events.recv().await.expect("the session runs");
            if let Some(found) = wanted(event) {
                return found;
            }
        }
    };
    timeout(PATIENCE, found).await.expect("the event comes")
}

/// Waits for the weight of member 1 of group A to become this.
async fn weight(events: &mut mpsc::Receiver<Event>, wanted: u16) {
    let is_there = |weights: &GroupWeights| {
        weights
            .members
            .get(&key(1))
            .is_some_and(|member| member.weight == wanted)
    };
    weights(events, "A", is_there).await;
}

async fn weights(
    events: &mut mpsc::Receiver<Event>,
    group: &str,
    is_wanted: impl Fn(&GroupWeights) -> bool,
) {
    event(events, |event| match event {
        Event::Weights { weights, .. } => {
            (weights.name == name(group) && is_wanted(&weights)).then_some(())
        }
        _ => None,
    })
    .await;
}

async fn synced(events: &mut mpsc::Receiver<Event>) -> usize {
    event(events, |event| match event {
        Event::Synced { groups } => Some(groups),
        _ => None,
    })
    .await
}

async fn lost(events: &mut mpsc::Receiver<Event>) -> Lost {
    event(events, |event| match event {
        Event::Lost { reason, .. } => Some(reason),
        _ => None,
    })
    .await
}

#[tokio::test]
async fn a_session_registers_and_delivers_weights_asked_and_unasked() {
    let server = Server::start().await;
    let (session, mut events) = Session::spawn(
        config(server.address),
        desired(&[("A", &[1, 2]), ("B", &[3])]),
    );
    assert_eq!(synced(&mut events).await, 2);
    weight(&mut events, 10).await;
    server.gwm().member("A", 1).weight = 33;
    server.push().await;
    weight(&mut events, 33).await;
    let mut snapshot = session.snapshot();
    let active = snapshot.wait_for(|snapshot| snapshot.state == State::Active);
    timeout(PATIENCE, active)
        .await
        .expect("it becomes active")
        .expect("the session runs");
    session.stop().await;
    server.closed().await;
    assert_eq!(
        server.gwm().registered().len(),
        2,
        "stopping deregisters nothing"
    );
}

#[tokio::test]
async fn a_lost_connection_comes_back_and_registers_nothing_twice() {
    let server = Server::start().await;
    let (_session, mut events) = Session::spawn(config(server.address), desired(&[("A", &[1])]));
    synced(&mut events).await;
    server.hang_up().await;
    assert_eq!(lost(&mut events).await, Lost::Closed);
    synced(&mut events).await;
    weight(&mut events, 10).await;
    let registrations = server.gwm().take_heard();
    let is_registration = |kind: &&_| **kind == crate::sasp::code::Type::REGISTRATION_REQUEST;
    assert_eq!(registrations.iter().filter(is_registration).count(), 1);
}

#[tokio::test]
async fn a_changed_desire_reaches_the_gwm() {
    let server = Server::start().await;
    let (session, mut events) = Session::spawn(config(server.address), desired(&[("A", &[1])]));
    synced(&mut events).await;
    session.set_desired(desired(&[("B", &[2])]));
    weights(&mut events, "B", |weights| {
        weights.members.contains_key(&key(2))
    })
    .await;
    assert_eq!(server.gwm().registered(), [("B".to_owned(), vec![key(2)])]);
}

#[tokio::test]
async fn deregistering_waits_for_the_gwm_and_closes() {
    let server = Server::start().await;
    let (session, mut events) = Session::spawn(config(server.address), desired(&[("A", &[1])]));
    synced(&mut events).await;
    assert_eq!(
        timeout(PATIENCE, session.deregister_all()).await,
        Ok(Ok(()))
    );
    assert_eq!(server.gwm().registered(), []);
    server.closed().await;
    assert_eq!(session.snapshot().borrow().state, State::Disabled);
    let again = timeout(PATIENCE, session.deregister_all()).await;
    assert_eq!(again, Ok(Err(NotDeregistered::NotConnected)));
}

#[tokio::test]
async fn a_gwm_that_starts_later_is_found() {
    let address = Server::start().await.address;
    let (_session, mut events) = Session::spawn(config(address), desired(&[("A", &[1])]));
    let Lost::Unreachable(reason) = lost(&mut events).await else {
        panic!("nothing listens")
    };
    assert!(reason.starts_with(&address.to_string()), "{reason}");
    let _server = Server::start_at(address).await;
    synced(&mut events).await;
}

#[tokio::test]
async fn the_source_address_is_ours_to_choose() {
    let server = Server::start().await;
    let source = Some([127, 0, 0, 2].into());
    let (_session, mut events) =
        Session::spawn(from(source, server.address), desired(&[("A", &[1])]));
    synced(&mut events).await;
    assert_eq!(server.peer().map(|peer| peer.ip()), source);
}

#[tokio::test]
async fn a_source_address_of_the_wrong_family_is_said_to_be_the_reason() {
    let server = Server::start().await;
    let source = Some("::1".parse().unwrap());
    let (_session, mut events) = Session::spawn(from(source, server.address), desired(&[]));
    let Lost::Unreachable(reason) = lost(&mut events).await else {
        panic!("no address fits")
    };
    assert_eq!(reason, "127.0.0.1 has no address of the family of ::1");
}

#[tokio::test]
async fn an_owner_that_does_not_listen_sees_the_latest_weights_in_the_end() {
    let server = Server::start().await;
    let (session, mut events) = Session::spawn(config(server.address), desired(&[("A", &[1])]));
    synced(&mut events).await;
    for weight in 1..=2000 {
        server.gwm().member("A", 1).weight = weight;
        server.push().await;
    }
    let mut snapshot = session.snapshot();
    let kind = crate::sasp::code::Type::SEND_WEIGHTS;
    let all = snapshot.wait_for(|snapshot| snapshot.counters.received.get(&kind) == Some(&2000));
    timeout(PATIENCE, all)
        .await
        .expect("nobody holds the session up")
        .expect("it runs");
    let mut seen = 0;
    event(&mut events, |event| match event {
        Event::Weights { weights, .. } => {
            seen += 1;
            weights
                .members
                .get(&key(1))
                .filter(|member| member.weight == 2000)
                .map(drop)
        }
        _ => None,
    })
    .await;
    assert!(seen <= EVENTS_QUEUED + 3, "{seen} events were kept");
}
