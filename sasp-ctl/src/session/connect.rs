//! Making the connection: name, source address, socket options.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use nix::sys::socket::{setsockopt, sockopt};
use tokio::{
    net::{TcpSocket, TcpStream, lookup_host},
    time::timeout,
};

use super::Config;

/// An address of a name that does not answer must not use up the time for the others.
const ADDRESS_TIMEOUT: Duration = Duration::from_secs(4);

// A GWM's address may move to another machine without a FIN. Idle: noticed after 30 + 3 * 10 seconds.
const KEEPALIVE_IDLE_SECONDS: u32 = 30;
const KEEPALIVE_INTERVAL_SECONDS: u32 = 10;
const KEEPALIVE_PROBES: u32 = 3;
/// Sent but unacknowledged for so long: dead, too.
const USER_TIMEOUT_MILLISECONDS: u32 = 30_000;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectError {
    #[error("cannot resolve {host}: {source}")]
    Resolve { host: String, source: io::Error },
    #[error("{host} has no address{}", .source_address.map(|source| format!(" of the family of {source}")).unwrap_or_default())]
    NoAddress {
        host: String,
        source_address: Option<IpAddr>,
    },
    #[error("{address}: {source}")]
    Connect {
        address: SocketAddr,
        source: io::Error,
    },
}

/// Connects to the first address of the GWM that answers.
pub(super) async fn connect(config: Config) -> Result<TcpStream, ConnectError> {
    let Config {
        host,
        port,
        source: source_address,
        ..
    } = config;
    let addresses =
        lookup_host((host.as_str(), port))
            .await
            .map_err(|source| ConnectError::Resolve {
                host: host.clone(),
                source,
            })?;
    let usable = |address: &SocketAddr| {
        source_address.is_none_or(|source| source.is_ipv4() == address.is_ipv4())
    };
    let mut last = ConnectError::NoAddress {
        host: host.clone(),
        source_address,
    };
    for address in addresses.filter(usable) {
        let attempt = timeout(ADDRESS_TIMEOUT, connect_to(address, source_address));
        match attempt
            .await
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
        {
            Ok(stream) => return Ok(stream),
            Err(source) => last = ConnectError::Connect { address, source },
        }
    }
    Err(last)
}

async fn connect_to(address: SocketAddr, source: Option<IpAddr>) -> io::Result<TcpStream> {
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
