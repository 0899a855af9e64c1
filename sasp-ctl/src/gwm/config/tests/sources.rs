//! Rules whose weights do not stand in the file.

use std::path::PathBuf;
use std::time::Duration;

use super::{assert_refused, name, parse};
use crate::config::member_key;
use crate::gwm::sources::rule::{
    AgentCheck, Auth, Check, Finite, HttpCheck, Matching, Members, Pace, Probe, Prometheus, Rule,
    Source, Verify,
};

fn rule(keys: &str) -> String {
    format!("[[weights]]\ngroup = \"G\"\n{keys}\n")
}

/// The only rule of a file with these keys.
fn parsed(keys: &str) -> Rule {
    let config = parse(&rule(keys)).unwrap_or_else(|error| panic!("{keys}\n{error}"));
    assert!(config.policy.weights.is_empty(), "none stands in the file");
    let [rule] = config.rules.try_into().expect("one rule");
    rule
}

fn seconds(interval: u64, timeout: u64) -> Pace {
    Pace {
        interval: Duration::from_secs(interval),
        timeout: Duration::from_secs(timeout),
    }
}

#[test]
fn what_is_not_said_has_a_default() {
    let probe = Probe {
        check: Check::Tcp,
        port: None,
        pace: seconds(5, 2),
        rise: 2,
        fall: 3,
    };
    let agent = AgentCheck {
        port: 9777,
        send: String::new(),
        pace: seconds(5, 2),
        fall: 3,
    };
    let prometheus = Prometheus {
        url: "http://prometheus:9090".into(),
        query: "up".into(),
        label: "instance".into(),
        matching: Matching::AddressAndPort,
        scale: Finite::new(1.0).unwrap(),
        offset: Finite::new(0.0).unwrap(),
        bounds: (0, u16::MAX),
        pace: seconds(10, 5),
        stale: Duration::from_secs(60),
        auth: Auth::Nobody,
    };
    for (keys, source) in [
        ("source = \"probe\"", Source::Probe(probe)),
        (
            "source = \"agent-check\"\nport = 9777",
            Source::AgentCheck(agent),
        ),
        (
            "source = \"prometheus\"\nurl = \"http://prometheus:9090/\"\nquery = \"up\"",
            Source::Prometheus(prometheus),
        ),
        (
            "source = \"file\"\npath = \"/run/weights\"",
            Source::File("/run/weights".into()),
        ),
    ] {
        let expected = Rule {
            balancer: None,
            group: name("G"),
            members: Members::Registered,
            source,
        };
        assert_eq!(parsed(keys), expected, "{keys}");
    }
}

/// The documented example with another source: the weight stands in the file, the source says what is left of it.
#[test]
fn weights_may_stand_with_members_that_are_probed_or_asked_for_a_share() {
    let key = member_key::parse("10.0.0.1:80").unwrap();
    for source in ["probe\"", "agent-check\"\nport = 9777"] {
        let text = format!(
            "[[weights]]\ngroup = \"G\"\nsource = \"{source}\nmembers = {{ \"10.0.0.1:80\" = 40 }}\n"
        );
        let config = parse(&text).unwrap();
        let [weight, asked] = config.rules.as_slice() else {
            panic!("{:?}", config.rules);
        };
        assert_eq!(
            weight.source,
            Source::Static([(key, 40)].into()),
            "{source}"
        );
        assert!(source.starts_with(asked.source.name()), "{source}");
        for rule in [weight, asked] {
            assert_eq!(rule.members, Members::Listed([key].into()), "{source}");
        }
    }
}

