//! One request and its reply, over a stream that may split, join and interleave what it likes.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::timeout;

use crate::cli::failure::Failure;
use crate::inspect::explain;
use crate::inspect::frames::MESSAGE_MAX;
use crate::sasp::code::{Code, Type, VERSION};
use crate::sasp::codec::{self, Cause, DecodeError};
use crate::sasp::frame::{Deframer, FrameError};
use crate::sasp::msg::{Body, Message};

/// Bytes that are read at once.
const READ: usize = 16 << 10;
/// So many messages are kept for `--raw`, of so many bytes.
const RAW_MESSAGES_MAX: usize = 256;
const RAW_BYTES_MAX: usize = 64 << 20;
/// A connection that cannot be closed in order for so long is dropped.
const CLOSING: Duration = Duration::from_secs(1);

/// A message as it was sent or came.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Raw {
    pub(super) sent: bool,
    pub(super) bytes: Bytes,
}

/// The connection to the GWM.
pub(super) struct Asker<S> {
    stream: S,
    gwm: String,
    is_plain: bool,
    patience: Duration,
    /// What of the requests is not written yet. A request that is given up may be half written, and what comes after
    /// the half of a message is read as the rest of it: so the rest goes first.
    unsent: BytesMut,
    deframer: Deframer,
    last_id: u32,
    keep_raw: bool,
    raw: Vec<Raw>,
    raw_bytes: usize,
    raw_left_out: usize,
}

