//! Why TLS failed, in words that say what to do. Private keys and what was said under them are in none of these.

use std::io;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{AlertDescription, CertificateError, Error};

/// Which side we are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Side {
    /// We dialled.
    Client,
    /// We were dialled.
    Server,
}

/// Why there is no TLS with a peer. One line.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{reason}")]
pub struct HandshakeError {
    reason: String,
    peer_left: bool,
}

impl HandshakeError {
    pub(super) fn new(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            peer_left: false,
        }
    }

    pub(super) fn from_io(error: &io::Error, side: Side) -> Self {
        let peer_left = matches!(
            error.kind(),
            io::ErrorKind::UnexpectedEof
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::BrokenPipe
        );
        Self {
            reason: handshake(error, side, peer_left),
            peer_left,
        }
    }

    pub(super) fn timed_out(patience: Duration) -> Self {
        Self::new(format!(
            "no TLS handshake within {patience:?}: the other side may speak plain TCP"
        ))
    }

    /// The peer has just gone, as those do who only look whether somebody listens.
    pub(crate) fn peer_left(&self) -> bool {
        self.peer_left
    }
}

/// A failed handshake in words.
fn handshake(error: &io::Error, side: Side, peer_left: bool) -> String {
    if let Some(explained) = explain(error, side) {
        return explained;
    }
    match (peer_left, side) {
        (true, Side::Client) => {
            "it closed the connection during the TLS handshake: it may speak plain TCP only, or \
                                 refuse this host's address"
                .to_owned()
        }
        (true, Side::Server) => "it closed the connection during the TLS handshake".to_owned(),
        (false, _) => error.to_string(),
    }
}

/// What TLS has to say about an error of a connection; `None` if the error is not TLS's. Under TLS 1.3, a GWM's
/// verdict on our certificate comes when the handshake is over for us.
pub(crate) fn explain(error: &io::Error, side: Side) -> Option<String> {
    let error = error.get_ref()?.downcast_ref::<Error>()?;
    Some(match error {
        Error::InvalidMessage(_) => match side {
            Side::Client => "it does not speak TLS on this port: use its TLS port, or leave TLS out".to_owned(),
            Side::Server => "it does not speak TLS, which this port asks for: switch TLS on at the peer, or remove \
                             `tls` from gwm.toml"
                .to_owned(),
        },
        Error::NoCertificatesPresented => "it shows no certificate: give it one that the CA in `tls.ca` has \
                                           issued, or set client_certificates = \"optional\""
            .to_owned(),
        Error::InvalidCertificate(error) => certificate(error, side),
        Error::AlertReceived(alert) => verdict(*alert, side),
        Error::PeerIncompatible(why) => {
            format!("it and we have no TLS in common ({why:?}): we speak TLS 1.2 and 1.3")
        }
        error => format!("TLS failed: {error}"),
    })
}

/// What we think of the peer's certificate.
fn certificate(error: &CertificateError, side: Side) -> String {
    let cas = match side {
        Side::Client => "the CA file",
        Side::Server => "`tls.ca`",
    };
    match error {
        CertificateError::UnknownIssuer | CertificateError::BadSignature => format!(
            "its certificate was not issued by a CA in {cas}: put the right CA there, or give it another certificate"
        ),
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "its certificate has expired: renew it there, or check the clock here".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not valid yet: check the clocks on both sides".to_owned()
        }
        CertificateError::NotValidForNameContext {
            expected,
            presented,
        } => wrong_name(expected, presented),
        CertificateError::NotValidForName => {
            "its certificate is for another name: set the server's name to one in it".to_owned()
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            let purpose = match side {
                Side::Client => "serverAuth",
                Side::Server => "clientAuth",
            };
            format!(
                "its certificate is not for this use: issue it with the extended key usage {purpose}"
            )
        }
        error if format!("{error:?}").contains("CaUsedAsEndEntity") => {
            "its certificate is that of a CA: let the CA issue one for the host itself".to_owned()
        }
        error => format!("its certificate is not accepted: {error}"),
    }
}

fn wrong_name(expected: &ServerName<'_>, presented: &[String]) -> String {
    /// More names than a line is the place for.
    const SHOWN: usize = 4;
    let expected = expected.to_str();
    if presented.is_empty() {
        return format!(
            "its certificate has no subject alternative name, so it cannot be for {expected}: issue it with one"
        );
    }
    let shown: Vec<_> = presented
        .iter()
        .take(SHOWN)
        .map(|name| bare(name))
        .collect();
    let mut shown = shown.join(", ");
    if presented.len() > SHOWN {
        shown.push_str(", …");
    }
    format!(
        "its certificate is not for {expected} but for {shown}: set the server's name to one of these"
    )
}

/// A name of a certificate without what rustls writes around it: `DnsName("gwm")`, `IpAddress(192.0.2.1)`.
fn bare(name: &str) -> &str {
    ["DnsName", "IpAddress"]
        .into_iter()
        .find_map(|kind| name.strip_prefix(kind))
        .unwrap_or(name)
        .trim_matches(['(', ')', '"'])
}

/// What the peer thinks of us.
fn verdict(alert: AlertDescription, side: Side) -> String {
    let ours = match side {
        Side::Client => "our certificate",
        Side::Server => "this GWM's certificate",
    };
    match (alert, side) {
        (AlertDescription::CertificateRequired | AlertDescription::NoCertificate, _) => {
            "it demands a client certificate: give `cert` and `key` (--tls-cert and --tls-key)".to_owned()
        }
        (AlertDescription::HandshakeFailure, Side::Client) => {
            "it refuses the handshake: it may demand a client certificate (`cert` and `key`), or have no TLS \
             version and cipher in common with us"
                .to_owned()
        }
        (AlertDescription::UnknownCA, _) => {
            format!("it does not know the CA of {ours}: give it that CA, or use another certificate")
        }
        (AlertDescription::CertificateExpired, _) => format!("it says that {ours} has expired or is not valid yet: renew it, or check the clocks"),
        (
            AlertDescription::BadCertificate
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::AccessDenied,
            _,
        ) => format!("it refuses {ours} ({alert:?}): its log says why"),
        (AlertDescription::ProtocolVersion, _) => {
            "it speaks no TLS version that we do: we speak TLS 1.2 and 1.3".to_owned()
        }
        (alert, _) => format!("it ended TLS with the alert {alert:?}: its log says why"),
    }
}
