//! Checks that are really made: commands run, URLs got.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;
use crate::member::check::{Failure, Probe};

async fn command(text: &str) -> Result<(), Failure> {
    soon(Probe::Command(text.to_owned()).ask(PATIENCE)).await
}

#[tokio::test]
async fn a_commands_exit_code_says_whether_the_server_is_healthy() {
    assert!(command("exit 0").await.is_ok());
    let failure = command("exit 3").await.unwrap_err().to_string();
    assert!(failure.contains("exit status: 3"), "{failure}");
    let killed = command("kill -TERM $$").await.unwrap_err().to_string();
    assert!(killed.contains("signal: 15"), "{killed}");
}

#[tokio::test]
async fn a_command_that_takes_too_long_is_killed_with_all_that_it_started() {
    let directory = tempfile::tempdir().unwrap();
    let fifo = directory.path().join("alive");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    // Both hold the FIFO open; its reader sees the end when both are gone.
    let script = format!("exec 3>{}; sleep 1000 & sleep 1000", fifo.display());
    let reader = tokio::spawn(async move { tokio::fs::read(fifo).await });
    let limit = Duration::from_millis(300);
    let failure = soon(Probe::Command(script).ask(limit)).await;
    assert!(matches!(failure, Err(Failure::Timeout(_))), "{failure:?}");
    assert_eq!(soon(reader).await.unwrap().unwrap(), b"");
}

#[tokio::test]
async fn a_check_that_nobody_waits_for_any_more_is_killed() {
    let directory = tempfile::tempdir().unwrap();
    let fifo = directory.path().join("alive");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let script = format!("exec 3>{}; echo up >&3; sleep 1000", fifo.display());
    let task = tokio::spawn(async move { Probe::Command(script).ask(PATIENCE * 100).await });
    let mut alive = soon(tokio::fs::File::open(&fifo)).await.unwrap();
    let mut line = [0; 3];
    soon(alive.read_exact(&mut line)).await.unwrap();
    task.abort();
    let mut rest = Vec::new();
    soon(alive.read_to_end(&mut rest)).await.unwrap();
    assert_eq!(rest, b"");
}

/// A server that gives every request this status line.
async fn http(status: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/health", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 1024];
            let read = stream.read(&mut request).await.unwrap();
            assert!(request[..read].starts_with(b"GET /health HTTP/1.1"));
            let response = format!(
                "HTTP/1.1 {status}\r\nlocation: http://192.0.2.1/\r\ncontent-length: 0\r\n\r\n"
            );
            stream.write_all(response.as_bytes()).await.unwrap();
        }
    });
    url
}

#[tokio::test]
async fn an_http_status_of_2xx_or_3xx_is_healthy_and_no_redirect_is_followed() {
    for (status, healthy) in [
        ("200 OK", true),
        ("204 No Content", true),
        ("302 Found", true),
        ("404 Not Found", false),
        ("503 Service Unavailable", false),
    ] {
        let probe = Probe::http(&http(status).await).unwrap();
        let result = soon(probe.ask(PATIENCE)).await;
        assert_eq!(result.is_ok(), healthy, "{status}: {result:?}");
    }
}

#[tokio::test]
async fn a_server_that_refuses_or_says_nothing_is_ill() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let probe = Probe::http(&url).unwrap();
    let mute = soon(probe.ask(Duration::from_millis(200))).await;
    assert!(matches!(mute, Err(Failure::Timeout(_))), "{mute:?}");
    drop(listener);
    let refused = soon(probe.ask(PATIENCE)).await.unwrap_err().to_string();
    assert!(refused.contains("refused"), "{refused}");
}

#[test]
fn what_is_no_url_is_refused_with_a_reason() {
    for (text, reason) in [
        ("", "is no URL"),
        ("host", "is no URL"),
        ("ftp://x/", "http or https"),
    ] {
        let refused = Probe::http(text).unwrap_err();
        assert!(refused.contains(reason), "{refused}");
    }
}
