//! One peer: TLS if it is asked for, then bytes in, frames to the state machine; messages from it, bytes out.
//!
//! A connection counts from the moment that it is accepted, so the limit holds for peers that are still in the
//! handshake, too.
//!
//! What waits to be sent is sent before the next request is looked at, and nothing is read meanwhile: a peer that
//! does not read its replies cannot make us keep more of them.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tracing::debug;

use super::budget::Share;
use super::hub::{Hub, Signals};
use super::socket;
use crate::sasp::codec::{self, EncodeError};
use crate::sasp::frame::Deframer;
use crate::sasp::gwm::ConnectionId;
use crate::sasp::msg::Body;
use crate::tls::ServerTls;

/// How long a message may take from its first byte to its last.
const MESSAGE_TIME: Duration = Duration::from_secs(30);
/// How long a peer may take no byte of what is sent to it.
const STALL_TIME: Duration = Duration::from_secs(30);
/// How long the last bytes, which say goodbye under TLS, may take.
const GOODBYE_TIME: Duration = Duration::from_secs(1);
/// How much is read at once, in bytes.
const READ_BYTES: usize = 16 << 10;

/// Why a connection ended, apart from what the state machine decides.
#[derive(Debug, thiserror::Error)]
enum End {
    #[error("the peer closed it")]
    Closed,
    #[error("the peer closed it inside a message")]
    ClosedInside,
    #[error("it is no SASP")]
    FramingLost,
    #[error("a message took longer than {MESSAGE_TIME:?}")]
    SlowMessage,
    #[error("the peer took nothing for {STALL_TIME:?}")]
    Stalled,
    #[error("too many long messages are under way")]
    NoMemory,
    #[error("a message cannot be sent: {0}")]
    Encode(#[from] EncodeError),
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// Serves one peer until either side ends the connection.
pub(super) async fn serve(hub: &Hub, tls: Option<&ServerTls>, stream: TcpStream, peer: SocketAddr) {
    if let Err(error) = socket::tune(&stream) {
        // The connection works without; only a dead peer is noticed later.
        debug!(%peer, "cannot set socket options: {error}");
    }
    let (id, signals) = hub.connect(peer);
    let Some(tls) = tls else {
        return talk(hub, id, &signals, stream, peer).await;
    };
    let handshake = tokio::select! {
        () = signals.closed.notified() => {
            debug!(%peer, "connection closed by us");
            return hub.disconnect(id, None);
        }
        handshake = tls.accept(stream) => handshake,
    };
    match handshake {
        Ok((stream, identity)) => {
            if let Some(identity) = identity {
                hub.with(|gwm, _| gwm.handle_identity(id, identity));
            }
            talk(hub, id, &signals, stream, peer).await;
        }
        Err(error) => {
            hub.log_handshake(peer, &error);
            // What ended it is in the log already.
            hub.disconnect(id, None);
        }
    }
}

/// Everything after the handshake.
async fn talk(
    hub: &Hub,
    id: ConnectionId,
    signals: &Signals,
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    peer: SocketAddr,
) {
    let end = tokio::select! {
        // Why, the state machine has said.
        () = signals.closed.notified() => None,
        end = converse(hub, id, signals, &mut stream) => Some(end.to_string()),
    };
    debug!(%peer, "connection ended: {}", end.as_deref().unwrap_or("by us"));
    hub.disconnect(id, end.as_deref());
    // Whoever takes no goodbye has gone anyway.
    let _taken = timeout(GOODBYE_TIME, stream.shutdown()).await;
}

async fn converse(
    hub: &Hub,
    id: ConnectionId,
    signals: &Signals,
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
) -> End {
    let mut incoming = Incoming {
        deframer: Deframer::new(hub.message_bytes()),
        share: hub.budget().share(),
        held: 0,
        since: Instant::now(),
    };
    let mut buffer = vec![0; READ_BYTES];
    loop {
        if let Err(end) = send_all(hub, id, &mut stream).await {
            return end;
        }
        match incoming.next() {
            Ok(Some(frame)) => {
                hub.with(|gwm, now| gwm.handle_frame(id, &frame, now));
                continue;
            }
            Ok(None) => {}
            Err(error) => {
                hub.with(|gwm, now| gwm.handle_framing_lost(id, error, now));
                return End::FramingLost;
            }
        }
        tokio::select! {
            () = signals.ready.notified() => {}
            read = incoming.read(&mut stream, &mut buffer) => if let Err(end) = read {
                return end;
            }
        }
    }
}

/// Sends whatever waits for this connection.
async fn send_all(
    hub: &Hub,
    id: ConnectionId,
    stream: &mut (impl AsyncWrite + Unpin),
) -> Result<(), End> {
    while let Some(message) = hub.with(|gwm, now| gwm.poll_transmit(id, now)) {
        let bytes = codec::encode(&message)?;
        if matches!(message.body, Body::SendWeights(_)) {
            hub.record().push(bytes.len());
        }
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let written = timeout(STALL_TIME, stream.write(rest)).await;
            match written.map_err(|_| End::Stalled)?? {
                0 => return Err(End::Closed),
                count => rest = &rest[count..],
            }
        }
        // TLS keeps what it could not send at once.
        let flushed = timeout(STALL_TIME, stream.flush()).await;
        flushed.map_err(|_| End::Stalled)??;
    }
    Ok(())
}

/// Bytes that have come and are no whole message yet.
struct Incoming<'a> {
    deframer: Deframer,
    share: Share<'a>,
    /// Bytes in the deframer.
    held: usize,
    /// When the message at its head began to come.
    since: Instant,
}

impl Incoming<'_> {
    fn next(&mut self) -> Result<Option<bytes::Bytes>, crate::sasp::frame::FrameError> {
        let frame = self.deframer.next()?;
        if let Some(frame) = &frame {
            self.held -= frame.len();
            self.since = Instant::now();
        }
        Ok(frame)
    }

    /// Reads once. Nothing is lost if this is cancelled.
    async fn read(
        &mut self,
        stream: &mut (impl AsyncRead + Unpin),
        buffer: &mut [u8],
    ) -> Result<(), End> {
        let is_inside = self.held > 0;
        let read = stream.read(buffer);
        let read = if is_inside {
            let until = self.since + MESSAGE_TIME;
            timeout_at(until, read)
                .await
                .map_err(|_| End::SlowMessage)?
        } else {
            let read = read.await;
            self.since = Instant::now();
            read
        };
        let count = match read {
            // Not everybody says goodbye under TLS; a message that was cut short is noticed below.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => 0,
            read => read?,
        };
        match count {
            0 if is_inside => Err(End::ClosedInside),
            0 => Err(End::Closed),
            _ if !self.share.resize(self.held + count) => Err(End::NoMemory),
            _ => {
                self.held += count;
                self.deframer.push(&buffer[..count]);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests;
