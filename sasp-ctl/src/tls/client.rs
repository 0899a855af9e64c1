//! The side that dials.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::Resumption;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::cache::Cache;
use super::failure::{HandshakeError, Side};
use super::files::{KeyPair, Material, TlsError};
use super::provider;

/// How long a handshake may take. Less than [`crate::sasp::client::Config`] gives an attempt to connect, so that what is
/// said is what went wrong.
const HANDSHAKE_TIME: Duration = Duration::from_secs(5);

/// What the dialling side is given.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClientFiles {
    /// PEM: the CAs one of which must have issued the GWM's certificate.
    pub ca: PathBuf,
    /// What we show if the GWM asks for a certificate.
    pub pair: Option<KeyPair>,
    /// The DNS name or IP address that the GWM's certificate must have, if not the one that is dialled.
    pub server_name: Option<String>,
}

/// TLS of the dialling side, from files that it looks at again before each handshake.
///
/// Two are equal if they come from the same files.
pub struct ClientTls {
    files: ClientFiles,
    server_name: Option<ServerName<'static>>,
    cache: Cache<ClientConfig>,
    warnings: Vec<String>,
}

impl ClientTls {
    /// Reads the files.
    ///
    /// # Errors
    /// One that is missing or holds something else than it should.
    pub fn load(files: ClientFiles) -> Result<Self, TlsError> {
        let server_name = match &files.server_name {
            Some(name) => Some(parse_name(name).map_err(TlsError::ServerName)?),
            None => None,
        };
        let material = read(&files)?;
        let config = build(&material)?;
        Ok(Self {
            server_name,
            warnings: material.warnings(),
            cache: Cache::new(material, config),
            files,
        })
    }

    /// Where it came from.
    pub fn files(&self) -> &ClientFiles {
        &self.files
    }

    /// What deserved a word when it was loaded, one line each.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Makes a connection to `host` a secret one between us and it.
    ///
    /// # Errors
    /// The handshake failed or took too long.
    pub(crate) async fn connect<IO>(
        self: &Arc<Self>,
        host: &str,
        stream: IO,
    ) -> Result<TlsStream<IO>, HandshakeError>
    where
        IO: AsyncRead + AsyncWrite + Unpin,
    {
        let name = match &self.server_name {
            Some(name) => name.clone(),
            None => parse_name(host).map_err(HandshakeError::new)?,
        };
        let this = Arc::clone(self);
        // Files may be slow. A panic in there leaves the former configuration.
        let _looked = tokio::task::spawn_blocking(move || this.refresh()).await;
        let handshake = TlsConnector::from(self.cache.current()).connect(name, stream);
        match timeout(HANDSHAKE_TIME, handshake).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(error)) => Err(HandshakeError::from_io(&error, Side::Client)),
            Err(_) => Err(HandshakeError::timed_out(HANDSHAKE_TIME)),
        }
    }

    fn refresh(&self) {
        let refreshed = self.cache.refresh(|| read(&self.files), build);
        refreshed.log("the dialling side");
    }
}

impl PartialEq for ClientTls {
    fn eq(&self, other: &Self) -> bool {
        self.files == other.files
    }
}

impl Eq for ClientTls {}

impl fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ClientTls").field(&self.files).finish()
    }
}

fn read(files: &ClientFiles) -> Result<Material, TlsError> {
    Material::read(&files.ca, files.pair.as_ref())
}

fn build(material: &Material) -> Result<ClientConfig, TlsError> {
    let roots: Arc<RootCertStore> = material.roots()?;
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| material.unusable(&error))?
        .with_root_certificates(roots);
    let mut config = match material.own()? {
        Some((chain, key)) => builder
            .with_client_auth_cert(chain, key)
            .map_err(|error| material.unusable(&error))?,
        None => builder.with_no_client_auth(),
    };
    config.resumption = Resumption::disabled();
    Ok(config)
}

/// A name as certificates have it: the final dot of DNS is not part of it.
fn parse_name(name: &str) -> Result<ServerName<'static>, String> {
    let name = name.strip_suffix('.').unwrap_or(name);
    ServerName::try_from(name.to_owned())
        .map_err(|_| format!("{name:?} is no name that a certificate can have: give a DNS name or an IP address as the server's name"))
}
