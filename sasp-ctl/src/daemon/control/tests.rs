use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::oneshot;

use super::*;
use crate::balance::model::drain::Drain;
use crate::clock;
use crate::control::asking::ask;
use crate::control::{UNTIL, limited};

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
                let done = Done {
                    member: at.member,
                    told: vec!["g:3860".to_owned()],
                    told_later: Vec::new(),
                };
                reply.send(known.then_some(done).ok_or(unknown)).is_ok()
            }
            Request::Progress(_, quiesced, reply) => {
                let drain = Drain {
                    flows: 7,
                    ..Drain::default()
                };
                let done = quiesced;
                reply.send(Ok(Progress { done, drain })).is_ok()
            }
        };
    }
}

#[tokio::test]
async fn requests_reach_the_loop_and_refusals_come_back_with_their_reason() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("new/eth0.sock");
    let servers = bind(path.clone(), None).unwrap();
    let (to_loop, requests) = queue();
    let servers = serve(servers, &to_loop).unwrap();
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
            json!({ "member": "10.0.0.1:80", "told": ["g:3860"], "told_later": [] }),
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
            json!({ "done": true, "flows": 7, "slots": 0, "fresh_slots": 0, "fresh_seconds": 0 }),
        ),
        (
            "POST",
            "/resume/progress",
            known,
            200,
            json!({ "done": false, "flows": 7, "slots": 0, "fresh_slots": 0, "fresh_seconds": 0 }),
        ),
        ("GET", "/reload", "", 405, Value::from("")),
        ("GET", "/nowhere", "", 404, Value::from("")),
    ] {
        let stream = UnixStream::connect(&path).await.unwrap();
        let answered = ask(stream, method, path_asked, body).await;
        assert_eq!(answered, (status, answer), "{method} {path_asked}");
    }
    let stream = UnixStream::connect(&path).await.unwrap();
    let (status, answer) = ask(stream, "POST", "/quiesce", "{}").await;
    assert_eq!(status, 400);
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
async fn what_is_to_be_known_of_a_reload_is_answered() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("eth0.sock");
    let servers = bind(path.clone(), None).unwrap();
    let (to_loop, mut requests) = queue();
    let servers = serve(servers, &to_loop).unwrap();
    tokio::spawn(async move {
        while let Some(Request::Reload(reply)) = requests.recv().await {
            reply.send(Ok(vec!["it breaks".to_owned()])).unwrap();
        }
    });
    let stream = UnixStream::connect(&path).await.unwrap();
    let answered = ask(stream, "POST", "/reload", "").await;
    assert_eq!(answered, (200, json!({ "warnings": ["it breaks"] })));
    servers.stop().await;
}

#[tokio::test]
async fn only_the_owner_may_use_the_socket_and_a_dead_daemons_is_replaced() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("eth0.sock");
    drop(bind(path.clone(), None).unwrap());
    let _listeners = bind(path.clone(), None).unwrap();
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
    let listeners = bind(directory.path().join("eth0.sock"), Some(address)).unwrap();
    let (to_loop, requests) = queue();
    let servers = serve(listeners, &to_loop).unwrap();
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
    let refused = bind(directory.path().join("eth0.sock"), Some(address)).unwrap_err();
    let line = format!("{refused:#}");
    assert!(
        line.contains(&address.to_string()) && line.contains("`listen`"),
        "{line}"
    );
    assert!(!directory.path().join("eth0.sock").exists());
}

#[tokio::test]
async fn clients_that_say_nothing_do_not_keep_others_out() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("eth0.sock");
    let servers = bind(path.clone(), None).unwrap();
    let (to_loop, requests) = queue();
    let servers = serve(servers, &to_loop).unwrap();
    tokio::spawn(refuse(requests));
    let mut silent = Vec::new();
    for _ in 0..2 * limited::CONNECTIONS {
        silent.push(UnixStream::connect(&path).await.unwrap());
    }
    let stream = UnixStream::connect(&path).await.unwrap();
    let answer = tokio::time::timeout(limited::PATIENCE / 2, ask(stream, "POST", "/reload", ""));
    assert_eq!(answer.await.expect("let in at once").0, 422);
    servers.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_request_that_never_ends_is_cut_off() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("eth0.sock");
    let servers = bind(path.clone(), None).unwrap();
    let (to_loop, requests) = queue();
    let servers = serve(servers, &to_loop).unwrap();
    tokio::spawn(refuse(requests));
    let head = "POST /reload HTTP/1.1\r\nhost: x\r\ncontent-length: 9000\r\n\r\n";
    for beginning in ["GET /st", head] {
        let mut stream = UnixStream::connect(&path).await.unwrap();
        stream.write_all(beginning.as_bytes()).await.unwrap();
        let drip = async {
            while stream.write_all(b"x").await.is_ok() {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        };
        let cut_off = tokio::time::timeout(limited::PATIENCE * 2, drip).await;
        cut_off.unwrap_or_else(|_| panic!("{beginning} goes on for ever"));
    }
    servers.stop().await;
}

#[tokio::test]
async fn what_comes_after_its_client_has_given_up_is_not_done() {
    let (to_loop, mut requests) = queue();
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("eth0.sock");
    let servers = bind(path.clone(), None).unwrap();
    let servers = serve(servers, &to_loop).unwrap();
    let now = clock::now_ns();
    let mut late = UnixStream::connect(&path).await.unwrap();
    let head = format!("POST /detach HTTP/1.1\r\nhost: x\r\n{UNTIL}: {now}\r\n");
    late.write_all(format!("{head}connection: close\r\n\r\n").as_bytes())
        .await
        .unwrap();
    let mut answer = String::new();
    late.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(requests.try_recv().is_err());

    let until = now + 60_000_000_000;
    let mut in_time = UnixStream::connect(&path).await.unwrap();
    let head = format!("POST /detach HTTP/1.1\r\nhost: x\r\n{UNTIL}: {until}\r\n\r\n");
    in_time.write_all(head.as_bytes()).await.unwrap();
    let request = requests.recv().await.unwrap();
    assert!(matches!(request, Request::Detach(_)) && !request.is_abandoned());
    drop(request);
    servers.stop().await;
}

#[test]
fn a_request_whose_asker_has_gone_is_abandoned() {
    let (reply, answer) = oneshot::channel();
    let request = Request::Detach(reply);
    assert!(!request.is_abandoned());
    drop(answer);
    assert!(request.is_abandoned());
}

#[tokio::test]
async fn the_last_answer_gets_out_while_the_listener_goes() {
    let directory = TempDir::new().unwrap();
    for turn in 0..50 {
        let path = directory.path().join(format!("{turn}.sock"));
        let (to_loop, mut requests) = queue();
        let servers = serve(bind(path.clone(), None).unwrap(), &to_loop).unwrap();
        let asked = tokio::spawn(async move {
            ask(
                UnixStream::connect(path).await.unwrap(),
                "POST",
                "/detach",
                "",
            )
            .await
        });
        let Some(Request::Detach(reply)) = requests.recv().await else {
            panic!("another request")
        };
        reply.send(Ok(())).unwrap();
        servers.stop().await;
        assert_eq!(asked.await.unwrap().0, 200, "turn {turn}");
    }
}
