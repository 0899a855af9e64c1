//! Members, agents and servers of all sorts on loopback.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Redirect;
use axum::routing::get;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use super::*;
use crate::gwm::sources::agent_line::{AgentLine, LINE_MAX};
use crate::gwm::sources::rule::{Auth, Check, Finite, HttpCheck, Matching, Prometheus, Verify};
use crate::gwm::sources::target::Probed;

/// Longer than loopback ever takes; what has to time out is asked with less.
const PATIENCE: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(50);

fn member(port: u16) -> MemberKey {
    MemberKey {
        protocol: 6,
        port,
        address: IpAddr::V4(Ipv4Addr::LOCALHOST),
    }
}

fn pace(timeout: Duration) -> Pace {
    Pace {
        interval: Duration::from_secs(1),
        timeout,
    }
}

/// A server that does the same with each connection; its port.
async fn server<F>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> u16
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    port
}

/// A server that says this and closes, as far as the peer lets it.
async fn saying(bytes: &'static [u8]) -> u16 {
    server(async |mut stream: TcpStream| {
        let _peer_may_be_gone = stream.write_all(bytes).await;
    })
    .await
}

/// A server that never says anything.
async fn silent() -> u16 {
    server(async |mut stream: TcpStream| {
        let mut buffer = [0; 256];
        while stream.read(&mut buffer).await.is_ok_and(|count| count > 0) {}
    })
    .await
}

/// Answers a request until the peer has enough.
async fn endless_body(stream: &mut TcpStream) {
    let _request = stream.read(&mut [0; 1024]).await;
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n";
    let mut going_on = stream.write_all(head).await;
    while going_on.is_ok() {
        going_on = stream.write_all(&[b' '; 65536]).await;
    }
}

/// A port that nobody listens on, nor will as long as the socket lives.
fn nobody() -> (TcpSocket, u16) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let port = socket.local_addr().unwrap().port();
    (socket, port)
}

async fn web(router: Router) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move { axum::serve(listener, router).await });
    port
}

fn http(path: &str) -> HttpCheck {
    HttpCheck {
        path: path.to_owned(),
        host: None,
        status: vec![200..=399],
        tls: None,
    }
}

async fn probe(check: Check, port: u16, timeout: Duration) -> Probed {
    let rule = Probe {
        check,
        port: None,
        pace: pace(timeout),
        rise: 2,
        fall: 3,
    };
    probe::probe(&rule, &member(port)).await
}

