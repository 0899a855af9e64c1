//! The one way to a GWM: name, source address, socket options, and TLS if it is wanted.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use nix::sys::socket::{setsockopt, sockopt};
use tokio::net::{TcpSocket, TcpStream, lookup_host};
use tokio::time::timeout;

use super::stream::Stream;
use crate::tls::{ClientTls, HandshakeError};

/// An address of a name that does not answer must not use up the time for the others.
const ADDRESS_TIMEOUT: Duration = Duration::from_secs(4);

// A GWM's address may move to another machine without a FIN. Idle: noticed after 30 + 3 * 10 seconds.
const KEEPALIVE_IDLE_SECONDS: u32 = 30;
const KEEPALIVE_INTERVAL_SECONDS: u32 = 10;
const KEEPALIVE_PROBES: u32 = 3;
/// Sent but unacknowledged for so long: dead, too.
const USER_TIMEOUT_MILLISECONDS: u32 = 30_000;

/// Where a GWM is, and how to get there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Target {
    /// Name or address of the GWM; a name is resolved at every attempt, as a GWM may move.
    pub host: String,
    /// Port, usually [`crate::sasp::code::PORT`].
    pub port: u16,
    /// Our address towards the GWM; some admit balancers by it.
    pub source: Option<IpAddr>,
    /// How the GWM proves who it is; `None`: plain TCP.
    pub tls: Option<Arc<ClientTls>>,
}

/// `HOST:PORT`, an IPv6 address in brackets.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.parse() {
            Ok(IpAddr::V6(host)) => write!(f, "[{host}]:{}", self.port),
            _ => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

/// Why there is no connection. One line.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// The name is unknown, or nobody could be asked.
    #[error("cannot resolve {host}: {source}")]
    Resolve {
        /// The name.
        host: String,
        /// What the system says.
        source: io::Error,
    },
    /// The name has no address that can be reached from the source address.
    #[error("{host} has no address{}", .source_address.map(|source| format!(" of the family of {source}")).unwrap_or_default())]
    NoAddress {
        /// The name.
        host: String,
        /// The address to connect from.
        source_address: Option<IpAddr>,
    },
    /// No TCP connection.
    #[error("{address}: {source}")]
    Connect {
        /// The last address that was tried.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// A TCP connection, but no TLS over it.
    #[error("{address}: {source}")]
    Tls {
        /// Who was there.
        address: SocketAddr,
        /// What went wrong and what to do.
        source: HandshakeError,
    },
}

/// Connects to the first address of the GWM that answers as it should.
///
/// # Errors
/// Of several addresses, the last failure counts, but one of TLS says more than that nobody was there.
pub async fn dial(target: &Target) -> Result<Stream, DialError> {
    let Target {
        host, port, source, ..
    } = target;
    let addresses = lookup_host((host.as_str(), *port))
        .await
        .map_err(|source| DialError::Resolve {
            host: host.clone(),
            source,
        })?;
    let usable =
        |address: &SocketAddr| source.is_none_or(|source| source.is_ipv4() == address.is_ipv4());
    let mut failure = DialError::NoAddress {
        host: host.clone(),
        source_address: *source,
    };
    for address in addresses.filter(usable) {
        match dial_address(target, address).await {
            Ok(stream) => return Ok(stream),
            Err(DialError::Connect { .. }) if matches!(failure, DialError::Tls { .. }) => {}
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

async fn dial_address(target: &Target, address: SocketAddr) -> Result<Stream, DialError> {
    let attempt = timeout(ADDRESS_TIMEOUT, connect(address, target.source)).await;
    let stream = attempt
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
        .map_err(|source| DialError::Connect { address, source })?;
    let Some(tls) = &target.tls else {
        return Ok(Stream::Plain(stream));
    };
    match tls.connect(&target.host, stream).await {
        Ok(stream) => Ok(Stream::Tls(Box::new(stream))),
        Err(source) => Err(DialError::Tls { address, source }),
    }
}

async fn connect(address: SocketAddr, source: Option<IpAddr>) -> io::Result<TcpStream> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()
    } else {
        TcpSocket::new_v6()
    }?;
    socket.set_keepalive(true)?;
    socket.set_nodelay(true)?;
    setsockopt(&socket, sockopt::TcpKeepIdle, &KEEPALIVE_IDLE_SECONDS)?;
    setsockopt(
        &socket,
        sockopt::TcpKeepInterval,
        &KEEPALIVE_INTERVAL_SECONDS,
    )?;
    setsockopt(&socket, sockopt::TcpKeepCount, &KEEPALIVE_PROBES)?;
    setsockopt(&socket, sockopt::TcpUserTimeout, &USER_TIMEOUT_MILLISECONDS)?;
    if let Some(source) = source {
        socket.bind(SocketAddr::new(source, 0))?;
    }
    socket.connect(address).await
}
