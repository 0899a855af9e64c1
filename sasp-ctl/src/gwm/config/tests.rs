//! Whole files, and every mistake with the line and the reason that are told.

use std::time::Duration;

use super::*;
use crate::config::member_key;
use crate::sasp::gwm::{Admission, Assessment, PeerRule};
use crate::sasp::msg::Name;

const FULL: &str = r#"
listen = "127.0.0.1:0"
interval = "5s"
grace = "1m"
members_only_from_own_address = true

[limits]
connections = 10
message_bytes = 2048
idle = "1h"

[[balancer]]
uid = "edge-1"
sources = ["192.0.2.0/24", "2001:db8::7"]
[[balancer]]
uid = "edge-2"

[[weights]]
group = "FARM1"
source = "static"
members = { "10.0.0.1:80" = 40, "10.0.0.1:80/udp" = 0, "[2001:db8::1]:80" = 65535 }
[[weights]]
balancer = "edge-2"
group = "FARM1"
source = "static"
members = { "10.0.0.1:80" = 1 }
"#;

fn name(text: &str) -> Name {
    Name::new(text.as_bytes()).unwrap()
}

fn parse(text: &str) -> Result<Config, String> {
    from_text(Path::new("gwm.toml"), text.into()).map_err(|error| error.to_string())
}

#[test]
fn every_key_is_understood() {
    let config = parse(FULL).unwrap();
    let policy = &config.policy;
    assert_eq!(config.listen, "127.0.0.1:0".parse().unwrap());
    assert_eq!(config.message_bytes, 2048);
    assert_eq!(policy.interval, Duration::from_secs(5));
    assert_eq!(policy.grace, Duration::from_secs(60));
    assert!(policy.members_speak_for_themselves);
    assert_eq!(policy.limits.connections, 10);
    assert_eq!(policy.limits.idle, Duration::from_secs(3600));
    let listed = [
        (
            name("edge-1"),
            PeerRule {
                sources: vec![
                    "192.0.2.0/24".parse().unwrap(),
                    "2001:db8::7/128".parse().unwrap(),
                ],
                certificate: None,
            },
        ),
        (name("edge-2"), PeerRule::default()),
    ];
    assert_eq!(policy.admission, Admission::Listed(listed.into()));
    for (uid, member, weight) in [
        ("edge-1", "10.0.0.1:80", 40),
        ("edge-2", "10.0.0.1:80", 1),
        ("edge-2", "10.0.0.1:80/udp", 0),
        ("edge-1", "[2001:db8::1]:80", 65535),
    ] {
        let key = member_key::parse(member).unwrap();
        let assessed = policy.weights.assess(&name(uid), &name("FARM1"), &key);
        assert_eq!(assessed, Assessment::fixed(weight), "{member} of {uid}");
    }
    assert_eq!(policy.weights.len(), 4);
    assert_eq!(config.warnings, Vec::<String>::new());
}

#[test]
fn an_empty_file_means_the_defaults() {
    assert_eq!(parse(""), Ok(Config::default()));
    assert_eq!(Config::default().listen, "0.0.0.0:3860".parse().unwrap());
}

/// Every text is refused in one line that starts like this.
fn assert_refused<T: AsRef<str>>(rows: &[(T, &str)]) {
    for (text, expected) in rows {
        let text = text.as_ref();
        let refusal = parse(text).expect_err(text);
        let place_and_reason = format!("gwm.toml:{expected}");
        assert!(
            refusal.starts_with(&place_and_reason),
            "{text}\n{refusal}\n{expected}"
        );
        assert!(!refusal.contains('\n'), "{refusal}");
    }
}

#[test]
#[rustfmt::skip] // One case a line.
fn wrong_values_at_the_top_and_wrong_limits_are_refused_with_their_line_and_a_reason() {
    assert_refused(&[
        ("lisen = 1", "1: unknown key `lisen`: did you mean `listen`?"),
        ("listen = \"10.0.0.1\"", "1: \"10.0.0.1\" is not ADDR:PORT"),
        ("\nlisten =", "2: "),
        ("interval = \"10\"", "1: \"10\" is not a duration"),
        ("interval = \"50ms\"", "1: \"50ms\" is too short"),
        ("interval = \"19h\"", "1: \"19h\" is too long"),
        ("grace = 5", "1: integer `5` where a text in quotes is needed"),
        ("tls = {}", "1: the key `cert` is missing"),
        ("tls = { cert = \"c\", key = \"k\" }", "1: the key `ca` is missing"),
        ("\ntls = { cert = \"c\", key = \"k\", ca = \"/nowhere/ca.pem\" }", "2: /nowhere/ca.pem: cannot be read"),
        ("tls = { cert = \"c\", key = \"k\", ca = \"a\", client_certificates = \"no\" }", "1: \"no\" is unknown: write \"required\""),
        ("[limits]\nmembers = 0", "2: 0 is out of range: 1 to"),
        ("[limits]\ngroups = 65536", "2: 65536 is out of range: 1 to 65535"),
        ("[limits]\nuid_bytes = -1", "2: -1 is out of range: 1 to 255"),
        ("[limits]\nidle = \"0s\"", "2: \"0s\" is too short"),
    ]);
}