fn not_reached(result: Probed) -> String {
    match result {
        Probed::NotReached(why) => {
            assert!(!why.contains('\n'), "{why}");
            why
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_tcp_probe_asks_whether_somebody_listens() {
    assert_eq!(
        probe(Check::Tcp, silent().await, PATIENCE).await,
        Probed::Reached
    );
    let (_nobody, port) = nobody();
    let why = not_reached(probe(Check::Tcp, port, PATIENCE).await);
    assert!(
        why.starts_with(&format!("cannot connect to 127.0.0.1:{port}: ")),
        "{why}"
    );
}

#[tokio::test]
async fn a_member_without_a_tcp_port_needs_one_in_the_rule() {
    let port = silent().await;
    let mut rule = Probe {
        check: Check::Tcp,
        port: None,
        pace: pace(PATIENCE),
        rise: 2,
        fall: 3,
    };
    let datagrams = MemberKey {
        protocol: 17,
        ..member(53)
    };
    let result = probe::probe(&rule, &datagrams).await;
    assert!(matches!(result, Probed::NotAsked(why) if why.contains("give the rule a `port`")));
    rule.port = Some(port);
    assert_eq!(probe::probe(&rule, &datagrams).await, Probed::Reached);
}

#[tokio::test]
async fn an_http_probe_judges_the_status_and_follows_no_redirect() {
    let router = Router::new()
        .route("/", get(async || "well"))
        .route("/bad", get(async || StatusCode::SERVICE_UNAVAILABLE))
        .route("/moved", get(async || Redirect::permanent("/bad")))
        .route(
            "/host",
            get(
                async |headers: HeaderMap| match headers[header::HOST] == "web.example" {
                    true => StatusCode::NO_CONTENT,
                    false => StatusCode::IM_A_TEAPOT,
                },
            ),
        );
    let port = web(router).await;
    let ask = async |check| probe(Check::Http(check), port, PATIENCE).await;
    assert_eq!(ask(http("/")).await, Probed::Reached);
    assert_eq!(
        ask(http("/moved")).await,
        Probed::Reached,
        "308 is good, wherever it leads"
    );
    let why = not_reached(ask(http("/bad")).await);
    assert_eq!(why, format!("127.0.0.1:{port} answers with status 503"));
    let only_200 = HttpCheck {
        status: vec![200..=200],
        ..http("/moved")
    };
    assert!(not_reached(ask(only_200).await).ends_with("status 308"));
    assert!(not_reached(ask(http("/host")).await).ends_with("status 418"));
    let named = HttpCheck {
        host: Some("web.example".into()),
        ..http("/host")
    };
    assert_eq!(ask(named).await, Probed::Reached);
}

#[tokio::test]
async fn an_http_probe_survives_whatever_answers() {
    let long_head = server(async |mut stream: TcpStream| {
        let head = format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(1 << 20));
        let _refused_before_its_end = stream.write_all(head.as_bytes()).await;
    })
    .await;
    let (_nobody, unused) = nobody();
    for (port, timeout) in [
        (saying(b"220 mail\r\n").await, PATIENCE),
        (saying(b"").await, PATIENCE),
        (saying(b"HTTP/1.1 200").await, PATIENCE),
        (long_head, PATIENCE),
        (unused, PATIENCE),
        (silent().await, SHORT),
    ] {
        not_reached(probe(Check::Http(http("/")), port, timeout).await);
    }
}

#[tokio::test]
async fn a_body_without_end_is_not_read() {
    let endless = server(async |mut stream: TcpStream| {
        endless_body(&mut stream).await;
    })
    .await;
    let result = probe(Check::Http(http("/")), endless, PATIENCE).await;
    assert_eq!(result, Probed::Reached);
}

#[tokio::test]
async fn an_https_probe_checks_the_certificate_unless_told_otherwise() {
    let certified = rcgen::generate_simple_self_signed(["web.example".into()]).unwrap();
    let key = certified.signing_key.serialize_der();
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(
        rustls::crypto::ring::default_provider(),
    ))
    .with_safe_default_protocol_versions()
    .unwrap()
    .with_no_client_auth()
    .with_single_cert(
        vec![certified.cert.der().clone()],
        rustls::pki_types::PrivateKeyDer::try_from(key).unwrap(),
    )
    .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let port = server(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            // A client that does not trust the certificate ends the handshake.
            if let Ok(mut stream) = acceptor.accept(stream).await {
                let _request = stream.read(&mut [0; 1024]).await;
                let _client_may_be_gone = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
                let _also = stream.shutdown().await;
            }
        }
    })
    .await;
    let check = |tls, host: Option<&str>| HttpCheck {
        tls: Some(tls),
        host: host.map(str::to_owned),
        ..http("/")
    };
    for host in [
        None,
        Some("web.example"),
        Some("web.example:443"),
        Some("[::1]:80"),
    ] {
        let any = Check::Http(check(Verify::Nothing, host));
        assert_eq!(
            probe(any, port, PATIENCE).await,
            Probed::Reached,
            "{host:?}"
        );
    }
    match probe(Check::Http(check(Verify::Roots, None)), port, PATIENCE).await {
        Probed::NotReached(why) => assert!(why.contains("TLS fails"), "{why}"),
        // A host without root certificates cannot judge.
        Probed::NotAsked(why) => assert!(why.contains("no root certificates"), "{why}"),
        Probed::Reached => panic!("trusted"),
    }
    let plain = saying(b"HTTP/1.1 200 OK\r\n\r\n").await;
    let any = Check::Http(check(Verify::Nothing, None));
    assert!(not_reached(probe(any, plain, PATIENCE).await).contains("TLS fails"));
}

async fn agent(port: u16, send: &str, timeout: Duration) -> Result<AgentLine, String> {
    let rule = AgentCheck {
        port,
        send: send.to_owned(),
        pace: pace(timeout),
        fall: 3,
    };
    agent::ask(&rule, &member(80)).await
}

#[tokio::test]
async fn an_agent_is_sent_a_text_and_its_line_is_read() {
    let echo = server(async |mut stream: TcpStream| {
        let mut text = [0; 9];
        if stream.read_exact(&mut text).await.is_ok() && &text == b"be/srv 1\n" {
            let _asker_may_be_gone = stream.write_all(b"up 50%\nand more\n").await;
        }
    })
    .await;
    let line = agent(echo, "be/srv 1\n", PATIENCE).await.unwrap();
    assert_eq!((line.up, line.percent), (Some(true), Some(50)));
    let kept_open = server(async |mut stream: TcpStream| {
        let _asker_may_be_gone = stream.write_all(b"drain\r\n").await;
        std::future::pending().await
    })
    .await;
    assert_eq!(
        agent(kept_open, "", PATIENCE).await.unwrap().quiesce,
        Some(true)
    );
}

#[tokio::test]
async fn an_agent_that_does_not_answer_as_one_is_a_failure() {
    let long = server(async |mut stream: TcpStream| {
        let line = vec![b'x'; 8 * LINE_MAX];
        let _refused_before_its_end = stream.write_all(&line).await;
    })
    .await;
    let (_nobody, unused) = nobody();
    for (port, timeout, expected) in [
        (unused, PATIENCE, "cannot connect"),
        (silent().await, SHORT, "no line from the agent"),
        (
            saying(b"").await,
            PATIENCE,
            "ends before the end of its line",
        ),
        (
            saying(b"100").await,
            PATIENCE,
            "ends before the end of its line",
        ),
        (saying(b"SSH-2.0-x\r\n").await, PATIENCE, "no agent-check"),
        (long, PATIENCE, "a line of more than 1024 bytes"),
    ] {
        let why = agent(port, "", timeout).await.unwrap_err();
        assert!(why.contains(expected), "{why}");
    }
}

