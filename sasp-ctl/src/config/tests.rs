mod flags;
mod forward;
mod gwms;
mod refused;

use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use super::*;
use crate::balance::spec::{Affinity, AllZero, Forward, OnDown, Track};

const GOOD: &str = r#"[balancer]
uid = "edge-1"
[[gwm]]
address = "gwm.example.net"
[[service]]
group = "FARM1"
vip = "203.0.113.10:80/tcp"
members = [ { address = "10.0.0.1:80", weight = 10 }, { address = "10.0.0.2:80" } ]
"#;

fn load(text: &str, flags: &Flags) -> Result<Config, String> {
    from_text(Path::new("edge.toml"), text.to_owned(), flags).map_err(|error| error.to_string())
}

fn strings(values: &[&str]) -> Vec<String> {
    values.iter().map(|value| (*value).to_owned()).collect()
}

fn flags(vips: &[&str], members: &[&str]) -> Flags {
    Flags {
        uid: Some("u".to_owned()),
        vips: strings(vips),
        members: strings(members),
        ..Flags::default()
    }
}

#[test]
fn a_short_file_gets_every_default() {
    let config = load(GOOD, &Flags::default()).unwrap();
    assert_eq!(config.balancer.uid.as_bytes(), b"edge-1");
    assert_eq!(config.balancer.listen, None);
    assert_eq!(config.balancer.limits, crate::datapath::Sizes::default());
    assert_eq!(config.balancer.hash_seed, None);
    let [gwm] = &config.gwms[..] else {
        panic!("one GWM")
    };
    assert_eq!(gwm.address.to_string(), "gwm.example.net:3860");
    assert!(gwm.push && !gwm.trust);
    assert_eq!(gwm.hold, Duration::from_secs(120));
    assert_eq!(gwm.retry_min, Duration::from_secs(20));
    let [service] = &config.services[..] else {
        panic!("one service")
    };
    assert_eq!(service.forward, Forward::Dsr);
    assert_eq!(service.on_down, OnDown::Keep);
    assert_eq!(service.track, Track::Exceptions);
    assert_eq!(service.affinity, Affinity::Flow);
    assert_eq!(service.all_zero, AllZero::Equal);
    assert_eq!(service.idle, Duration::from_secs(900));
    let weights: Vec<_> = service.members.iter().map(|m| m.weight).collect();
    assert_eq!(weights, [10, 1]);
    assert!(config.warnings.is_empty());
}

