//! TLS 1.2 and 1.3 around SASP: files to configurations, handshakes, and who the peer's certificate says it is.
//!
//! Both sides of SASP use it: [`ClientTls`] for whoever dials a GWM, [`ServerTls`] for the GWM. Either keeps its last
//! good configuration when its files change for the worse, and a new one counts for the next handshake only.
//!
//! Deliberately not here: OCSP and revocation lists (a certificate that must not be trusted any more is unlisted in
//! `gwm.toml`, or its CA replaced), session resumption (connections live for days, and each is to be judged by the
//! files of today), and any decision about SASP: [`crate::sasp::gwm::Identity`] is plain data.
//!
//! # Layout
//! * `client`, `server`: the two sides. `files`: PEM from disk. `cache`: made from files, made anew when they change.
//! * `identity`: from a certificate to names. `expiry`: how long certificates last. `failure`: what went wrong, in words.

mod cache;
mod client;
mod expiry;
mod failure;
mod files;
mod identity;
mod server;

#[cfg(test)]
pub(crate) mod lab;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use rustls::crypto::CryptoProvider;

pub use client::{ClientFiles, ClientTls};
pub use failure::HandshakeError;
pub use files::{KeyPair, TlsError};
pub use server::{ClientCertificates, ServerFiles, ServerTls};

pub(crate) use failure::{Side, explain};

/// The one implementation of cryptography, named everywhere so that no other that is linked in can take its place.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}