/// A reply or a push.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Heard {
    pub(super) body: Body,
    /// As it came.
    pub(super) frame: Bytes,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Asker<S> {
    /// `patience`: how long to wait for each reply.
    pub(super) fn new(
        stream: S,
        gwm: String,
        is_plain: bool,
        patience: Duration,
        keep_raw: bool,
    ) -> Self {
        Self {
            stream,
            gwm,
            is_plain,
            patience,
            unsent: BytesMut::new(),
            deframer: Deframer::new(MESSAGE_MAX),
            last_id: 0,
            keep_raw,
            raw: Vec::new(),
            raw_bytes: 0,
            raw_left_out: 0,
        }
    }

    /// Sends a request and waits for its reply. Pushes in between are dropped. May be dropped while it waits: then the
    /// next request is sent behind this one.
    ///
    /// # Errors
    /// One line: nothing came, the connection ended, or what came is no reply.
    pub(super) async fn ask(&mut self, body: Body) -> Result<Heard, Failure> {
        let kind = body.kind();
        self.last_id += 1;
        let message = Message {
            version: VERSION,
            id: self.last_id,
            body,
        };
        let bytes = Bytes::from(codec::encode(&message).map_err(Failure::failed)?);
        self.unsent.extend_from_slice(&bytes);
        self.keep(true, &bytes);
        let patience = self.patience;
        match timeout(patience, self.exchange(kind, self.last_id)).await {
            Ok(done) => done,
            Err(_) => Err(Failure::Failed(format!(
                "the GWM {} does not answer the {kind} within {patience:?} (--timeout gives it longer)",
                self.gwm
            ))),
        }
    }

    async fn exchange(&mut self, kind: Type, id: u32) -> Result<Heard, Failure> {
        let sent = async {
            self.stream.write_all_buf(&mut self.unsent).await?;
            self.stream.flush().await
        };
        // What the GWM said before it closed says more than that it has closed.
        let sent = sent.await;
        loop {
            let frame = match self.next_frame().await {
                Ok(Some(frame)) => frame,
                Ok(None) => return Err(self.closed(kind)),
                Err(failure) => {
                    return Err(sent.err().map_or(failure, |error| self.broken(&error)));
                }
            };
            match codec::decode(&frame) {
                Ok(decoded) if decoded.message.id == id => {
                    let body = decoded.message.body;
                    if answers(body.kind(), kind) {
                        return Ok(Heard { body, frame });
                    }
                    // Send Weights has an id of its own, which may be this one by chance.
                    if explain::role(body.kind()) != Some(explain::Role::Push) {
                        return Err(Failure::Failed(format!(
                            "the GWM {} answers a {kind} with a {}",
                            self.gwm,
                            body.kind()
                        )));
                    }
                }
                Err(error) if error.id == id => return Err(self.unreadable(kind, &error)),
                Ok(_) | Err(_) => {}
            }
        }
    }

    /// The next Send Weights.
    ///
    /// # Errors
    /// The connection ended, or nothing more can be read from it.
    pub(super) async fn push(&mut self) -> Result<Heard, Failure> {
        loop {
            let Some(frame) = self.next_frame().await? else {
                return Err(Failure::Failed(format!(
                    "the GWM {} has closed the connection: another balancer may have connected under this LB UID",
                    self.gwm
                )));
            };
            if let Ok(decoded) = codec::decode(&frame)
                && let body @ Body::SendWeights(_) = decoded.message.body
            {
                return Ok(Heard { body, frame });
            }
        }
    }

    /// Closes the connection in order.
    pub(super) async fn close(&mut self) {
        // Nothing depends on it: the GWM also notices a connection that just ends.
        let _closed = timeout(CLOSING, self.stream.shutdown()).await;
    }

    /// What was sent and came, and how much of it was not kept.
    pub(super) fn raw(&self) -> (&[Raw], usize) {
        (&self.raw, self.raw_left_out)
    }

    /// `None`: the connection was closed between messages. May be dropped while it waits: nothing is lost.
    async fn next_frame(&mut self) -> Result<Option<Bytes>, Failure> {
        let mut buffer = [0; READ];
        loop {
            match self.deframer.next() {
                Ok(Some(frame)) => {
                    self.keep(false, &frame);
                    return Ok(Some(frame));
                }
                Ok(None) => {}
                Err(error) => return Err(self.no_sasp(error)),
            }
            let count = match self.stream.read(&mut buffer).await {
                Ok(count) => count,
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => 0,
                Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => 0,
                Err(error) => return Err(self.broken(&error)),
            };
            match buffer.get(..count) {
                Some([]) | None if self.deframer.is_empty() => return Ok(None),
                Some([]) | None => {
                    return Err(Failure::Failed(format!(
                        "the GWM {} has closed the connection in the middle of a message",
                        self.gwm
                    )));
                }
                Some(bytes) => self.deframer.push(bytes),
            }
        }
    }

    fn keep(&mut self, sent: bool, bytes: &Bytes) {
        if !self.keep_raw {
            return;
        }
        if self.raw.len() == RAW_MESSAGES_MAX || self.raw_bytes + bytes.len() > RAW_BYTES_MAX {
            self.raw_left_out += 1;
            return;
        }
        self.raw_bytes += bytes.len();
        self.raw.push(Raw {
            sent,
            bytes: bytes.clone(),
        });
    }

    fn closed(&self, kind: Type) -> Failure {
        let tls = match self.is_plain {
            true => ", or want TLS (--tls-ca)",
            false => "",
        };
        Failure::Failed(format!(
            "the GWM {} has closed the connection without answering the {kind}: it may not admit this host's address or certificate, be starting still{tls}; its log tells",
            self.gwm
        ))
    }

    fn broken(&self, error: &std::io::Error) -> Failure {
        Failure::Failed(format!(
            "the connection to the GWM {} broke: {error}",
            self.gwm
        ))
    }

    fn no_sasp(&self, error: FrameError) -> Failure {
        // An alert or a handshake record of any TLS version; the start of an HTTP answer.
        let hint = match error {
            FrameError::NotSasp(Type(0x1503 | 0x1603)) if self.is_plain => {
                "it speaks TLS there: give --tls-ca"
            }
            FrameError::NotSasp(Type(0x4854)) => "it speaks HTTP there",
            FrameError::TooLong { .. } => "it sends more than a balancer would accept",
            _ => "is this the port of a GWM?",
        };
        Failure::Failed(format!(
            "what comes from {} is not SASP ({error}): {hint}",
            self.gwm
        ))
    }

    fn unreadable(&self, kind: Type, error: &DecodeError) -> Failure {
        Failure::Failed(match error.cause {
            Cause::Version(version) => format!(
                "the GWM {} refuses the {kind} (code {:#04x}) because it speaks SASP version {version}, and we speak {VERSION}",
                self.gwm,
                Code::NOT_UNDERSTOOD.0
            ),
            cause => format!(
                "the GWM {} answers the {kind} with a message that makes no sense: {cause} (--raw and `sasp-ctl decode` show it)",
                self.gwm
            ),
        })
    }
}

/// Whether a reply's type is right for a request, or what figure 22 of the RFC prints.
fn answers(reply: Type, request: Type) -> bool {
    reply == explain::reply_to(request)
        || (reply, request) == (Type::DEREGISTRATION_REPLY, Type::SET_LB_STATE_REQUEST)
}
