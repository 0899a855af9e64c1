//! Valid inputs for each target, for a fuzzer to break.

use sasp_ctl::sasp::codec::encode;

use crate::sasp::samples;

/// Longer samples only slow a fuzzer down.
const SEED_MAX: usize = 1024;

const ATTACH: [&str; 2] = [
    include_str!("../../../sasp-ctl/src/config/example.toml"),
    r#"
[balancer]
uid = "edge-1"
listen = "127.0.0.1:9999"
packet_log = "trace"
combine = "mean"
limits = { services = 8, backends = 16, flows = 1024 }
[[gwm]]
address = "[2001:db8::1]:3860"
push = false
trust = true
hold = "90s"
interval = "10s"
[[gwm]]
address = "gwm.example.net"
priority = 1
source = "192.0.2.2"
[[service]]
group = "FARM1"
vip = "203.0.113.10:80/tcp"
members = [{ address = "10.0.0.1:80", weight = 10 }, { address = "10.0.0.2:80" }]
affinity = "client"
all_zero = "reject"
idle = "5m"
dead_band = "1%"
slow_start = "30s"
move_limit = "2.5%"
move_interval = "1s"
self_registered = ["10.0.0.0/8", "10.9.9.9"]
[[service]]
group = "DNS"
vip = "[2001:db8::10]:53/udp"
"#,
];

const GWM: [&str; 3] = [
    "listen = \"127.0.0.1:3860\"\n",
    r#"
interval = "1s"
grace = "1m"
members_only_from_own_address = true
[limits]
connections = 10
message_bytes = 4096
[[balancer]]
uid = "edge-1"
sources = ["192.0.2.0/24", "2001:db8::/32"]
[[weights]]
group = "FARM1"
source = "static"
balancer = "edge-1"
members = { "10.0.0.1:80" = 40, "10.0.0.2:53/udp" = 0, "10.0.0.3" = 65535 }
"#,
    r#"
[[member]]
sources = ["10.0.0.0/8"]
addresses = ["10.0.0.1"]
[[weights]]
group = "FARM1"
source = "probe"
check = "http"
path = "/health?full=1"
host = "www.example.net"
status = "200-299,304"
rise = 1
fall = 2
[[weights]]
group = "FARM1"
source = "agent-check"
port = 9999
send = "state\n"
members = ["10.0.0.1:80"]
[[weights]]
group = "FARM1"
source = "prometheus"
url = "http://127.0.0.1:9090"
query = "load1"
match = "address"
scale = -1.5
offset = 64.0
max = 64
interval = "1s"
stale = "1m"
[[weights]]
group = "FARM1"
source = "file"
path = "weights"
"#,
];

const AGENT: [&str; 3] = [
    "75%\n",
    "up ready 100% maxconn:30\r\n",
    "drain,down#disk full\n",
];

const PROMETHEUS: [&str; 2] = [
    r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{"instance":"10.0.0.1:80"},"value":[1700000000.5,"0.25"]},{"metric":{"instance":"10.0.0.2:80"},"value":[1700000000,"NaN"]}]}}"#,
    r#"{"status":"error","errorType":"bad_data","error":"parse error"}"#,
];

const WEIGHTS: [&str; 1] =
    ["# web\n10.0.0.1:80 40\n[2001:db8::1]:53/udp 0 quiesce # later\n\n10.0.0.3 65535 down\n"];

/// The seeds of a target; machines begin with nothing but bytes of many values.
pub fn of(target: &str) -> Vec<Vec<u8>> {
    match target {
        "codec" => messages(),
        "deframer" => {
            let stream = |pieces: [u8; 4]| [&pieces[..], &messages().concat()].concat();
            vec![stream([1, 200, 3, 17]), stream([255; 4])]
        }
        "inspect" => vec![messages().concat()],
        "attach_config" => texts(&ATTACH),
        "gwm_config" => texts(&GWM),
        "agent_line" => texts(&AGENT),
        "prometheus_answer" => texts(&PROMETHEUS),
        "weights_file" => texts(&WEIGHTS),
        _ => (1..=7_u32).map(noise).collect(),
    }
}

fn texts(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

fn messages() -> Vec<Vec<u8>> {
    let all = samples::messages().into_iter();
    let bytes = all.map(|message| encode(&message).expect("samples are small"));
    bytes.filter(|bytes| bytes.len() <= SEED_MAX).collect()
}

/// A stretch of a simple generator, so that there is something to take pieces from.
fn noise(seed: u32) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..600).map(|_| next()).collect()
}
