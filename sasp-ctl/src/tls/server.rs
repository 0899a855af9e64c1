//! The side that is dialled.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::cache::Cache;
use super::failure::{HandshakeError, Side};
use super::files::{KeyPair, Material, TlsError};
use super::identity::identity;
use super::provider;
use crate::sasp::gwm::Identity;

/// How long a handshake may take: some round trips, and a peer that speaks no TLS is to be found out.
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);
/// How long a peer that is refused has to hear why.
const FAREWELL_TIME: Duration = Duration::from_secs(1);

/// Whether whoever dials must show a certificate.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum ClientCertificates {
    /// Without one there is no connection.
    #[default]
    Required,
    /// Who shows none is nobody in particular.
    Optional,
}

impl fmt::Display for ClientCertificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Required => "required",
            Self::Optional => "optional",
        })
    }
}

/// What the dialled side is given.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ServerFiles {
    /// Our certificate and its key.
    pub pair: KeyPair,
    /// PEM: the CAs one of which must have issued the certificates of those who dial.
    pub ca: PathBuf,
    /// Whether they must show one.
    pub client_certificates: ClientCertificates,
}

/// TLS of the dialled side, from files that it looks at again when told to.
///
/// Two are equal if they come from the same files.
pub struct ServerTls {
    files: ServerFiles,
    cache: Cache<ServerConfig>,
    warnings: Vec<String>,
}

impl ServerTls {
    /// Reads the files.
    ///
    /// # Errors
    /// One that is missing or holds something else than it should.
    pub fn load(files: ServerFiles) -> Result<Self, TlsError> {
        let material = read(&files)?;
        let config = build(&files, &material)?;
        Ok(Self {
            warnings: material.warnings(),
            cache: Cache::new(material, config),
            files,
        })
    }

    /// What deserved a word when it was loaded, one line each.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Whether whoever dials must show a certificate.
    pub fn client_certificates(&self) -> ClientCertificates {
        self.files.client_certificates
    }

    /// The files that are worth watching.
    pub fn paths(&self) -> [PathBuf; 3] {
        let ServerFiles { pair, ca, .. } = &self.files;
        [pair.cert.clone(), pair.key.clone(), ca.clone()]
    }

    /// Looks at the files again and logs what came of it. Connections that stand are not touched.
    pub fn refresh(&self) {
        let build = |material: &Material| build(&self.files, material);
        self.cache
            .refresh(|| read(&self.files), build)
            .log("this GWM");
    }

    /// Makes a connection that has just been accepted a secret one, and finds out who is there.
    ///
    /// # Errors
    /// The handshake failed or took too long. The peer has been told, if it listens.
    pub(crate) async fn accept<IO>(
        &self,
        stream: IO,
    ) -> Result<(TlsStream<IO>, Option<Identity>), HandshakeError>
    where
        IO: AsyncRead + AsyncWrite + Unpin,
    {
        let handshake = TlsAcceptor::from(self.cache.current())
            .accept(stream)
            .into_fallible();
        let stream = match timeout(HANDSHAKE_TIME, handshake).await {
            Ok(Ok(stream)) => stream,
            Ok(Err((error, stream))) => {
                let error = HandshakeError::from_io(&error, Side::Server);
                // A peer that hears nothing is not our loss.
                let _too_slow = timeout(FAREWELL_TIME, let_hear(stream)).await;
                return Err(error);
            }
            Err(_) => return Err(HandshakeError::timed_out(HANDSHAKE_TIME)),
        };
        let shown = stream.get_ref().1.peer_certificates();
        let identity = match shown.and_then(<[_]>::first) {
            None => None,
            Some(leaf) => Some(identity(leaf).ok_or_else(|| {
                HandshakeError::new(
                    "the names in its certificate cannot be read: give it another certificate",
                )
            })?),
        };
        Ok((stream, identity))
    }
}

/// Waits until the peer has gone. Closing while bytes of it are unread would reset the connection, and it might never
/// read the alert that says what was wrong.
async fn let_hear(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> std::io::Result<()> {
    /// More than a peer sends before it learns that it is refused.
    const BYTES_MAX: u64 = 64 << 10;
    stream.shutdown().await?;
    let mut rest = stream.take(BYTES_MAX);
    tokio::io::copy(&mut rest, &mut tokio::io::sink()).await?;
    Ok(())
}

impl PartialEq for ServerTls {
    fn eq(&self, other: &Self) -> bool {
        self.files == other.files
    }
}

impl Eq for ServerTls {}

impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ServerTls").field(&self.files).finish()
    }
}

fn read(files: &ServerFiles) -> Result<Material, TlsError> {
    Material::read(&files.ca, Some(&files.pair))
}

fn build(files: &ServerFiles, material: &Material) -> Result<ServerConfig, TlsError> {
    let roots = material.roots()?;
    let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider());
    let verifier = match files.client_certificates {
        ClientCertificates::Required => verifier,
        ClientCertificates::Optional => verifier.allow_unauthenticated(),
    };
    let verifier = verifier
        .build()
        .map_err(|error| TlsError::new(&files.ca, format!("cannot be used: {error}")))?;
    let Some((chain, key)) = material.own()? else {
        unreachable!("a server's files have a certificate and a key");
    };
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| material.unusable(&error))?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)
        .map_err(|error| material.unusable(&error))?;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}
