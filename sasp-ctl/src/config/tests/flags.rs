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
                forward: Some("grey".to_owned()),
                ..flags(&[vip], &[])
            },
            "--forward grey: ",
            "unknown",
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

/// The members that each of the services gets.
fn placed(vips: &[&str], members: &[&str], forward: Option<&str>) -> Vec<Vec<String>> {
    let flags = Flags {
        forward: forward.map(str::to_owned),
        ..flags(vips, members)
    };
    let config = load("balancer.full_nat.addresses = ['10.9.9.9']", &flags).unwrap();
    let services = config.services.iter();
    services
        .map(|service| {
            let members = service.members.iter();
            members.map(|member| member.key.to_string()).collect()
        })
        .collect()
}

#[test]
fn a_member_goes_where_the_mode_lets_it() {
    let both = ["203.0.113.10:80/tcp=F", "[2001:db8::10]:80/tcp=F"];
    let [v4, v6] = ["10.0.0.1:80", "[2001:db8::1]:80"].map(|key| vec![key.to_owned()]);
    let members = ["F=10.0.0.1:80", "F=[2001:db8::1]:80"];
    assert_eq!(
        placed(&both, &members, Some("ipip")),
        [v4.clone(), v6.clone()]
    );
    // Nobody of its family is there.
    let v4_only = ["203.0.113.10:80/tcp=F", "203.0.113.11:80/tcp=F"];
    assert_eq!(
        placed(&v4_only, &members[1..], Some("ipip")),
        [v6.clone(), v6]
    );
    let refused = load(
        "",
        &Flags {
            forward: Some("nat".to_owned()),
            ..flags(&v4_only, &members[1..])
        },
    );
    assert!(refused.unwrap_err().contains("fits no service"));
    // Another port.
    let two = ["203.0.113.10:80/tcp=F", "203.0.113.10:81/tcp=F"];
    let translated = placed(&two, &["F=10.0.0.1:80"], Some("full-nat"));
    assert_eq!(translated, [v4.clone(), v4]);
    // Every port.
    let wide = [
        "203.0.113.10:80/tcp=F",
        "203.0.113.10:0/tcp=F",
        "203.0.113.10=F",
    ];
    let system = vec!["10.0.0.2".to_owned()];
    for key in ["F=10.0.0.2", "F=10.0.0.2:0"] {
        assert_eq!(
            placed(&wide, &[key], None),
            [vec![], system.clone(), system.clone()]
        );
    }
}

#[test]
fn the_flag_replaces_the_mode_of_members_too() {
    let text = GOOD.replace("weight = 10", "forward = \"gre\"");
    let flags = Flags {
        forward: Some("ipip".to_owned()),
        ..Flags::default()
    };
    let config = load(&text, &flags).unwrap();
    let modes = config.services[0]
        .members
        .iter()
        .map(|member| member.forward);
    assert!(modes.eq([Forward::Ipip; 2]));
}
