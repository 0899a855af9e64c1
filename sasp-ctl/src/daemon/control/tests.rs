use std::os::unix::fs::PermissionsExt as _;

use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

use super::*;

/// A loop that refuses every reload, knows one member, and is never asked for a status.
async fn refuse(mut requests: mpsc::Receiver<Request>) {
    while let Some(request) = requests.recv().await {
        // A client that has gone is no concern of this test.
        let _ = match request {
            Request::Status(_) | Request::Detach(_) => continue,
            Request::Reload(reply) => reply
                .send(Err(Refusal::BadConfig("x.toml:1: bad".to_owned())))
                .is_ok(),
            Request::Operator(at, quiesced, reply) => {
                let known = at.member == "10.0.0.1:80" && quiesced;
                let unknown = Refusal::BadMember("no such member".to_owned());
                reply
                    .send(known.then_some(at.member).ok_or(unknown))
                    .is_ok()
            }
            Request::Progress(_, quiesced, reply) => reply.send(Ok(quiesced)).is_ok(),
        };
    }
}

async fn ask(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    method: &str,
    path: &str,
    body: &str,
) -> (u16, Value) {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let request = hyper::Request::builder()
        .method(method)
        .uri(path)
        .header("host", "localhost")
        .body(Full::new(Bytes::from(body.to_owned())))
        .unwrap();
    let response = sender.send_request(request).await.unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

#[tokio::test]
async fn requests_reach_the_loop_and_refusals_come_back_with_their_reason() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("new/eth0.sock");
    let servers = Listeners::bind(path.clone(), None).unwrap();
    let (to_loop, requests) = queue();
    let servers = servers.serve(&to_loop).unwrap();
    tokio::spawn(refuse(requests));
    let known = r#"{"group":"F","member":"10.0.0.1:80"}"#;
    let unknown = r#"{"group":"F","member":"10.0.0.9:80"}"#;
    for (method, path_asked, body, status, answer) in [
        (
            "POST",
            "/reload",
            "",
            422,
            json!({ "error": "x.toml:1: bad" }),
        ),
        (
            "POST",
            "/quiesce",
            known,
            200,
            json!({ "member": "10.0.0.1:80" }),
        ),
        (
            "POST",
            "/quiesce",
            unknown,
            404,
            json!({ "error": "no such member" }),
        ),
        (
            "POST",
            "/quiesce/progress",
            known,
            200,
            json!({ "done": true }),
        ),
        (
            "POST",
            "/resume/progress",
            known,
            200,
            json!({ "done": false }),
        ),
        ("GET", "/reload", "", 405, Value::Null),
        ("GET", "/nowhere", "", 404, Value::Null),
    ] {
        let stream = UnixStream::connect(&path).await.unwrap();
        let answered = ask(stream, method, path_asked, body).await;
        assert_eq!(answered, (status, answer), "{method} {path_asked}");
    }
    let stream = UnixStream::connect(&path).await.unwrap();
    let (status, answer) = ask(stream, "POST", "/quiesce", "{}").await;
    assert_eq!(status, 404);
    assert!(
        answer["error"]
            .as_str()
            .unwrap()
            .contains("missing field `group`")
    );
    servers.stop().await;
    assert!(!path.exists());
}

#[tokio::test]
async fn only_the_owner_may_use_the_socket_and_a_dead_daemons_is_replaced() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("eth0.sock");
    drop(Listeners::bind(path.clone(), None).unwrap());
    let _listeners = Listeners::bind(path.clone(), None).unwrap();
    UnixStream::connect(&path).await.unwrap();
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn the_tcp_address_changes_nothing() {
    let directory = TempDir::new().unwrap();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let listeners = Listeners::bind(directory.path().join("eth0.sock"), Some(address)).unwrap();
    let (to_loop, requests) = queue();
    let servers = listeners.serve(&to_loop).unwrap();
    tokio::spawn(refuse(requests));
    for path in [
        "/reload",
        "/detach",
        "/quiesce",
        "/resume",
        "/quiesce/progress",
    ] {
        let stream = TcpStream::connect(address).await.unwrap();
        let (status, _) = ask(stream, "POST", path, "{}").await;
        assert_eq!(status, 404, "{path}");
    }
    servers.stop().await;
}

#[test]
fn an_address_that_is_taken_is_named_with_the_key_to_change() {
    let directory = TempDir::new().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let refused = Listeners::bind(directory.path().join("eth0.sock"), Some(address)).unwrap_err();
    let line = format!("{refused:#}");
    assert!(
        line.contains(&address.to_string()) && line.contains("`listen`"),
        "{line}"
    );
    assert!(!directory.path().join("eth0.sock").exists());
}
