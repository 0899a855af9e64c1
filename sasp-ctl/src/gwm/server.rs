//! Accepting connections.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tracing::warn;

use super::connection;
use super::hub::Hub;
use crate::tls::ServerTls;

/// Pause after a failure to accept, such as too many open files: trying on at once would only burn a CPU.
const PAUSE: Duration = Duration::from_millis(100);

/// What a connection that is accepted now speaks; `None`: plain TCP.
pub(super) type Tls = watch::Receiver<Option<Arc<ServerTls>>>;

/// Gives every connection a task of its own, for ever.
pub(super) async fn accept(listener: TcpListener, hub: &Arc<Hub>, tls: &Tls) {
    let mut failing = false;
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                failing = false;
                let hub = Arc::clone(hub);
                let tls = tls.borrow().clone();
                tokio::spawn(async move {
                    connection::serve(&hub, tls.as_deref(), stream, peer).await;
                });
            }
            // The peer gave up between its SYN and our accept.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                if !failing {
                    warn!("cannot accept connections, trying again every {PAUSE:?}: {error}");
                }
                failing = true;
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}