#[test]
fn the_example_is_accepted_and_its_comments_state_the_defaults() {
    let short = load(EXAMPLE, &Flags::default()).unwrap();
    // Keys with a default are commented out without a blank after the mark; those without one are not defaults.
    let spelled_out: String = EXAMPLE
        .lines()
        .filter(|line| {
            [
                "#uid",
                "#listen",
                "#instance",
                "#source",
                "#interval",
                "#tls",
                "#self_registered",
                "#hash_seed",
                "#full_nat",
                "#members",
                "#allow",
                "#deny",
                "#quic_lb",
            ]
            .iter()
            .all(|key| !line.starts_with(key))
        })
        .map(|line| match line.strip_prefix('#') {
            Some(rest) if !rest.starts_with(' ') => format!("{rest}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    assert_ne!(spelled_out, EXAMPLE);
    assert_eq!(load(&spelled_out, &Flags::default()).unwrap(), short);
}

/// They need another service than the example's.
#[test]
fn keys_of_the_example_that_are_no_defaults_are_good_too() {
    let quic = EXAMPLE
        .replace("80/tcp", "443/udp")
        .replace(":80\"", ":443\"")
        .replace("#quic = false", "quic = true")
        .replace("members = [\n", "former = [\n")
        .replace("#members", "members");
    let (before, listed) = quic.split_once("former = [").unwrap();
    let (_, after) = listed.split_once("]\n").unwrap();
    let text = ["hash_seed", "full_nat", "allow", "deny", "quic_lb"]
        .iter()
        .fold(format!("{before}{after}"), |text, key| {
            text.replace(&format!("#{key} ="), &format!("{key} ="))
        });
    let config = load(&text, &Flags::default()).unwrap();
    assert_eq!(config.balancer.hash_seed, Some(4678));
    let pool = config.globals.pool.unwrap();
    assert_eq!(pool.ports, settings::FULL_NAT_PORTS);
    let service = &config.services[0];
    assert!(service.quic_lb.is_some() && service.sources.deny.len() == 1);
    assert_eq!(service.members[0].server_id, Some(vec![0, 0xa1]));
    assert_eq!(service.members[0].forward, Forward::Ipip);
}

#[test]
fn every_key_is_taken_over() {
    let config = load(
        r#"
        balancer = { uid = "e", listen = "[::1]:9686", instance = "edge", hash_seed = -1, packet_log = "debug", limits = { services = 2, backends = 100, flows = 2048 } }
        [[gwm]]
        address = "[2001:db8::1]:4000"
        push = false
        hold = "1m"
        interval = "10s"
        timeout = "5s"
        retry_min = "30s"
        source = "2001:db8::2"
        [[service]]
        group = "DNS"
        vip = "[2001:db8::10]:53/udp"
        forward = "dsr"
        on_down = "rehash"
        track = "always"
        affinity = "client"
        all_zero = "reject"
        quic = true
        idle = "90s"
        dead_band = "2.5%"
        slow_start = "60s"
        move_limit = "10%"
        move_interval = "5s"
        members = [ { address = "[2001:db8::11]:53" }, { address = "[2001:db8::12]:53/udp", weight = 0 } ]
        "#,
        &Flags::default(),
    )
    .unwrap();
    assert_eq!(config.balancer.hash_seed, Some(u64::MAX));
    assert_eq!(config.balancer.limits.flows, 2048);
    let gwm = &config.gwms[0];
    assert_eq!(gwm.source, Some("2001:db8::2".parse::<IpAddr>().unwrap()));
    assert_eq!(gwm.timeout, Duration::from_secs(5));
    let service = &config.services[0];
    assert_eq!(service.dead_band_permille, 25);
    assert_eq!(service.slow_start, Some(Duration::from_secs(60)));
    let limit = service.move_limit.unwrap();
    assert_eq!(
        (limit.permille, limit.interval),
        (100, Duration::from_secs(5))
    );
    assert_eq!(service.members[0].key.protocol, endpoint::UDP);
    assert_eq!(service.members[1].weight, 0);
}

/// Each row replaces a line of [`GOOD`] (or adds one after it) and names the line and the words of the refusal.
#[test]
fn every_mistake_is_refused_with_its_line_and_a_reason() {
    let rows: &[(usize, &str, &[&str])] = &[
        (1, "[balancer", &["1:", "syntax"]),
        (1, "[balancr]", &["1:", "`balancr`", "`balancer`?"]),
        (2, "uidd = \"x\"", &["2:", "`uidd`", "`uid`?"]),
        (2, "colour = 1", &["2:", "`colour`", "use one of", "listen"]),
        (2, "uid = \"\"", &["2:", "1 to 64 bytes"]),
        (2, "uid = \"a\\nb\"", &["2:", "control characters"]),
        (2, "uid = 7", &["2:", "where a text in quotes is needed"]),
        (2, "uid = \"a\"\nuid = \"b\"", &["3:", "duplicate key"]),
        (2, "uid = \"a\"\nlisten = \"9686\"", &["3:", "ADDR:PORT"]),
        (
            2,
            "uid = \"a\"\ninstance = \"a/b\"",
            &["3:", "instance name"],
        ),
        (2, "uid = \"a\"\nlimits = { flows = 1 }", &["3:", "1024 to"]),
        (
            2,
            "uid = \"a\"\nlimits = { backends = 40000 }",
            &["3:", "32768"],
        ),
        (
            2,
            "uid = \"a\"\nlimits = { backends = 2 }",
            &["8:", "more than 1 backends", "limits.backends"],
        ),
        (4, "push = true", &["3:", "`address` is missing"]),
        (4, "address = \"\"", &["4:", "GWM address"]),
        (4, "address = \"g:0\"", &["4:", "1 to 65535"]),
        (
            4,
            "address = \"g\"\nhold = \"2\"",
            &["5:", "not a duration"],
        ),
        (
            4,
            "address = \"g\"\ninterval = \"0s\"",
            &["5:", "too short"],
        ),
        (
            4,
            "address = \"g\"\nretry_min = \"1ms\"",
            &["5:", "too short"],
        ),
        (4, "address = \"g\"\nsource = \"lo\"", &["5:", "IP address"]),
        (
            4,
            "address = \"10.9.9.9\"\nsource = \"::1\"",
            &["5:", "same family"],
        ),
        (
            4,
            "address = \"g\"\ntls = { ca = \"/nowhere/ca.pem\" }",
            &["5:", "/nowhere/ca.pem: cannot be read"],
        ),
        (
            4,
            "address = \"g\"\ntls = { ca = \"ca.pem\", cert = \"c.pem\" }",
            &["5:", "add `key`"],
        ),
        (
            4,
            "address = \"g\"\ntls = { cert = \"c.pem\", key = \"k.pem\" }",
            &["5:", "`ca` is missing"],
        ),
        (
            4,
            "address = \"g\"\n[[gwm]]\naddress = \"g:3860\"",
            &["6:", "the GWM g:3860 stands twice", "line 4"],
        ),
        (
            4,
            "address = \"g\"\npriority = 65536",
            &["5:", "0 to 65535"],
        ),
        (
            2,
            "uid = \"a\"\ncombine = \"max\"",
            &["3:", "\"fail-over\" or \"min\" or \"mean\""],
        ),
        (2, "uid = \"a\"\nfail_back = \"5\"", &["3:", "duration"]),
        (
            7,
            "vip = \"203.0.113.10:80/tcp\"\nself_registered = [\"10.0.0.0/33\"]",
            &["8:", "not a network"],
        ),
        (
            7,
            "vip = \"203.0.113.10:80/tcp\"\nself_registered = [\"10.0.0.1/8\"]",
            &["8:", "write \"10.0.0.0/8\""],
        ),
        (6, "group = \"\"", &["6:", "group name"]),
        (6, "", &["5:", "`group` is missing"]),
        (7, "vip = \"203.0.113.10:80\"", &["7:", "no protocol"]),
        (7, "vip = \"203.0.113.10/tcp\"", &["7:", "no port"]),
        (
            7,
            "vip = \"203.0.113.10\"",
            &["8:", "write the address alone"],
        ),
        (
            7,
            "vip = \"10.0.0.1:80/tcp\"",
            &["8:", "address of its VIP"],
        ),
        (
            7,
            "vip = \"203.0.113.10:80/tcp\"\nforward = \"nat\"\nself_registered = [\"2001:db8::/32\"]",
            &["9:", "nat does not translate between families"],
        ),
        (
            7,
            "vip = \"203.0.113.10:80/tcp\"\nforward = \"dst\"",
            &[
                "8:",
                "unknown",
                "\"dsr\", \"ipip\", \"gue\", \"gre\", \"nat\", \"full-nat\"",
            ],
        ),
        (
            7,
            "vip = \"203.0.113.10:80/tcp\"\non_down = \"drop\"",
            &["8:", "\"keep\" or \"rehash\""],
        ),
        (
            7,
            "vip = \"203.0.113.10:80/tcp\"\nquic = true",
            &["8:", "UDP"],
        ),
        (
            7,
            "vip = \"203.0.113.10:80/tcp\"\nidle = \"1ms\"",
            &["8:", "too short"],
        ),
        (
            7,
            "vip = \"203.0.113.10:80/tcp\"\ndead_band = \"101%\"",
            &["8:", "100%"],
        ),
        (
            7,
            "vip = \"203.0.113.10:80/tcp\"\nslow_start = \"soon\"",
            &["8:", "not a duration"],
        ),
        (
            7,
            "vip = \"203.0.113.10:80/tcp\"\nmove_limit = \"ten\"",
            &["8:", "not a share"],
        ),
        (
            7,
            "vip = \"203.0.113.10:80/tcp\"\nmove_limit = \"0%\"",
            &["8:", "for ever"],
        ),
        (
            7,
            "vip = \"203.0.113.10:80/tcp\"\nmove_interval = \"5s\"",
            &["8:", "without `move_limit`"],
        ),
        (
            7,
            "vip = \"203.0.113.10:80/tcp\"\nmember = []",
            &["8:", "`member`", "`members`?"],
        ),
        (
            8,
            "members = [ { address = \"10.0.0.1:8080\" } ]",
            &["8:", "does not translate ports"],
        ),
        (
            8,
            "members = [ { address = \"[2001:db8::1]:80\", forward = \"nat\" } ]",
            &["8:", "family", "nat does not translate"],
        ),
        (
            8,
            "members = [ { address = \"10.0.0.1:80/udp\" } ]",
            &["8:", "protocol"],
        ),
        (
            8,
            "members = [ { address = \"10.0.0.1\" } ]",
            &["8:", "has no port", "write ADDR:PORT"],
        ),
        (
            8,
            "members = [ { address = \"10.0.0.1:0\" } ]",
            &["8:", "has no port", "write ADDR:PORT"],
        ),
        (
            8,
            "members = [ { address = \"127.0.0.1:80\" } ]",
            &["8:", "loopback"],
        ),
        (
            8,
            "members = [ { address = \"[fe80::2]:80\", forward = \"ipip\" } ]",
            &["8:", "[fe80::2]:80", "link-local", "unique local"],
        ),
        (
            8,
            "members = [ { address = \"[::]:80\", forward = \"ipip\" } ]",
            &["8:", "not the address of one host"],
        ),
        (
            8,
            "members = [ { address = \"[ff02::1]:80\", forward = \"ipip\" } ]",
            &["8:", "not the address of one host"],
        ),
        (
            8,
            "members = [ { address = \"10.0.0.1:80\", weight = 65536 } ]",
            &["8:", "0 to 65535"],
        ),
        (
            8,
            "members = [ { address = \"10.0.0.1:80\", weight = -1 } ]",
            &["8:", "0 to 65535"],
        ),
        (
            8,
            "members = [ { address = \"10.0.0.1:80\", wait = 1 } ]",
            &["8:", "`wait`", "use one of address, weight"],
        ),
        (
            8,
            "members = [\n{ address = \"10.0.0.1:80\" },\n{ address = \"10.0.0.1:80/tcp\" } ]",
            &["10:", "twice", "line 9"],
        ),
        (
            8,
            "[[service]]\ngroup = \"F2\"\nvip = \"203.0.113.10:80/tcp\"",
            &["10:", "VIP", "twice", "line 7"],
        ),
    ];
    for (line, replacement, expected) in rows {
        let text: String = GOOD
            .lines()
            .enumerate()
            .map(|(i, old)| format!("{}\n", if i + 1 == *line { replacement } else { old }))
            .collect();
        let refused = match load(&text, &Flags::default()) {
            Err(refused) => refused,
            Ok(_) => panic!("accepted: {replacement}"),
        };
        assert!(!refused.contains('\n'), "{refused}");
        let place = format!("edge.toml:{} ", expected[0]);
        assert!(refused.starts_with(&place), "{replacement}: {refused}");
        for word in &expected[1..] {
            assert!(refused.contains(word), "{replacement}: {refused}");
        }
    }
}

#[test]
fn an_lb_uid_of_64_bytes_is_accepted_and_one_of_65_is_not() {
    for (length, good) in [(64, true), (65, false)] {
        let flags = Flags {
            uid: Some("u".repeat(length)),
            ..Flags::default()
        };
        assert_eq!(load(GOOD, &flags).is_ok(), good, "{length}");
    }
}

#[test]
fn a_vip_may_serve_tcp_and_udp() {
    let vips = ["203.0.113.10:53/tcp=DNS", "203.0.113.10:53/udp=DNS"];
    let config = load("", &flags(&vips, &["DNS=10.0.0.1:53"])).unwrap();
    let protocols: Vec<_> = config
        .services
        .iter()
        .map(|service| service.members[0].key.protocol)
        .collect();
    assert_eq!(protocols, [endpoint::TCP, endpoint::UDP]);
}

#[test]
fn what_is_accepted_but_doubtful_is_a_warning_with_its_place() {
    let text = GOOD.replace(
        "address = \"gwm.example.net\"",
        "address = \"g\"\ntrust = true\nretry_min = \"500ms\"",
    );
    let config = load(&text, &flags(&["203.0.113.12:80/tcp=F2"], &[])).unwrap();
    let [retry, trust, empty] = &config.warnings[..] else {
        panic!("{:?}", config.warnings)
    };
    assert!(trust.starts_with("edge.toml:5: ") && trust.contains("register"));
    assert!(retry.starts_with("edge.toml:6: ") && retry.contains("RFC 4678"));
    assert!(empty.starts_with("--vip ") && empty.contains("no members"));
}

#[test]
fn a_file_that_is_not_there_is_refused_with_what_to_do() {
    let refused = super::load(Some(Path::new("/nonexistent/x.toml")), &Flags::default());
    let line = refused.unwrap_err().to_string();
    assert!(
        line.starts_with("/nonexistent/x.toml: cannot be read"),
        "{line}"
    );
    assert!(line.contains("sasp-ctl init"), "{line}");
}

#[test]
fn what_is_of_the_wrong_kind_is_told_in_the_terms_of_the_file() {
    for (text, told) in [
        (
            "[balancer]\nlimits = [2, 3, 1024]",
            "edge.toml:2: an array where a table is needed",
        ),
        (
            "[[service]]\ngroup = 'F'\nvip = 'v'\nmembers = [['10.0.0.1:80', 5]]",
            "edge.toml:4: an array where a table is needed",
        ),
        (
            "balancer = ['u']",
            "edge.toml:1: an array where a table is needed",
        ),
        (
            "[service]\ngroup = 'F'",
            "edge.toml:1: a table where an array is needed",
        ),
        (
            "[balancer]\nlimits = 3",
            "edge.toml:2: integer `3` where a table is needed",
        ),
        (
            "[balancer]\nlimits = { flows = 'many' }",
            "edge.toml:2: string \"many\" where a whole number is needed",
        ),
        (
            "[balancer]\nlimits = { flows = 2020-01-01 }",
            "edge.toml:2: a table where a whole number is needed",
        ),
        (
            "[balancer]\nlimits = 2020-01-01",
            "edge.toml:2: a date where a table is needed",
        ),
        (
            "[balancer]\nuid = 5",
            "edge.toml:2: integer `5` where a text in quotes is needed",
        ),
    ] {
        let refused = load(text, &Flags::default()).err().unwrap();
        assert!(refused.starts_with(told), "{text}: {refused}");
    }
    let deep = format!("x = {}", "[".repeat(1000));
    let refused = load(&deep, &Flags::default()).err().unwrap();
    assert!(
        refused.starts_with("edge.toml") && refused.contains("too deeply"),
        "{refused}"
    );
}
