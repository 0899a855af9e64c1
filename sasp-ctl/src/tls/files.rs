//! PEM files: what they hold, and whether they can be used.
//!
//! What is read from a key file goes into no message.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::expiry;
use crate::config::file;

/// Certificates from the own one to the CA: peers follow no longer chain, and say so in many odd ways.
const CHAIN_MAX: usize = 16;
/// Read permission of everybody.
const READABLE_BY_OTHERS: u32 = 0o004;

/// A certificate chain and its private key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyPair {
    /// PEM: the own certificate first, then those that lead to the CA.
    pub cert: PathBuf,
    /// PEM: the private key, not encrypted.
    pub key: PathBuf,
}

/// Why there can be no TLS. One line: what is wrong with what, and what to do.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TlsError {
    /// A file.
    #[error("{}: {reason}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The name that the GWM's certificate should have.
    #[error("{0}")]
    ServerName(String),
}

impl TlsError {
    pub(super) fn new(path: &Path, reason: impl Into<String>) -> Self {
        Self::File {
            path: path.to_owned(),
            reason: reason.into(),
        }
    }
}

/// What the files hold, as text. Not `Debug`: it has a private key in it.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Material {
    ca: Pem,
    pair: Option<(Pem, Pem)>,
}

#[derive(Clone, PartialEq, Eq)]
struct Pem {
    path: PathBuf,
    text: String,
}

impl Material {
    pub(super) fn read(ca: &Path, pair: Option<&KeyPair>) -> Result<Self, TlsError> {
        let ca = Pem::read(ca)?;
        let pair = match pair {
            Some(pair) => Some((Pem::read(&pair.cert)?, Pem::read(&pair.key)?)),
            None => None,
        };
        Ok(Self { ca, pair })
    }

    /// The CAs whose certificates are believed.
    pub(super) fn roots(&self) -> Result<Arc<RootCertStore>, TlsError> {
        let mut roots = RootCertStore::empty();
        for certificate in self.ca.certificates()? {
            roots.add(certificate).map_err(|error| {
                let reason = format!("has a certificate that can be no CA: {error}");
                TlsError::new(&self.ca.path, reason)
            })?;
        }
        Ok(Arc::new(roots))
    }

    /// The own certificates and their key.
    pub(super) fn own(&self) -> Result<Option<Own>, TlsError> {
        match &self.pair {
            None => Ok(None),
            Some((cert, key)) => Ok(Some((cert.chain()?, key.private_key()?))),
        }
    }

    /// The own certificate and key do not work.
    pub(super) fn unusable(&self, error: &rustls::Error) -> TlsError {
        let (path, key) = match &self.pair {
            Some((cert, key)) => (&cert.path, key.path.display().to_string()),
            None => (&self.ca.path, "none".to_owned()),
        };
        let reason = match error {
            rustls::Error::InconsistentKeys(_) => format!(
                "is not the certificate of the key in {key}: give the two files that belong together"
            ),
            error => format!("cannot be used with the key in {key}: {error}"),
        };
        TlsError::new(path, reason)
    }

    /// What works today and may not tomorrow.
    pub(super) fn warnings(&self) -> Vec<String> {
        let chains = [Some(&self.ca), self.pair.as_ref().map(|(cert, _)| cert)];
        let mut warnings: Vec<_> = chains
            .into_iter()
            .flatten()
            .flat_map(|pem| {
                // What cannot be parsed has been refused before.
                let certificates = pem.certificates().unwrap_or_default();
                expiry::warnings(&pem.path, &certificates)
            })
            .collect();
        if let Some((_, key)) = &self.pair
            && fs::metadata(&key.path)
                .is_ok_and(|key| key.permissions().mode() & READABLE_BY_OTHERS != 0)
        {
            let path = key.path.display();
            warnings.push(format!(
                "{path}: every user can read this private key: `chmod o-r` it"
            ));
        }
        warnings
    }
}

/// A certificate chain and its key, parsed.
pub(super) type Own = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

impl Pem {
    fn read(path: &Path) -> Result<Self, TlsError> {
        let text = file::read(path, "name a PEM file that is there")
            .map_err(|reason| TlsError::new(path, reason))?;
        Ok(Self {
            path: path.to_owned(),
            text,
        })
    }

    fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        let found: Result<Vec<_>, _> =
            CertificateDer::pem_slice_iter(self.text.as_bytes()).collect();
        match found {
            Ok(found) if !found.is_empty() => Ok(found),
            // The parser's words may quote what it could not read.
            Ok(_) | Err(_) => Err(TlsError::new(
                &self.path,
                "holds no certificate in PEM form: name a file with BEGIN CERTIFICATE in it",
            )),
        }
    }

    fn chain(&self) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        let chain = self.certificates()?;
        match chain.len() {
            ..=CHAIN_MAX => Ok(chain),
            length => {
                let reason = format!(
                    "holds {length} certificates, which no peer follows (at most {CHAIN_MAX}): keep the own one and those \
                     between it and the CA"
                );
                Err(TlsError::new(&self.path, reason))
            }
        }
    }

    fn private_key(&self) -> Result<PrivateKeyDer<'static>, TlsError> {
        PrivateKeyDer::from_pem_slice(self.text.as_bytes()).map_err(|_| {
            let reason = match self.text.contains("ENCRYPTED") {
                true => "is encrypted: write it without a passphrase (`openssl pkey`), readable by its user only",
                false => "holds no private key in PEM form: name a file with BEGIN PRIVATE KEY in it",
            };
            TlsError::new(&self.path, reason)
        })
    }
}
