use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};

use super::*;
use crate::clock;
use crate::control::asking::ask;
use crate::control::{BODY_MAX, UNTIL};
use crate::datapath::Instance;
use crate::gwm::bed::{Bed, RULES};

const MEMBER: &str = r#"{"group":"G","member":"10.0.0.1:80"}"#;

fn place(run: &Path, instance: &str) -> Place {
    Place {
        run: run.to_owned(),
        instance: Instance::new(instance).unwrap(),
        is_default: false,
    }
}

/// A GWM whose sockets are served.
struct Served {
    bed: Bed,
    place: Place,
    status: SocketAddr,
    serving: Serving,
    _directory: TempDir,
}

impl Served {
    fn start() -> Self {
        let directory = TempDir::new().unwrap();
        let place = place(directory.path(), "gwm");
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let status = free.local_addr().unwrap();
        drop(free);
        let bed = Bed::new(RULES);
        let bound = bind(&place, Some(status)).unwrap();
        let serving = bound.serve(&bed.context()).unwrap();
        Self {
            bed,
            place,
            status,
            serving,
            _directory: directory,
        }
    }

    async fn ask(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        let stream = UnixStream::connect(self.place.socket()).await.unwrap();
        ask(stream, method, path, body).await
    }

    async fn ask_tcp(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        let stream = TcpStream::connect(self.status).await.unwrap();
        ask(stream, method, path, body).await
    }
}

#[tokio::test]
async fn the_status_shows_as_much_as_is_asked_for() {
    let served = Served::start();
    served.bed.balancer("A 1", &[1, 2]);
    served.bed.balancer("B", &[1]);
    let uids = |status: &Value| -> Vec<String> {
        let balancers = status["balancers"].as_array().unwrap();
        balancers
            .iter()
            .map(|b| b["uid"].as_str().unwrap().to_owned())
            .collect()
    };
    let (code, status) = served.ask("GET", "/status", "").await;
    assert_eq!(
        (code, uids(&status)),
        (200, vec!["A 1".to_owned(), "B".to_owned()])
    );
    assert_eq!(
        (&status["instance"], &status["listen"]),
        (&json!("gwm"), &json!("0.0.0.0:3860"))
    );
    assert_eq!(
        (&status["interval_seconds"], &status["grace_seconds"]),
        (&json!(10.0), &json!(120.0))
    );
    assert_eq!(
        (&status["admission"], &status["reload"]),
        (&json!("open"), &Value::Null)
    );
    assert_eq!(
        status["balancers"][0]["groups"][0]["members"][1]["weight"],
        20
    );

    let (_, status) = served.ask("GET", "/status?uid=A%201&group=G", "").await;
    assert_eq!(uids(&status), ["A 1"]);
    let (_, status) = served.ask("GET", "/status?rows=1", "").await;
    assert_eq!(
        status["left_out"],
        json!({ "balancers": 1, "groups": 1, "members": 0, "connections": 0 })
    );
    for wrong in [
        "/status?rows=many",
        "/status?nothing=1",
        "/status?uid=",
        "/status?group=%00",
    ] {
        let (code, answer) = served.ask("GET", wrong, "").await;
        assert_eq!(code, 400, "{wrong}");
        assert!(answer["error"].is_string(), "{wrong}: {answer}");
    }
}

#[tokio::test]
async fn overrides_are_set_and_shown() {
    let served = Served::start();
    let a = served.bed.balancer("A", &[1, 2]);
    let set = r#"{"group":"G","member":"10.0.0.1:80","weight":7}"#;
    let (code, answer) = served.ask("POST", "/set", set).await;
    assert_eq!((code, &answer["said"][0]["weight"]), (200, &json!(7)));
    assert_eq!(served.bed.pushed(a).unwrap()[0].1, 7);
    let for_b = r#"{"group":"G","member":"10.0.0.2:80","uid":"B"}"#;
    let (_, answer) = served.ask("POST", "/quiesce", for_b).await;
    assert_eq!(answer["said"], json!([]));
    let (_, status) = served.ask("GET", "/status", "").await;
    let overrides = status["overrides"].as_array().unwrap();
    assert_eq!(
        (
            overrides.len(),
            &overrides[0]["weight"],
            &overrides[1]["uid"]
        ),
        (2, &json!(7), &json!("B"))
    );
    let (_, status) = served.ask("GET", "/status?uid=A", "").await;
    assert_eq!(status["overrides"].as_array().unwrap().len(), 1);
    for (path, body) in [("/auto", MEMBER), ("/resume", for_b)] {
        assert_eq!(served.ask("POST", path, body).await.0, 200);
    }
    let (_, status) = served.ask("GET", "/status", "").await;
    assert_eq!(status["overrides"], json!([]));
    assert_eq!(served.bed.pushed(a).unwrap()[0].1, 10);
}

