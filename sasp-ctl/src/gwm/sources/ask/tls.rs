//! TLS towards members that are probed. Certificates are checked against the system's roots, or not at all: a probe
//! asks whether a server answers, and sends it nothing that is secret.

use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::net::Failure;
use crate::gwm::sources::rule::Verify;

/// Read once: they are hundreds of certificates, and change with the system's packages.
static ROOTS: LazyLock<Result<Arc<ClientConfig>, String>> = LazyLock::new(with_roots);
static ANY: LazyLock<Result<Arc<ClientConfig>, String>> = LazyLock::new(with_any);

/// Shakes hands; `name` is what the certificate has to be for, otherwise the address.
pub(super) async fn connect(
    verify: Verify,
    name: Option<String>,
    address: SocketAddr,
    stream: TcpStream,
) -> Result<TlsStream<TcpStream>, Failure> {
    let config = match verify {
        Verify::Roots => ROOTS.clone(),
        Verify::Nothing => ANY.clone(),
    };
    let config = config.map_err(Failure::Ours)?;
    let name = match name {
        Some(name) => {
            let bare = name
                .trim_start_matches('[')
                .trim_end_matches(']')
                .to_owned();
            let invalid =
                |error| Failure::Ours(format!("{name:?} cannot be in a certificate: {error}"));
            ServerName::try_from(bare).map_err(invalid)?
        }
        None => ServerName::from(address.ip()),
    };
    let shaken = TlsConnector::from(config).connect(name, stream).await;
    shaken.map_err(|error| Failure::Theirs(format!("{address}: TLS fails: {error}")))
}

fn with_roots() -> Result<Arc<ClientConfig>, String> {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let why = found.errors.first().map(|error| format!(": {error}"));
        return Err(format!(
            "the system has no root certificates{}: install them, name a file in SSL_CERT_FILE, or set verify = false",
            why.unwrap_or_default()
        ));
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("TLS cannot be used: {error}"))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

fn with_any() -> Result<Arc<ClientConfig>, String> {
    let provider = Arc::new(ring::default_provider());
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("TLS cannot be used: {error}"))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// `verify = false`: whoever answers will do, but it must hold the key of what it shows.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
