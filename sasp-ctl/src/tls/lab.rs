//! A CA and certificates in a directory of their own, for tests.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair as RcgenKey,
};

use super::{ClientCertificates, ClientFiles, ClientTls, KeyPair, ServerFiles, ServerTls};

/// A directory with `ca.pem`, and whatever the CA has issued as `NAME.pem` and `NAME.key`.
pub(crate) struct Lab {
    directory: tempfile::TempDir,
    ca: CertifiedIssuer<'static, RcgenKey>,
}

impl Lab {
    pub(crate) fn new() -> Self {
        let lab = Self {
            directory: tempfile::tempdir().unwrap(),
            ca: authority("lab"),
        };
        fs::write(lab.path("ca.pem"), lab.ca.pem()).unwrap();
        lab
    }

    /// One whose certificates for a GWM and a client are there already.
    pub(crate) fn with_both_sides() -> Self {
        let lab = Self::new();
        lab.issue("gwm", &["localhost", "127.0.0.1"], |_| {});
        lab.issue("edge-1", &["edge-1.example.net", "10.0.0.1"], |_| {});
        lab
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A certificate with this common name and these subject alternative names.
    pub(crate) fn issue(
        &self,
        name: &str,
        alternatives: &[&str],
        adjust: impl FnOnce(&mut CertificateParams),
    ) {
        self.write(name, params(name, alternatives, adjust), &self.ca);
    }

    /// The same from a CA that nobody knows; it is left as `NAME-ca.pem`.
    pub(crate) fn issue_by_stranger(&self, name: &str, alternatives: &[&str]) {
        let stranger = authority("stranger");
        self.write(name, params(name, alternatives, |_| {}), &stranger);
        fs::write(self.path(&format!("{name}-ca.pem")), stranger.pem()).unwrap();
    }

    fn write(
        &self,
        name: &str,
        params: CertificateParams,
        issuer: &CertifiedIssuer<'static, RcgenKey>,
    ) {
        let key = RcgenKey::generate().unwrap();
        let certificate = params.signed_by(&key, issuer).unwrap();
        let pair = self.pair(name);
        fs::write(&pair.cert, certificate.pem()).unwrap();
        fs::write(&pair.key, key.serialize_pem()).unwrap();
        fs::set_permissions(&pair.key, fs::Permissions::from_mode(0o600)).unwrap();
    }

    pub(crate) fn pair(&self, name: &str) -> KeyPair {
        KeyPair {
            cert: self.path(&format!("{name}.pem")),
            key: self.path(&format!("{name}.key")),
        }
    }

    pub(crate) fn client_files(&self, name: Option<&str>) -> ClientFiles {
        ClientFiles {
            ca: self.path("ca.pem"),
            pair: name.map(|name| self.pair(name)),
            server_name: None,
        }
    }

    pub(crate) fn client(&self, name: Option<&str>) -> Arc<ClientTls> {
        Arc::new(ClientTls::load(self.client_files(name)).unwrap())
    }

    pub(crate) fn server_files(&self, name: &str) -> ServerFiles {
        ServerFiles {
            pair: self.pair(name),
            ca: self.path("ca.pem"),
            client_certificates: ClientCertificates::Required,
        }
    }

    pub(crate) fn server(&self, name: &str) -> ServerTls {
        ServerTls::load(self.server_files(name)).unwrap()
    }
}

fn params(
    name: &str,
    alternatives: &[&str],
    adjust: impl FnOnce(&mut CertificateParams),
) -> CertificateParams {
    let alternatives: Vec<_> = alternatives.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(alternatives).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.extended_key_usages = vec![
        ExtendedKeyUsagePurpose::ServerAuth,
        ExtendedKeyUsagePurpose::ClientAuth,
    ];
    adjust(&mut params);
    params
}

fn authority(name: &str) -> CertifiedIssuer<'static, RcgenKey> {
    let params = params(name, &[], |params| {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.extended_key_usages.clear();
    });
    CertifiedIssuer::self_signed(params, RcgenKey::generate().unwrap()).unwrap()
}