#[tokio::test]
#[rustfmt::skip] // One case a line.
async fn what_makes_no_sense_is_refused_with_a_reason() {
    let served = Served::start();
    for (path, body, reason) in [
        ("/set", MEMBER, "missing field `weight`"),
        ("/set", r#"{"group":"G","member":"10.0.0.1:80","weight":65536}"#, "65536"),
        ("/quiesce", "{}", "missing field `group`"),
        ("/quiesce", "", "\"member\": \"ADDR:PORT\""),
        ("/quiesce", r#"{"group":"G","member":"10.0.0.1:80","all":true}"#, "unknown field `all`"),
        ("/quiesce", r#"{"group":"G","member":"here"}"#, "no valid IP address"),
        ("/quiesce", r#"{"group":"","member":"10.0.0.1:80"}"#, "group: \"\" must have 1 to 255 bytes"),
        ("/resume", r#"{"group":"G","member":"10.0.0.1:80","uid":"\n"}"#, "uid: \"\\n\" must have"),
    ] {
        let (code, answer) = served.ask("POST", path, body).await;
        let error = answer["error"].as_str().unwrap_or_default();
        assert!(code == 400 && error.contains(reason), "{path} {body}: {code} {answer}");
    }
    let long = format!("{{\"group\":\"{}\"}}", "x".repeat(BODY_MAX));
    assert_eq!(served.ask("POST", "/quiesce", &long).await.0, 413);
    assert_eq!(served.ask("GET", "/set", "").await.0, 405);
    assert_eq!(served.ask("POST", "/nothing", "").await.0, 404);
    let (_, status) = served.ask("GET", "/status", "").await;
    assert_eq!(status["overrides"], json!([]));
}

#[tokio::test]
async fn the_tcp_address_shows_everything_and_changes_nothing() {
    let served = Served::start();
    served.bed.balancer("<b>", &[1]);
    for path in ["/set", "/auto", "/quiesce", "/resume"] {
        assert_eq!(served.ask_tcp("POST", path, MEMBER).await.0, 404, "{path}");
    }
    assert_eq!(
        served.ask_tcp("GET", "/healthz", "").await,
        (200, Value::from("ok\n"))
    );
    let (_, page) = served.ask_tcp("GET", "/", "").await;
    let page = page.as_str().unwrap();
    assert!(
        page.contains("&lt;b&gt;") && page.contains("&lt;label&gt;"),
        "{page}"
    );
    assert!(
        !page.contains("<b>") && page.contains("10.0.0.1:80"),
        "{page}"
    );
    let (_, metrics) = served.ask_tcp("GET", "/metrics", "").await;
    assert!(metrics.as_str().unwrap().ends_with("# EOF\n"));
    let (_, status) = served.ask_tcp("GET", "/status", "").await;
    assert_eq!(status["totals"]["members"], 1);
}

#[tokio::test]
async fn what_comes_after_its_client_has_given_up_is_not_done() {
    let served = Served::start();
    let now = clock::now_ns();
    let mut late = UnixStream::connect(served.place.socket()).await.unwrap();
    let head =
        format!("POST /quiesce HTTP/1.1\r\nhost: x\r\n{UNTIL}: {now}\r\nconnection: close\r\n");
    let request = format!("{head}content-length: {}\r\n\r\n{MEMBER}", MEMBER.len());
    late.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    late.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    let (_, status) = served.ask("GET", "/status", "").await;
    assert_eq!(status["overrides"], json!([]));
}

#[tokio::test]
async fn only_the_owner_may_use_the_socket_and_it_goes_with_the_process() {
    let served = Served::start();
    let socket = served.place.socket();
    let mode = std::fs::metadata(&socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    served.serving.stop().await;
    assert!(!socket.exists());
}

#[tokio::test]
async fn a_dead_gwms_socket_is_replaced_and_a_living_ones_is_not() {
    let directory = TempDir::new().unwrap();
    let gwm = place(directory.path(), "gwm");
    std::fs::create_dir_all(gwm.socket().parent().unwrap()).unwrap();
    drop(std::os::unix::net::UnixListener::bind(gwm.socket()).unwrap());
    let living = bind(&gwm, None).unwrap();
    let refused = bind(&gwm, None).unwrap_err();
    let pid = std::process::id().to_string();
    assert!(
        refused.contains("a GWM called gwm runs already") && refused.contains(&pid),
        "{refused}"
    );
    UnixStream::connect(gwm.socket()).await.unwrap();
    bind(&place(directory.path(), "other"), None).unwrap();

    let by_default = Place {
        is_default: true,
        ..gwm.clone()
    };
    let without = bind(&by_default, None).unwrap();
    assert!(without.missing.unwrap().contains("runs already"));
    UnixStream::connect(gwm.socket()).await.unwrap();
    drop(living);
    assert!(bind(&by_default, None).unwrap().missing.is_none());
}

#[test]
fn what_is_in_the_way_is_named_with_what_to_do() {
    let directory = TempDir::new().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let gwm = place(directory.path(), "gwm");
    let refused = bind(&gwm, Some(address)).unwrap_err();
    assert!(
        refused.contains("`status` in gwm.toml") && refused.contains(&address.to_string()),
        "{refused}"
    );
    assert!(!gwm.socket().exists());
    let file = directory.path().join("file");
    std::fs::write(&file, "").unwrap();
    let refused = bind(&place(&file, "gwm"), None).unwrap_err();
    assert!(refused.contains("SASP_CTL_RUN_DIR"), "{refused}");
}