#[test]
fn every_key_of_every_source_is_understood() {
    let probe = parsed(
        "balancer = \"edge-1\"\nmembers = [\"10.0.0.1:80\", \"[2001:db8::1]:53/udp\"]\nsource = \"probe\"\n\
         check = \"http\"\nport = 8080\npath = \"/health?full=1\"\nhost = \"web.example:8443\"\n\
         status = \"200-299, 304\"\nscheme = \"https\"\nverify = false\ninterval = \"500ms\"\ntimeout = \"1s\"\n\
         rise = 1\nfall = 5",
    );
    assert_eq!(probe.balancer, Some(name("edge-1")));
    let members = ["10.0.0.1:80", "[2001:db8::1]:53/udp"];
    let members = members.map(|member| member_key::parse(member).unwrap());
    assert_eq!(probe.members, Members::Listed(members.into()));
    assert_eq!(probe.count(), 2);
    let http = HttpCheck {
        path: "/health?full=1".into(),
        host: Some("web.example:8443".into()),
        status: vec![200..=299, 304..=304],
        tls: Some(Verify::Nothing),
    };
    let expected = Probe {
        check: Check::Http(http),
        port: Some(8080),
        pace: Pace {
            interval: Duration::from_millis(500),
            timeout: Duration::from_secs(1),
        },
        rise: 1,
        fall: 5,
    };
    assert_eq!(probe.source, Source::Probe(expected));
    let Source::AgentCheck(agent) = parsed(
        "source = \"agent-check\"\nport = 9777\nsend = \"be/srv\\n\"\ninterval = \"2s\"\ntimeout = \"1s\"\nfall = 1",
    )
    .source
    else {
        panic!("no agent-check");
    };
    assert_eq!(
        (agent.send.as_str(), agent.pace, agent.fall),
        ("be/srv\n", seconds(2, 1), 1)
    );
    let Source::Prometheus(prometheus) = parsed(
        "source = \"prometheus\"\nurl = \"https://metrics/prom\"\nquery = \"load\"\nlabel = \"host\"\n\
         match = \"address\"\nscale = -0.64\noffset = 64\nmin = 1\nmax = 100\ninterval = \"15s\"\ntimeout = \"3s\"\n\
         stale = \"1m\"\nusername = \"u\"\npassword_file = \"/run/p\"",
    )
    .source
    else {
        panic!("no prometheus");
    };
    let expected = Prometheus {
        url: "https://metrics/prom".into(),
        query: "load".into(),
        label: "host".into(),
        matching: Matching::Address,
        scale: Finite::new(-0.64).unwrap(),
        offset: Finite::new(64.0).unwrap(),
        bounds: (1, 100),
        pace: seconds(15, 3),
        stale: Duration::from_secs(60),
        auth: Auth::Basic("u".into(), "/run/p".into()),
    };
    assert_eq!(prometheus, expected);
}

#[test]
fn a_path_starts_beside_the_configuration() {
    let text = rule("source = \"file\"\npath = \"weights\"");
    let path = PathBuf::from("/etc/sasp/gwm.toml");
    let config = super::from_text(&path, text).unwrap();
    assert_eq!(
        config.rules[0].source,
        Source::File("/etc/sasp/weights".into())
    );
}

#[test]
#[rustfmt::skip] // One case a line.
fn a_key_of_another_source_has_no_meaning() {
    for (keys, key, kind) in [
        ("source = \"static\"\nport = 1\nmembers = {}", "port", "static"),
        ("source = \"static\"\ninterval = \"1s\"\nmembers = {}", "interval", "static"),
        ("source = \"probe\"\nsend = \"x\"", "send", "probe"),
        ("source = \"agent-check\"\nrise = 1\nport = 1", "rise", "agent-check"),
        ("source = \"prometheus\"\npath = \"/\"", "path", "prometheus"),
        ("source = \"file\"\nurl = \"http://x\"", "url", "file"),
    ] {
        assert_refused(&[(rule(keys), format!("4: `{key}` has no meaning for source \"{kind}\": remove it").as_str())]);
    }
}

