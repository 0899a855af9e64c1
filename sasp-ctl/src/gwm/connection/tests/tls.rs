//! Peers under TLS, over real sockets.

use std::sync::Arc;

use tokio::net::TcpListener;

use super::*;
use crate::gwm::config;
use crate::session::{Stream, Target, dial};
use crate::tls::lab::Lab;

/// Longer than anything takes; only failures wait for it.
const PATIENCE: Duration = Duration::from_secs(20);

const CONFIG: &str = r#"
members_only_from_own_address = true
tls = { cert = "gwm.pem", key = "gwm.key", ca = "ca.pem" }
limits = { connections = 3 }
[[balancer]]
uid = "A"
certificate = "edge-1.example.net"
"#;

/// A GWM that accepts for ever.
struct Bed {
    lab: Lab,
    hub: Arc<Hub>,
    address: SocketAddr,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Bed {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Bed {
    async fn new() -> Self {
        let lab = Lab::with_both_sides();
        let config = config::from_text(&lab.path("gwm.toml"), CONFIG.to_owned()).unwrap();
        let hub = Arc::new(Hub::new(&config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = Arc::clone(&hub);
        let task = tokio::spawn(async move {
            let tls = tokio::sync::watch::Sender::new(config.tls).subscribe();
            crate::gwm::server::accept(listener, &serving, &tls).await;
        });
        Self {
            lab,
            hub,
            address,
            task,
        }
    }

    async fn dial(&self, name: &str) -> Stream {
        let target = Target {
            host: self.address.ip().to_string(),
            port: self.address.port(),
            source: None,
            tls: Some(self.lab.client(Some(name))),
        };
        dial(&target).await.unwrap()
    }

    /// Waits until so many connections have been opened and closed.
    async fn count(&self, opened: u64, closed: u64) {
        let counted = async {
            loop {
                let seen = self.hub.with(|gwm, _| {
                    let counters = gwm.counters();
                    (counters.opened, counters.closed.values().sum::<u64>())
                });
                if seen == (opened, closed) {
                    return;
                }
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, counted).await.unwrap();
    }
}

/// The code of the reply to a Set LB State request of balancer A.
async fn code(stream: &mut Stream) -> u8 {
    stream.write_all(&request(7)).await.unwrap();
    stream.flush().await.unwrap();
    let mut reply = [0; 18];
    timeout(PATIENCE, stream.read_exact(&mut reply))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(reply[13..15], [0x10, 0x55], "a Set LB State reply");
    reply[17]
}

#[tokio::test]
async fn the_certificate_decides_who_speaks_for_a_uid() {
    let bed = Bed::new().await;
    bed.lab.issue("edge-2", &["edge-2.example.net"], |_| {});
    assert_eq!(code(&mut bed.dial("edge-2").await).await, 0x11);
    let mut a = bed.dial("edge-1").await;
    assert_eq!(code(&mut a).await, 0);
    assert_eq!(code(&mut bed.dial("edge-2").await).await, 0x11);
    assert_eq!(code(&mut a).await, 0, "nobody took its place");
}

#[tokio::test]
async fn peers_that_never_finish_the_handshake_count_and_give_way() {
    let bed = Bed::new().await;
    let mut idle = Vec::new();
    for _ in 0..3 {
        idle.push(TcpStream::connect(bed.address).await.unwrap());
    }
    bed.count(3, 0).await;
    let mut a = bed.dial("edge-1").await;
    assert_eq!(code(&mut a).await, 0);
    bed.count(4, 1).await;
    let mut nothing = [0; 1];
    let first = timeout(PATIENCE, idle[0].read(&mut nothing)).await.unwrap();
    assert!(
        matches!(first, Ok(0) | Err(_)),
        "the longest silent one is closed"
    );
}

#[tokio::test]
async fn a_peer_that_ends_tls_properly_or_not_has_closed_between_messages() {
    let bed = Bed::new().await;
    for says_goodbye in [true, false] {
        let (ours, theirs) = duplex(1 << 16);
        let server = bed.lab.server("gwm");
        let client = bed.lab.client(Some("edge-1"));
        let (accepted, dialled) =
            tokio::join!(server.accept(theirs), client.connect("localhost", ours));
        let (stream, _) = accepted.unwrap();
        let mut dialled = dialled.unwrap();
        if says_goodbye {
            dialled.shutdown().await.unwrap();
        }
        drop(dialled);
        let (id, signals) = bed.hub.connect(PEER.parse().unwrap());
        let end = converse(&bed.hub, id, &signals, stream).await;
        assert!(matches!(end, End::Closed), "{says_goodbye}: {end}");
    }
}
