//! Peers that speak one version of TLS only.

use rustls::client::WebPkiServerVerifier;
use rustls::server::WebPkiClientVerifier;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ProtocolVersion, ServerConfig, SupportedProtocolVersion};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::super::files::Material;
use super::*;

const VERSIONS: [(&SupportedProtocolVersion, ProtocolVersion); 2] = [
    (&TLS12, ProtocolVersion::TLSv1_2),
    (&TLS13, ProtocolVersion::TLSv1_3),
];

fn material(lab: &Lab, name: &str) -> Material {
    Material::read(&lab.path("ca.pem"), Some(&lab.pair(name))).unwrap()
}

#[tokio::test]
async fn a_client_of_either_version_is_served_and_must_show_a_certificate() {
    let lab = Lab::with_both_sides();
    let server = lab.server("gwm");
    for (only, version) in VERSIONS {
        for shows in [true, false] {
            let material = material(&lab, "edge-1");
            let roots = material.roots().unwrap();
            let verifier = WebPkiServerVerifier::builder_with_provider(roots, provider());
            let builder = ClientConfig::builder_with_provider(provider())
                .with_protocol_versions(&[only])
                .unwrap()
                .with_webpki_verifier(verifier.build().unwrap());
            let config = match shows {
                true => {
                    let (chain, key) = material.own().unwrap().unwrap();
                    builder.with_client_auth_cert(chain, key).unwrap()
                }
                false => builder.with_no_client_auth(),
            };
            let (ours, theirs) = duplex(PIPE);
            let dialling = async {
                let connector = TlsConnector::from(Arc::new(config));
                let stream = connector
                    .connect("localhost".try_into().unwrap(), ours)
                    .await;
                let stream = stream.map_err(|error| in_words(&error))?;
                assert_eq!(stream.get_ref().1.protocol_version(), Some(version));
                greeted(stream).await
            };
            let (client, server) = tokio::join!(dialling, greet(&server, theirs));
            assert_eq!(client.is_ok(), shows, "{version:?}: {client:?}");
            match shows {
                true => assert!(server.unwrap().unwrap().is_called("edge-1")),
                false => assert!(server.unwrap_err().contains("shows no certificate")),
            }
        }
    }
}

#[tokio::test]
async fn a_server_of_either_version_is_dialled_and_sees_our_certificate() {
    let lab = Lab::with_both_sides();
    for (only, version) in VERSIONS {
        let material = material(&lab, "gwm");
        let roots = material.roots().unwrap();
        let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider());
        let (chain, key) = material.own().unwrap().unwrap();
        let config = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[only])
            .unwrap()
            .with_client_cert_verifier(verifier.build().unwrap())
            .with_single_cert(chain, key)
            .unwrap();
        let (ours, theirs) = duplex(PIPE);
        let client = lab.client(Some("edge-1"));
        let dialled = async {
            let acceptor = TlsAcceptor::from(Arc::new(config));
            let mut stream = acceptor.accept(theirs).await.unwrap();
            stream.write_all(GREETING).await.unwrap();
            stream.flush().await.unwrap();
            let state = stream.get_ref().1;
            assert_eq!(state.protocol_version(), Some(version));
            assert!(
                state
                    .peer_certificates()
                    .is_some_and(|shown| shown.len() == 1)
            );
        };
        let dialling = async {
            greeted(client.connect("localhost", ours).await.unwrap())
                .await
                .unwrap();
        };
        tokio::join!(dialled, dialling);
    }
}