fn prometheus_at(port: u16, timeout: Duration) -> Prometheus {
    Prometheus {
        url: format!("http://127.0.0.1:{port}"),
        query: "100 * up{job=\"x\"} + 1".into(),
        label: "instance".into(),
        matching: Matching::AddressAndPort,
        scale: Finite::new(1.0).unwrap(),
        offset: Finite::new(0.0).unwrap(),
        bounds: (0, 100),
        pace: pace(timeout),
        stale: PATIENCE,
        auth: Auth::Nobody,
    }
}

#[tokio::test]
async fn prometheus_is_asked_with_the_query_and_who_asks() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("secret");
    std::fs::write(&path, " s3cret\n").unwrap();
    let body = r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{"instance":"a"},"value":[1,"2"]}]}}"#;
    let router = Router::new().route(
        "/api/v1/query",
        get(async move |request: axum::extract::Request| {
            let query = request.uri().query().unwrap_or_default().to_owned();
            let asks = request.headers().get(header::AUTHORIZATION);
            let asks = asks.map_or("nobody", |value| value.to_str().unwrap());
            let known = ["nobody", "Bearer s3cret", "Basic dXNlcjpzM2NyZXQ="];
            match query == "query=100+*+up%7Bjob%3D%22x%22%7D+%2B+1" && known.contains(&asks) {
                true => (StatusCode::OK, body.to_owned()),
                false => (StatusCode::BAD_REQUEST, format!("{query} {asks}")),
            }
        }),
    );
    let port = web(router).await;
    for auth in [
        Auth::Nobody,
        Auth::Bearer(path.clone()),
        Auth::Basic("user".into(), path.clone()),
    ] {
        let rule = Prometheus {
            auth,
            ..prometheus_at(port, PATIENCE)
        };
        let samples = prometheus::Server::new(&rule).ask().await.unwrap();
        assert_eq!(samples.len(), 1);
        assert_eq!(
            (samples[0].label.as_deref(), samples[0].value),
            (Some("a"), 2.0)
        );
    }
    let missing = Prometheus {
        auth: Auth::Bearer(directory.path().join("none")),
        ..prometheus_at(port, PATIENCE)
    };
    let why = prometheus::Server::new(&missing).ask().await.unwrap_err();
    assert!(why.contains("none cannot be read"), "{why}");
}

#[tokio::test]
async fn a_prometheus_that_does_not_answer_as_one_is_a_failure() {
    let error = r#"{"status":"error","errorType":"bad_data","error":"parse error"}"#;
    let failing = Router::new().route(
        "/api/v1/query",
        get(async move || (StatusCode::BAD_REQUEST, error)),
    );
    let moved = Router::new().route(
        "/api/v1/query",
        get(async || Redirect::temporary("http://127.0.0.1:1/")),
    );
    let huge = server(async |mut stream: TcpStream| {
        endless_body(&mut stream).await;
    })
    .await;
    let (_nobody, unused) = nobody();
    for (port, timeout, expected) in [
        (unused, PATIENCE, "refused"),
        (silent().await, SHORT, "timed out"),
        (
            web(failing).await,
            PATIENCE,
            "the query failed: parse error",
        ),
        (web(moved).await, PATIENCE, "answers with status 307"),
        (
            web(Router::new()).await,
            PATIENCE,
            "answers with status 404",
        ),
        (huge, PATIENCE, "longer than 8 MiB"),
        (saying(b"hello\r\n").await, PATIENCE, "127.0.0.1"),
    ] {
        let rule = prometheus_at(port, timeout);
        let why = prometheus::Server::new(&rule).ask().await.unwrap_err();
        assert!(why.contains(expected), "{why}");
        assert!(!why.contains('\n'), "{why}");
    }
}

#[tokio::test]
async fn a_file_is_read_again_when_it_changes_appears_or_vanishes() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("weights");
    let mut file = file::Watched::new(&path);
    let why = file.read().await.unwrap_err();
    assert!(why.contains("weights cannot be read"), "{why}");
    std::fs::write(&path, "10.0.0.1:80 5").unwrap();
    file.changed().await;
    assert_eq!(file.read().await.unwrap().len(), 1);
    std::fs::write(directory.path().join("new"), "10.0.0.1:80 5\n10.0.0.2:80").unwrap();
    std::fs::rename(directory.path().join("new"), &path).unwrap();
    file.changed().await;
    let why = file.read().await.unwrap_err();
    assert!(
        why.contains("weights line 2: 10.0.0.2:80 has no weight"),
        "{why}"
    );
    std::fs::remove_file(&path).unwrap();
    file.changed().await;
    assert!(file.read().await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_file_whose_directory_comes_later_is_found_by_looking_now_and_then() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("later/weights");
    let mut file = file::Watched::new(&path);
    assert!(file.read().await.is_err());
    std::fs::create_dir(directory.path().join("later")).unwrap();
    std::fs::write(&path, "10.0.0.1:80 5").unwrap();
    file.changed().await;
    assert_eq!(file.read().await.unwrap().len(), 1);
}
