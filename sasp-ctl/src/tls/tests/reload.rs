//! Files that are replaced while connections stand.

use std::fs;

use rustls::pki_types::CertificateDer;
use tokio_rustls::{client, server};

use super::super::cache::{Cache, Refreshed};
use super::super::files::Material;
use super::*;

struct Pair {
    client: client::TlsStream<DuplexStream>,
    server: server::TlsStream<DuplexStream>,
    identity: Option<Identity>,
}

impl Pair {
    async fn new(client: &Arc<ClientTls>, server: &ServerTls) -> Self {
        let (ours, theirs) = duplex(PIPE);
        let (client, server) =
            tokio::join!(client.connect("localhost", ours), server.accept(theirs));
        let (server, identity) = server.unwrap();
        Self {
            client: client.unwrap(),
            server,
            identity,
        }
    }

    /// What the client has seen.
    fn certificate(&self) -> CertificateDer<'static> {
        self.client.get_ref().1.peer_certificates().unwrap()[0].clone()
    }

    async fn assert_lives(&mut self) {
        self.server.write_all(GREETING).await.unwrap();
        self.server.flush().await.unwrap();
        let mut greeting = [0; GREETING.len()];
        self.client.read_exact(&mut greeting).await.unwrap();
        assert_eq!(greeting, GREETING);
    }
}

#[tokio::test]
async fn the_next_handshake_sees_the_new_files_and_old_connections_live_on() {
    let lab = Lab::with_both_sides();
    let (client, server) = (lab.client(Some("edge-1")), lab.server("gwm"));
    let mut old = Pair::new(&client, &server).await;
    assert!(
        old.identity
            .as_ref()
            .unwrap()
            .is_called("edge-1.example.net")
    );

    lab.issue("gwm", &["localhost"], |_| {});
    server.refresh();
    // The dialling side looks by itself.
    lab.issue("edge-1", &["edge-9.example.net"], |_| {});
    let mut new = Pair::new(&client, &server).await;
    assert_ne!(old.certificate(), new.certificate());
    assert!(
        new.identity
            .as_ref()
            .unwrap()
            .is_called("edge-9.example.net")
    );
    old.assert_lives().await;
    new.assert_lives().await;
}

#[tokio::test]
async fn files_that_are_of_no_use_leave_the_former_in_force() {
    let lab = Lab::with_both_sides();
    let (client, server) = (lab.client(Some("edge-1")), lab.server("gwm"));
    let before = Pair::new(&client, &server).await.certificate();
    for name in ["ca.pem", "gwm.pem", "gwm.key", "edge-1.key"] {
        let good = fs::read(lab.path(name)).unwrap();
        fs::write(lab.path(name), "nothing").unwrap();
        server.refresh();
        assert_eq!(
            Pair::new(&client, &server).await.certificate(),
            before,
            "{name}"
        );
        fs::remove_file(lab.path(name)).unwrap();
        server.refresh();
        assert_eq!(
            Pair::new(&client, &server).await.certificate(),
            before,
            "{name}"
        );
        fs::write(lab.path(name), good).unwrap();
    }
}

#[test]
fn a_complaint_is_made_once_and_again_after_it_was_over() {
    let lab = Lab::with_both_sides();
    lab.issue("other", &[], |_| {});
    let files = lab.pair("gwm");
    let read = || Material::read(&lab.path("ca.pem"), Some(&files));
    let build = |material: &Material| material.own().map(drop).and_then(|()| material.roots());
    let first = read().unwrap();
    let config = build(&first).map(|roots| roots.len()).unwrap();
    let cache = Cache::new(first, config);
    let refresh = || cache.refresh(read, |material| build(material).map(|roots| roots.len()));
    assert!(matches!(refresh(), Refreshed::Nothing));
    let good = fs::read(&files.key).unwrap();
    for _ in 0..2 {
        fs::write(&files.key, "nothing").unwrap();
        assert!(matches!(refresh(), Refreshed::Refused(_)));
        assert!(matches!(refresh(), Refreshed::Nothing));
        fs::write(&files.key, &good).unwrap();
        assert!(matches!(refresh(), Refreshed::Nothing));
    }
    fs::copy(lab.path("other.key"), &files.key).unwrap();
    assert!(matches!(refresh(), Refreshed::Renewed(_)));
}
