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
    /// The source address cannot be used.
    #[error("{address}: cannot connect from {source_address}: {source}{}", from_elsewhere(.source, .address))]
    From {
        /// The address that was tried.
        address: SocketAddr,
        /// The address to connect from.
        source_address: IpAddr,
        /// What the system says.
        source: io::Error,
    },
    /// No TCP connection.
    #[error("{address}: {source}{}", advice(.source, .address))]
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

/// What to do about a source address.
fn from_elsewhere(error: &io::Error, gwm: &SocketAddr) -> String {
    match error.kind() {
        io::ErrorKind::AddrNotAvailable => format!(
            ": this host does not have that address, choose as source the one that it reaches the GWM from (`ip route get {}`)",
            gwm.ip()
        ),
        _ => String::new(),
    }
}

/// What to do about a GWM that cannot be reached.
fn advice(error: &io::Error, gwm: &SocketAddr) -> String {
    let port = gwm.port();
    match error.kind() {
        io::ErrorKind::ConnectionRefused => {
            format!(": see that the GWM runs there and listens on port {port}")
        }
        io::ErrorKind::TimedOut => {
            format!(": see that its host is up and that no firewall drops TCP port {port}")
        }
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            format!(
                ": see that its host is up and routed (`ip route get {}`)",
                gwm.ip()
            )
        }
        _ => String::new(),
    }
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
            Err(DialError::Connect { .. } | DialError::From { .. })
                if matches!(failure, DialError::Tls { .. }) => {}
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

async fn dial_address(target: &Target, address: SocketAddr) -> Result<Stream, DialError> {
    let stream = match timeout(ADDRESS_TIMEOUT, connect(address, target.source)).await {
        Ok(attempt) => attempt?,
        Err(_) => {
            let source = io::ErrorKind::TimedOut.into();
            return Err(DialError::Connect { address, source });
        }
    };
    let Some(tls) = &target.tls else {
        return Ok(Stream::Plain(stream));
    };
    match tls.connect(&target.host, stream).await {
        Ok(stream) => Ok(Stream::Tls(Box::new(stream))),
        Err(source) => Err(DialError::Tls { address, source }),
    }
}

async fn connect(address: SocketAddr, source: Option<IpAddr>) -> Result<TcpStream, DialError> {
    let failed = |source| DialError::Connect { address, source };
    let socket = socket(address).map_err(failed)?;
    if let Some(source_address) = source {
        let bound = socket.bind(SocketAddr::new(source_address, 0));
        bound.map_err(|source| DialError::From {
            address,
            source_address,
            source,
        })?;
    }
    socket.connect(address).await.map_err(failed)
}

fn socket(address: SocketAddr) -> io::Result<TcpSocket> {
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
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(address: SocketAddr, source: Option<IpAddr>) -> Target {
        Target {
            host: address.ip().to_string(),
            port: address.port(),
            source,
            tls: None,
        }
    }

    #[tokio::test]
    async fn a_source_address_of_another_host_is_named() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let source = Some([192, 0, 2, 77].into());
        let refused = dial(&target(address, source)).await.unwrap_err();
        let refused = refused.to_string();
        for words in [
            "cannot connect from 192.0.2.77",
            "this host does not have that address",
            "`ip route get 127.0.0.1`",
        ] {
            assert!(refused.contains(words), "{refused}");
        }
    }

    #[tokio::test]
    async fn nobody_at_a_port_says_what_to_look_at() {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let refused = dial(&target(address, None)).await.unwrap_err().to_string();
        let port = address.port();
        assert!(refused.contains("Connection refused"), "{refused}");
        assert!(
            refused.ends_with(&format!(
                "see that the GWM runs there and listens on port {port}"
            )),
            "{refused}"
        );
    }

    #[test]
    fn what_the_system_says_comes_with_what_to_do() {
        let address = SocketAddr::from(([192, 0, 2, 1], 3860));
        for (kind, words) in [
            (io::ErrorKind::TimedOut, "no firewall drops TCP port 3860"),
            (io::ErrorKind::HostUnreachable, "`ip route get 192.0.2.1`"),
            (io::ErrorKind::NetworkUnreachable, "routed"),
        ] {
            let source = kind.into();
            let told = DialError::Connect { address, source }.to_string();
            assert!(
                told.starts_with("192.0.2.1:3860: ") && told.contains(words),
                "{told}"
            );
        }
    }
}
