//! Talks to a control socket: HTTP/JSON over a Unix socket.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::Value;
use tokio::net::UnixStream;

use super::failure::Failure;
use super::runtime::block_on;
use crate::clock;
use crate::control::UNTIL;
use crate::daemon::control;
use crate::datapath::{Instance, Places};

/// Longer than any request takes; a process that is stuck for so long will not answer at all.
const PATIENCE: Duration = Duration::from_secs(30);

/// Who is asked.
pub(super) struct Server {
    /// Its control socket.
    pub(super) socket: PathBuf,
    /// As in "… does not answer".
    pub(super) name: String,
    /// What its not running means, and what to do.
    pub(super) if_absent: &'static str,
    /// What to do if it does not answer.
    pub(super) if_stuck: &'static str,
}

/// What is answered to what is refused.
#[derive(Deserialize)]
struct Refusal {
    error: String,
}

/// `GET path` of a balancer's daemon.
///
/// # Errors
/// As [`Server::get`].
pub(super) fn get(places: &Places, instance: &Instance, path: &str) -> Result<Bytes, Failure> {
    Server::daemon(places, instance).get(path)
}

/// `POST path` with a JSON body to a balancer's daemon.
///
/// # Errors
/// As [`Server::get`].
pub(super) fn post(
    places: &Places,
    instance: &Instance,
    path: &str,
    body: &Value,
) -> Result<Bytes, Failure> {
    Server::daemon(places, instance).post(path, body)
}

impl Server {
    fn daemon(places: &Places, instance: &Instance) -> Self {
        Self {
            socket: control::socket_path(places, instance),
            name: format!("the daemon of instance {instance}"),
            if_absent: " (its data path goes on forwarding): start `sasp-ctl attach` again",
            if_stuck: " (forwarding goes on)",
        }
    }

    /// `GET path`.
    ///
    /// # Errors
    /// One line: nobody there, no permission, no answer, or the refusal that was answered.
    pub(super) fn get(&self, path: &str) -> Result<Bytes, Failure> {
        self.send(request("GET", path, Bytes::new())?)
    }

    /// `POST path` with a JSON body.
    ///
    /// # Errors
    /// As [`Server::get`].
    pub(super) fn post(&self, path: &str, body: &Value) -> Result<Bytes, Failure> {
        self.send(request("POST", path, Bytes::from(body.to_string()))?)
    }

    fn send(&self, request: Request<Full<Bytes>>) -> Result<Bytes, Failure> {
        block_on(async {
            tokio::time::timeout(PATIENCE, self.exchange(request))
                .await
                .unwrap_or_else(|_| {
                    Err(Failure::Failed(format!(
                        "{} does not answer, but may still do what was asked: see its log, or restart it{}",
                        self.name, self.if_stuck
                    )))
                })
        })?
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Bytes, Failure> {
        let stream = UnixStream::connect(&self.socket)
            .await
            .map_err(|error| self.unreachable(&error))?;
        let broken = |error: hyper::Error| {
            Failure::Failed(format!(
                "{} broke off ({error}), but may still do what was asked: see its log",
                self.name
            ))
        };
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(broken)?;
        // Ends with the exchange; what goes wrong on it is reported by `send_request`.
        tokio::spawn(connection);
        let response = sender.send_request(request).await.map_err(broken)?;
        let status = response.status();
        let body = response
            .into_body()
            .collect()
            .await
            .map_err(broken)?
            .to_bytes();
        match status.is_success() {
            true => Ok(body),
            false => Err(self.refused(status, &body)),
        }
    }

    fn unreachable(&self, error: &io::Error) -> Failure {
        let name = &self.name;
        Failure::Failed(match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
                format!("{name} is not running{}", self.if_absent)
            }
            io::ErrorKind::PermissionDenied => {
                format!("no permission to talk to {name}: run as root")
            }
            _ => format!("cannot reach {name}: {error}"),
        })
    }

    fn refused(&self, status: StatusCode, body: &[u8]) -> Failure {
        let reason = match serde_json::from_slice::<Refusal>(body) {
            Ok(refusal) => refusal.error,
            Err(_) => format!("{} answered {status}: is it of another version?", self.name),
        };
        match status {
            // A name that is none, or a configuration that is refused: nothing was tried.
            StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => Failure::Usage(reason),
            _ => Failure::Failed(reason),
        }
    }
}

fn request(method: &str, path: &str, body: Bytes) -> Result<Request<Full<Bytes>>, Failure> {
    Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, "localhost")
        .header(header::CONTENT_TYPE, "application/json")
        .header(UNTIL, clock::now_ns() + PATIENCE.as_nanos() as u64)
        .body(Full::new(body))
        .map_err(Failure::failed)
}

/// What an answer says.
///
/// # Errors
/// One line, if it makes no sense.
pub(super) fn decode<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Failure> {
    serde_json::from_slice(body).map_err(|error| {
        Failure::Failed(format!(
            "the answer makes no sense ({error}): is the daemon of another version?"
        ))
    })
}
