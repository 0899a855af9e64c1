//! Talks to a daemon's control socket: HTTP/JSON over a Unix socket.

use std::io;
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
use crate::clock;
use crate::control::UNTIL;
use crate::daemon::control;
use crate::datapath::{Instance, Places};

/// Longer than any request takes; a daemon that is stuck for so long will not answer at all.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the daemon answers when it refuses.
#[derive(Deserialize)]
struct Refusal {
    error: String,
}

/// `GET path`.
///
/// # Errors
/// One line: no daemon, no permission, no answer, or the daemon's own refusal.
pub(super) fn get(places: &Places, instance: &Instance, path: &str) -> Result<Bytes, Failure> {
    send(places, instance, request("GET", path, Bytes::new())?)
}

/// `POST path` with a JSON body.
///
/// # Errors
/// As [`get`].
pub(super) fn post(
    places: &Places,
    instance: &Instance,
    path: &str,
    body: &Value,
) -> Result<Bytes, Failure> {
    let body = Bytes::from(body.to_string());
    send(places, instance, request("POST", path, body)?)
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

fn send(
    places: &Places,
    instance: &Instance,
    request: Request<Full<Bytes>>,
) -> Result<Bytes, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::Failed(format!("cannot start: {error}")))?;
    runtime.block_on(async {
        tokio::time::timeout(PATIENCE, exchange(places, instance, request))
            .await
            .unwrap_or_else(|_| {
                Err(Failure::Failed(format!(
                    "the daemon of instance {instance} does not answer, but may still do what was asked: see its log, or restart it (forwarding goes on)"
                )))
            })
    })
}

async fn exchange(
    places: &Places,
    instance: &Instance,
    request: Request<Full<Bytes>>,
) -> Result<Bytes, Failure> {
    let path = control::socket_path(places, instance);
    let stream = UnixStream::connect(&path)
        .await
        .map_err(|error| unreachable_daemon(instance, &error))?;
    let broken = |error: hyper::Error| {
        Failure::Failed(format!(
            "the daemon of instance {instance} broke off ({error}), but may still do what was asked: see its log"
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
        false => Err(refused(status, &body)),
    }
}

fn unreachable_daemon(instance: &Instance, error: &io::Error) -> Failure {
    Failure::Failed(match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => format!(
            "the daemon of instance {instance} is not running (its data path goes on forwarding): start `sasp-ctl attach` again"
        ),
        io::ErrorKind::PermissionDenied => {
            format!("no permission to talk to the daemon of instance {instance}: run as root")
        }
        _ => format!("cannot reach the daemon of instance {instance}: {error}"),
    })
}

fn refused(status: StatusCode, body: &[u8]) -> Failure {
    let reason = match serde_json::from_slice::<Refusal>(body) {
        Ok(refusal) => refusal.error,
        Err(_) => format!("the daemon answered {status}: is it of another version?"),
    };
    match status {
        StatusCode::UNPROCESSABLE_ENTITY => Failure::Usage(reason),
        _ => Failure::Failed(reason),
    }
}
