//! Weights that are found out: what members, agents, Prometheus and files say, from there to the wire.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::client::Client;
use crate::server::Server;
use crate::wire::{block, deregister, message, register, send_weights, set_lb_state, tlv};

const PUSH: u8 = 1;

const CONTACT: u8 = 1;
const QUIESCE: u8 = 2;
const BY_LB: u8 = 4;
const CONFIDENT: u8 = 8;
const WELL: u8 = CONTACT | BY_LB | CONFIDENT;

/// A member on this host.
fn local(port: u16) -> Vec<u8> {
    let address = [[0; 4], [0; 4], [0; 4], [127, 0, 0, 1]].concat();
    let [high, low] = port.to_be_bytes();
    tlv(0x3010, &[&[6, high, low][..], &address, &[0]].concat())
}

fn weight(port: u16, flags: u8, weight: u16) -> Vec<u8> {
    let [high, low] = weight.to_be_bytes();
    [local(port), tlv(0x3012, &[0, flags, high, low])].concat()
}

/// A balancer with one member of group G, which is pushed what changes.
struct World {
    server: Server,
    balancer: Client,
    port: u16,
}

impl World {
    /// `config` is all but the interval, which is too long to be the reason of any push.
    fn new(config: &str, port: u16) -> Self {
        let server = Server::start(&whole(config));
        let mut balancer = server.connect();
        assert_eq!(balancer.code(&set_lb_state("A", PUSH)), 0);
        let members = block(0x4010, "A", "G", &[local(port)]);
        assert_eq!(balancer.code(&register(1, &[members])), 0);
        Self {
            server,
            balancer,
            port,
        }
    }

    /// Waits until this is pushed.
    fn until(&mut self, flags: u8, value: u16) {
        let entry = weight(self.port, flags, value);
        let expected = send_weights(&[block(0x4011, "A", "G", &[entry])]);
        // Fails by the client's patience.
        while self.balancer.pushed() != expected {}
    }

    /// Sends a request that must succeed, and passes over what is pushed before its reply.
    fn code_despite_pushes(&mut self, body: &[u8]) {
        const ID: u32 = 7;
        self.balancer.send(&message(ID, body));
        let reply = loop {
            match self.balancer.receive() {
                (ID, reply) => break reply,
                (id, _) => assert_eq!(id, 0, "a push"),
            }
        };
        assert_eq!(reply[4], 0);
    }

    /// This is what is pushed next.
    fn next(&mut self, flags: u8, value: u16) {
        let entry = weight(self.port, flags, value);
        let expected = send_weights(&[block(0x4011, "A", "G", &[entry])]);
        assert_eq!(self.balancer.pushed(), expected);
    }
}

fn whole(config: &str) -> String {
    format!("interval = \"1h\"\ngrace = \"4h\"\n{config}")
}

/// Answers every connection with what `say` says now, after it has read something if `reads`.
fn serve(listener: TcpListener, reads: bool, say: impl Fn() -> Option<String> + Send + 'static) {
    // Ends with the test, or when there is nothing more to say.
    std::thread::spawn(move || {
        while let (Ok((mut stream, _)), Some(text)) = (listener.accept(), say()) {
            if reads {
                let _request = stream.read(&mut [0; 4096]);
            }
            let _peer_may_be_gone = stream.write_all(text.as_bytes());
        }
    });
}

fn listen() -> (TcpListener, u16) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

const PROBE: &str =
    "[[weights]]\ngroup = \"G\"\nsource = \"probe\"\ninterval = \"100ms\"\ntimeout = \"10s\"\n";

#[test]
fn a_member_that_dies_loses_contact_and_gets_it_back() {
    // The kernel accepts in its name.
    let (listener, port) = listen();
    let mut world = World::new(PROBE, port);
    world.until(WELL, 100);
    drop(listener);
    world.until(BY_LB | CONFIDENT, 100);
    let line = world.server.log_line("probe tcp says down");
    assert!(
        line.contains(&format!("127.0.0.1:{port} of group G")),
        "{line}"
    );
    assert!(line.contains("refused"), "{line}");
    let _again = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
    world.until(WELL, 100);
}

#[test]
fn a_member_is_probed_only_while_it_is_registered() {
    let (listener, port) = listen();
    let mut world = World::new(PROBE, port);
    world.until(WELL, 100);
    let members = [block(0x4010, "A", "G", &[local(port)])];
    world.code_despite_pushes(&deregister(1, &members));
    drop(listener);
    world.code_despite_pushes(&register(1, &members));
    // It begins anew: nothing is known until the probe says that nobody is there.
    world.until(BY_LB | CONFIDENT, 100);
}

