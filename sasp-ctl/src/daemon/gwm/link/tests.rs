//! Sessions over loopback with small GWMs.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::super::desired;
use super::*;
use crate::config::{self, Config, Flags};
use crate::sasp::client::tests::gwm::Gwm;
use crate::sasp::code::Type;

/// Generous: it is only ever waited out when a test fails.
const PLENTY: Duration = Duration::from_secs(20);

/// A GWM behind a listener.
struct Server {
    address: SocketAddr,
    gwm: Arc<Mutex<Gwm>>,
    /// Connections that it has had, open ones included.
    connections: watch::Receiver<usize>,
    heard: watch::Receiver<Vec<Type>>,
}

impl Server {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let gwm = Arc::new(Mutex::new(Gwm::new()));
        let (count, connections) = watch::channel(0);
        let (hears, heard) = watch::channel(Vec::new());
        tokio::spawn(serve(listener, Arc::clone(&gwm), count, hears));
        Self {
            address,
            gwm,
            connections,
            heard,
        }
    }

    /// Waits until a message of this type has come, and forgets all that came.
    async fn hears(&mut self, kind: Type) {
        let heard = self.heard.wait_for(|heard| heard.contains(&kind));
        let heard = tokio::time::timeout(PLENTY, heard).await;
        drop(heard.expect("the GWM hears of it").expect("it runs"));
    }
}

async fn serve(
    listener: TcpListener,
    gwm: Arc<Mutex<Gwm>>,
    count: watch::Sender<usize>,
    hears: watch::Sender<Vec<Type>>,
) {
    while let Ok((mut stream, _)) = listener.accept().await {
        count.send_modify(|count| *count += 1);
        gwm.lock().unwrap().accept();
        let mut bytes = Vec::new();
        while stream.read_buf(&mut bytes).await.is_ok_and(|read| read > 0) {
            while bytes.len() >= 9 {
                let length = u32::from_be_bytes([bytes[5], bytes[6], bytes[7], bytes[8]]) as usize;
                if bytes.len() < length {
                    break;
                }
                let message: Vec<u8> = bytes.drain(..length).collect();
                let reply = gwm.lock().unwrap().handle(&message);
                let kinds = gwm.lock().unwrap().take_heard();
                stream.write_all(&reply).await.unwrap();
                hears.send_modify(|heard| heard.extend(kinds));
            }
        }
    }
}

fn settings(gwms: &[&Server], more: &str) -> Config {
    let gwms = gwms.iter().map(|server| {
        format!(
            "[[gwm]]\naddress = \"{}\"\nretry_min = \"100ms\"\n{more}\n",
            server.address
        )
    });
    let text = gwms.collect::<String>()
        + "[[service]]\ngroup = \"A\"\nvip = \"203.0.113.1:80/tcp\"\nmembers = [{ address = \"10.0.0.1:80\" }]";
    let text = format!("balancer.uid = \"edge-1\"\n{text}");
    config::from_text(Path::new("edge.toml"), text, &Flags::default()).unwrap()
}

fn set(links: &mut Links, config: &Config, health: u8) -> usize {
    let uid = &config.balancer.uid;
    let started = links.set(&config.gwms, uid, |gwm| {
        desired(config, gwm, &BTreeSet::new(), health)
    });
    started.len()
}

/// Waits until these are in sync, in whatever order.
async fn synced(links: &mut Links, servers: &[&Server]) {
    let mut missing: BTreeSet<String> = servers
        .iter()
        .map(|server| server.address.to_string())
        .collect();
    while !missing.is_empty() {
        let next = tokio::time::timeout(PLENTY, links.next()).await;
        let (gwm, event) = next.expect("something happens").expect("it runs");
        if matches!(event, Event::Synced { .. }) {
            missing.remove(&gwm.to_string());
        }
    }
}

fn registered(server: &Server) -> usize {
    server.gwm.lock().unwrap().registered().len()
}

#[tokio::test]
async fn all_gwms_are_told_at_the_same_time_and_detaching_leaves_all_of_them() {
    let (first, second) = (Server::start().await, Server::start().await);
    let mut links = Links::default();
    assert_eq!(set(&mut links, &settings(&[&first, &second], ""), 0x7f), 2);
    synced(&mut links, &[&first, &second]).await;
    assert_eq!((registered(&first), registered(&second)), (1, 1));
    let (told, later) = links.in_reach();
    assert_eq!((told.len(), later.len()), (2, 0));
    links.deregister().await;
    assert_eq!((registered(&first), registered(&second)), (0, 0));
}

#[tokio::test]
async fn a_gwm_that_is_no_longer_configured_forgets_us_and_the_others_notice_nothing() {
    let (mut first, second) = (Server::start().await, Server::start().await);
    let mut links = Links::default();
    set(&mut links, &settings(&[&first, &second], ""), 0x7f);
    synced(&mut links, &[&first, &second]).await;
    assert_eq!(set(&mut links, &settings(&[&second], ""), 0x7f), 0);
    first.hears(Type::DEREGISTRATION_REQUEST).await;
    assert_eq!((registered(&first), registered(&second)), (0, 1));
    assert_eq!(*second.connections.borrow(), 1);
}

#[tokio::test]
async fn what_is_only_told_needs_no_new_session_and_what_is_not_does() {
    let mut server = Server::start().await;
    let mut links = Links::default();
    set(&mut links, &settings(&[&server], ""), 0x7f);
    synced(&mut links, &[&server]).await;
    let changed = settings(&[&server], "push = false\nhold = \"1s\"\npriority = 9");
    assert_eq!(set(&mut links, &changed, 0x40), 0);
    let flags = || server.gwm.lock().unwrap().lb_flags;
    let wait = async {
        while flags() & crate::sasp::code::lb_flags::PUSH != 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PLENTY, wait)
        .await
        .expect("it is told");
    assert_eq!(*server.connections.borrow(), 1);
    let changed = settings(&[&server], "timeout = \"7s\"");
    assert_eq!(set(&mut links, &changed, 0x7f), 1);
    let second = server.connections.wait_for(|count| *count == 2);
    let second = tokio::time::timeout(PLENTY, second).await;
    drop(second.expect("it connects anew").expect("it runs"));
    assert_eq!(registered(&server), 1, "nothing was deregistered");
}