#[test]
#[rustfmt::skip] // One case a line.
fn wrong_values_are_refused_with_their_line_and_a_reason() {
    let probe = |keys: &str| rule(&format!("source = \"probe\"\n{keys}"));
    let http = |keys: &str| rule(&format!("source = \"probe\"\ncheck = \"http\"\n{keys}"));
    let agent = |keys: &str| rule(&format!("source = \"agent-check\"\n{keys}"));
    let prometheus = |keys: &str| {
        rule(&format!("source = \"prometheus\"\nurl = \"http://p\"\nquery = \"up\"\n{keys}"))
    };
    assert_refused(&[
        (probe("prt = 1"), "4: unknown key `prt`: did you mean `port`?"),
        (probe("members = []"), "4: no members: name some, or remove the key"),
        (probe("members = [\"10.0.0.1:80\", \"10.0.0.1:80\"]"), "4: 10.0.0.1:80 stands twice"),
        (probe("members = [\"web:80\"]"), "4: \"web:80\" has no valid IP address"),
        (probe("members = [\"10.0.0.1:53/udp\"]"), "3: 10.0.0.1:53/udp has no TCP port that could be probed"),
        (probe("members = [\"10.0.0.1\"]"), "3: 10.0.0.1 has no TCP port that could be probed"),
        (probe("check = \"icmp\""), "4: check \"icmp\" is unknown"),
        (probe("path = \"/\""), "4: `path` needs check = \"http\""),
        (probe("port = 0"), "4: port 0 is out of range: 1 to 65535"),
        (probe("interval = \"10ms\""), "4: \"10ms\" is too short"),
        (probe("timeout = \"1h\""), "4: \"1h\" is too long"),
        (probe("rise = 0"), "4: 0 is out of range: 1 to 1000"),
        (probe("fall = 1001"), "4: 1001 is out of range"),
        (http("path = \"health\""), "5: \"health\" is not the path of a URL"),
        (http("path = \"/a b\""), "5: \"/a b\" is not the path of a URL"),
        (http("host = \"a b\""), "5: \"a b\" is not a host"),
        (http("host = \"u@web\""), "5: \"u@web\" is not a host"),
        (http("host = \"\""), "5: \"\" is not a host"),
        (http("status = \"2xx\""), "5: \"2xx\" is not a list of status codes"),
        (http("status = \"\""), "5: \"\" is not a list of status codes"),
        (http("status = \"300-200\""), "5: \"300-200\" is not a list"),
        (http("status = \"99\""), "5: \"99\" is not a list"),
        (http("scheme = \"ftp\""), "5: scheme \"ftp\" is unknown"),
        (http("verify = true"), "5: `verify` needs scheme = \"https\""),
        (agent(""), "3: source \"agent-check\" needs the key `port`"),
        (agent(&format!("port = 1\nsend = \"{}\"", "x".repeat(1025))), "5: `send` is longer than 1024 bytes"),
        (rule("source = \"prometheus\"\nquery = \"up\""), "3: source \"prometheus\" needs the key `url`"),
        (rule("source = \"prometheus\"\nurl = \"http://p\""), "3: source \"prometheus\" needs the key `query`"),
        (rule("source = \"prometheus\"\nurl = \"p:9090\"\nquery = \"up\""), "4: \"p:9090\" is not the URL of a Prometheus"),
        (rule("source = \"prometheus\"\nurl = \"http://u:p@p\"\nquery = \"up\""), "4: \"http://u:p@p\" is not the URL"),
        (rule("source = \"prometheus\"\nurl = \"http://p\"\nquery = \" \""), "5: the query is empty"),
        (prometheus("label = \"a-b\""), "6: \"a-b\" is not the name of a label"),
        (prometheus("match = \"name\""), "6: \"name\" is unknown"),
        (prometheus("scale = nan"), "6: NaN is not a finite number"),
        (prometheus("offset = inf"), "6: inf is not a finite number"),
        (prometheus("min = -1"), "6: weight -1 is out of range"),
        (prometheus("min = 9\nmax = 8"), "6: min 9 is larger than max 8"),
        (prometheus("stale = \"5s\""), "6: stale 5s is shorter than the interval of 10s"),
        (prometheus("username = \"u\""), "6: `username` and `password_file` belong together"),
        (prometheus("bearer_token_file = \"t\"\nusername = \"u\""), "6: a bearer token and a user name exclude"),
        (rule("source = \"file\""), "3: source \"file\" needs the key `path`"),
        (rule("source = \"file\"\npath = \"\""), "4: an empty path names no file"),
    ]);
}