#[test]
fn a_reload_makes_nobody_unconfident() {
    let (_listener, port) = listen();
    let config = |weight: u16| {
        format!(
            "{PROBE}[[weights]]\ngroup = \"G\"\nsource = \"static\"\nmembers = {{ \"127.0.0.1:{port}\" = {weight} }}\n"
        )
    };
    let mut world = World::new(&config(40), port);
    world.until(WELL, 40);
    for weight in [41, 42, 43] {
        world.server.write_config(&whole(&config(weight)));
        world.next(WELL, weight);
    }
    world
        .server
        .log_line("reloaded: weights (2 → 2 rules, 1 registered members weigh differently)");
}

#[test]
fn an_agent_drains_weighs_and_downs_its_member() {
    let (listener, agent) = listen();
    let line = Arc::new(Mutex::new("up ready 50%\n"));
    let says = Arc::clone(&line);
    serve(listener, true, move || {
        Some(says.lock().unwrap().to_string())
    });
    let config = format!(
        "[[weights]]\ngroup = \"G\"\nsource = \"agent-check\"\nport = {agent}\nsend = \"state\\n\"\ninterval = \"100ms\"\n"
    );
    let mut world = World::new(&config, 80);
    world.until(WELL, 50);
    for (says, flags, weight) in [
        ("drain\n", WELL | QUIESCE, 0),
        ("ready\n", WELL, 50),
        ("down # disk\n", BY_LB | CONFIDENT, 50),
        ("up 75%\n", WELL, 75),
        ("HTTP/1.1 400 Bad Request\n", CONTACT | BY_LB, 75),
        ("\n", WELL, 75),
    ] {
        *line.lock().unwrap() = says;
        world.next(flags, weight);
    }
}

#[test]
fn prometheus_weighs_until_its_word_is_stale() {
    let (listener, prometheus) = listen();
    let load = Arc::new(Mutex::new(Some(50_u32)));
    let value = Arc::clone(&load);
    serve(listener, true, move || {
        let value = (*value.lock().unwrap())?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let body = format!(
            r#"{{"status":"success","data":{{"resultType":"vector","result":[{{"metric":{{"instance":"127.0.0.1:9100"}},"value":[{},"{value}"]}}]}}}}"#,
            now.as_secs_f64()
        );
        let length = body.len();
        Some(format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        ))
    });
    let config = format!(
        "[[weights]]\ngroup = \"G\"\nsource = \"prometheus\"\nurl = \"http://127.0.0.1:{prometheus}\"\n\
         query = \"load\"\nmatch = \"address\"\nscale = -0.64\noffset = 64\ninterval = \"100ms\"\nstale = \"5s\"\n"
    );
    let mut world = World::new(&config, 80);
    world.until(WELL, 32);
    *load.lock().unwrap() = Some(100);
    world.next(WELL, 0);
    *load.lock().unwrap() = Some(0);
    world.next(WELL, 64);
    *load.lock().unwrap() = None;
    world.next(CONTACT | BY_LB, 64);
    let line = world.server.log_line("fails, its last weights stay");
    assert!(
        line.contains("of group G fails, its last weights stay"),
        "{line}"
    );
}

#[test]
fn a_file_is_followed_and_a_bad_one_leaves_the_weights_without_confidence() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("weights");
    let write = |text: &str| std::fs::write(&path, text).unwrap();
    write("127.0.0.1:80 7");
    let config = format!(
        "[[weights]]\ngroup = \"G\"\nsource = \"file\"\npath = \"{}\"\nmembers = [\"127.0.0.1:80\"]\n",
        path.display()
    );
    let mut world = World::new(&config, 80);
    world.until(WELL, 7);
    for (text, flags, weight) in [
        ("127.0.0.1:80 8", WELL, 8),
        ("127.0.0.1:80 9 quiesce", WELL | QUIESCE, 0),
        ("127.0.0.1:80 9 down # for a while", BY_LB | CONFIDENT, 9),
        ("127.0.0.1:80 9", WELL, 9),
        ("127.0.0.1:80 nine", CONTACT | BY_LB, 9),
    ] {
        write(text);
        world.next(flags, weight);
    }
    let line = world.server.log_line("of group G fails");
    assert!(
        line.contains("weights line 1: weight \"nine\" is not a whole number"),
        "{line}"
    );
    std::fs::remove_file(&path).unwrap();
    write("127.0.0.1:80 10");
    world.next(WELL, 10);
    world.server.log_line("answers again");
}