#[test]
#[rustfmt::skip] // One case a line.
fn wrong_balancers_are_refused_with_their_line_and_a_reason() {
    let uid = |uid: &str| format!("[[balancer]]\nuid = \"{uid}\"");
    let sources = |list: &str| format!("{}\nsources = {list}", uid("A"));
    assert_refused(&[
        ("[[balancer]]".into(), "1: the key `uid` is missing"),
        (uid(""), "2: the LB UID must have 1 to 64 bytes"),
        (uid(&"x".repeat(65)), "2: the LB UID"),
        (uid("a\\u0007"), "2: the LB UID"),
        (format!("{}\n{}", uid("A"), uid("A")), "4: the LB UID \"A\" stands twice (also at line 2)"),
        (format!("{}\ncertificate = \"edge\"", uid("A")), "3: without TLS nobody shows a certificate"),
        (sources("[]"), "3: nobody could speak"),
        (sources("[\"10.0.0.0/33\"]"), "3: \"10.0.0.0/33\" is not a network"),
        (sources("[\"10.0.0.1/24\"]"), "3: \"10.0.0.1/24\" has bits behind its prefix: write \"10.0.0.0/24\""),
        (sources("[\"::ffff:10.0.0.1\"]"), "3: \"::ffff:10.0.0.1\" is IPv4"),
    ]);
}

#[test]
#[rustfmt::skip] // One case a line.
fn wrong_members_are_refused_with_their_line_and_a_reason() {
    let member = |keys: &str| format!("[[member]]\n{keys}");
    let from = "sources = [\"10.0.0.0/24\"]";
    assert_refused(&[
        (member(from), "1: the key `addresses` is missing"),
        (member("addresses = [\"10.0.0.1\"]"), "1: this [[member]] does not say who"),
        (member(&format!("{from}\naddresses = []")), "3: for no member at all"),
        (member(&format!("{from}\naddresses = [\"web\"]")), "3: \"web\" is not a network"),
        (member("sources = []\naddresses = [\"10.0.0.1\"]"), "2: nobody could speak"),
        (member("certificate = \"web\"\naddresses = [\"10.0.0.1\"]"), "2: without TLS"),
    ]);
}

#[test]
#[rustfmt::skip] // One case a line.
fn wrong_rules_are_refused_with_their_line_and_a_reason() {
    let rule = |group: &str, source: &str, members: &str| {
        format!("[[weights]]\ngroup = \"{group}\"\nsource = \"{source}\"\nmembers = {{ {members} }}\n")
    };
    let members = |members: &str| rule("G", "static", members);
    let one = "\"10.0.0.1:80\" = 1";
    assert_refused(&[
        (rule("", "static", one), "2: the group name must have 1 to 255 bytes"),
        (
            rule("G", "file", one) + "path = \"w\"",
            "4: source \"file\" finds the weights out: write members = [",
        ),
        (rule("G", "probe", "\"10.0.0.1:80\" = 65536"), "4: weight 65536 is out of range"),
        (rule("G", "probe", ""), "4: no members: name some"),
        (
            members(one) + &rule("G", "probe", one),
            "8: 10.0.0.1:80 of group G has a weight already (at line 4)",
        ),
        (rule("G", "statik", one), "3: source \"statik\" is unknown"),
        ("[[weights]]\ngroup = \"G\"\nsource = \"static\"".into(), "3: source \"static\" needs the key `members`"),
        ("[[weights]]\ngroup = \"G\"\nsource = \"static\"\nmembers = [\"10.0.0.1:80\"]".into(), "4: these members have no weights"),
        ("[[weights]]\ngroup = \"G\"\nsource = \"static\"\nmembers = 1".into(), "4: integer `1` where a table of weights or an array of members is needed"),
        (members("\"10.0.0.1:80\" = 65536"), "4: weight 65536 is out of range"),
        (members("\"10.0.0.1:80\" = -1"), "4: weight -1 is out of range"),
        (members("\"10.0.0.1:80\" = 1.5"), "4: floating point `1.5` where a whole number is needed"),
        (members("\"10.0.0.1:0\" = 1"), "4: \"10.0.0.1:0\" has port 0"),
        (members("\"web:80\" = 1"), "4: \"web:80\" has no valid IP address"),
        (members("\"10.0.0.1:80\" = 1, \"10.0.0.1:80\" = 2"), "4: duplicate key"),
        (
            members("\"10.0.0.1:80\" = 1, \"10.0.0.1:80/tcp\" = 2"),
            "4: 10.0.0.1:80 of group G has a weight already (at line 4)",
        ),
        (members(one).repeat(2), "8: 10.0.0.1:80 of group G has a weight already (at line 4)"),
        (
            format!("[[balancer]]\nuid = \"A\"\n{}balancer = \"B\"", members(one)),
            "7: no [[balancer]] has the uid \"B\"",
        ),
    ]);
}

#[test]
fn a_grace_time_that_is_too_short_to_be_meant_is_a_warning() {
    let config = parse("interval = \"10s\"\ngrace = \"29s\"").unwrap();
    assert_eq!(config.warnings.len(), 1);
    assert!(
        config.warnings[0].contains("less than three intervals"),
        "{:?}",
        config.warnings
    );
}

mod sources;

#[test]
fn what_is_to_be_seen_and_kept_has_places() {
    let config = parse("status = \"[::1]:9687\"\nstate = \"/var/lib/sasp-ctl/gwm.json\"").unwrap();
    assert_eq!(config.status, "[::1]:9687".parse().ok());
    assert_eq!(
        config.state.as_deref(),
        Some(Path::new("/var/lib/sasp-ctl/gwm.json"))
    );
    for (line, reason) in [
        ("status = \"9687\"", "as in \"127.0.0.1:9687\""),
        ("state = \"gwm.json\"", "no absolute path of a file"),
        ("state = \"/\"", "no absolute path of a file"),
    ] {
        let refused = parse(line).unwrap_err();
        assert!(
            refused.starts_with("gwm.toml:1: ") && refused.contains(reason),
            "{refused}"
        );
    }
}
