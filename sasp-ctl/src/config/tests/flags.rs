//! What the command line adds.

use super::*;

#[test]
fn flags_alone_make_a_config() {
    let config = load(
        "",
        &Flags {
            gwms: strings(&["192.0.2.1:4000"]),
            ..flags(
                &["203.0.113.10:80/tcp=A=B", "[2001:db8::10]:80/tcp=A=B"],
                &["A=B=10.0.0.1:80@7", "A=B=[2001:db8::1]:80"],
            )
        },
    )
    .unwrap();
    assert_eq!(config.gwms[0].address.port, 4000);
    let shape: Vec<_> = config
        .services
        .iter()
        .map(|service| {
            let members: Vec<_> = service
                .members
                .iter()
                .map(|member| (member.key.to_string(), member.weight))
                .collect();
            (service.group.to_string(), members)
        })
        .collect();
    // The group's name ends at the first equals sign of --vip and at the last of --member.
    assert_eq!(
        shape,
        [
            ("A=B".to_owned(), vec![("10.0.0.1:80".to_owned(), 7)]),
            ("A=B".to_owned(), vec![("[2001:db8::1]:80".to_owned(), 1)]),
        ]
    );
}

#[test]
fn flags_add_to_a_file_and_override_it() {
    let config = load(
        GOOD,
        &Flags {
            gwms: strings(&["other"]),
            ..flags(
                &["203.0.113.11:443/tcp=FARM1"],
                &["FARM1=10.0.0.3:80", "FARM1=10.0.0.3:443"],
            )
        },
    )
    .unwrap();
    assert_eq!(config.balancer.uid.as_bytes(), b"u");
    assert_eq!(config.gwms[0].address.host, "other");
    let counts: Vec<_> = config
        .services
        .iter()
        .map(|service| service.members.len())
        .collect();
    assert_eq!(counts, [3, 1]);
}

#[test]
fn a_mistake_in_a_flag_names_the_flag() {
    let vip = "203.0.113.10:80/tcp=F";
    for (flags, flag, word) in [
        (
            flags(&["203.0.113.10:80/tcp"], &[]),
            "--vip 203.0.113.10:80/tcp: ",
            "no group",
        ),
        (
            flags(&["203.0.113.10:80=F"], &[]),
            "--vip 203.0.113.10:80=F: ",
            "no protocol",
        ),
        (
            flags(&["203.0.113.10:80/tcp="], &[]),
            "--vip 203.0.113.10:80/tcp=: ",
            "group name",
        ),
        (
            flags(&[vip, vip], &[]),
            "--vip 203.0.113.10:80/tcp=F: ",
            "twice",
        ),
        (
            flags(&[vip], &["10.0.0.1:80"]),
            "--member 10.0.0.1:80: ",
            "no group",
        ),
        (
            flags(&[vip], &["G=10.0.0.1:80"]),
            "--member G=10.0.0.1:80: ",
            "no service has the group",
        ),
        (
            flags(&[vip], &["F=10.0.0.1:80@x"]),
            "--member F=10.0.0.1:80@x: ",
            "weight",
        ),
        (
            flags(&[vip], &["F=10.0.0.1:80@70000"]),
            "--member F=10.0.0.1:80@70000: ",
            "65535",
        ),
        (
            flags(&[vip], &["F=10.0.0.1:81"]),
            "--member F=10.0.0.1:81: ",
            "ports",
        ),
        (
            flags(&[vip, "203.0.113.10:81/tcp=F"], &["F=10.0.0.1:82"]),
            "--member F=10.0.0.1:82: ",
            "fits no service",
        ),
        (
            Flags {
                gwms: strings(&["a b"]),
                ..flags(&[vip], &[])
            },
            "--gwm a b: ",
            "GWM address",
        ),
        (
            Flags {
                uid: Some("u".repeat(65)),
                ..flags(&[vip], &[])
            },
            "--uid uuu",
            "64 bytes",
        ),
        (
            Flags {
                forward: Some("gre".to_owned()),
                ..flags(&[vip], &[])
            },
            "--forward gre: ",
            "not available",
        ),
    ] {
        let refused = load("", &flags).unwrap_err();
        assert!(refused.starts_with(flag), "{refused}");
        assert!(refused.contains(word), "{refused}");
    }
}

#[test]
fn a_conflict_between_file_and_flag_names_both_places() {
    let refused = load(GOOD, &flags(&["203.0.113.10:80/tcp=F2"], &[])).unwrap_err();
    assert!(refused.starts_with("--vip "), "{refused}");
    assert!(refused.contains("line 7"), "{refused}");
}
