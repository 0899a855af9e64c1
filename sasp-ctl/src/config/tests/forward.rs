//! Forwarding modes, VIPs of many ports, and what else the packet path is told.

use super::*;
use crate::balance::spec::QuicLb;

/// A file of one or more services; `{}` is left out.
fn file(balancer: &str, services: &[&str]) -> String {
    let mut text = format!("[balancer]\nuid = \"u\"\n{balancer}\n");
    for service in services {
        text.push_str(&format!("[[service]]\ngroup = \"F\"\n{service}\n"));
    }
    text
}

fn good(balancer: &str, services: &[&str]) -> Config {
    load(&file(balancer, services), &Flags::default()).unwrap()
}

fn refused(balancer: &str, services: &[&str]) -> String {
    let text = file(balancer, services);
    match load(&text, &Flags::default()) {
        Err(reason) => reason,
        Ok(_) => panic!("accepted: {text}"),
    }
}

/// Each has all of the words in its refusal.
fn all_refused(rows: &[(&str, &[&str], &[&str])]) {
    for (balancer, services, words) in rows {
        let reason = refused(balancer, services);
        assert!(
            reason.starts_with("edge.toml:") && !reason.contains('\n'),
            "{reason}"
        );
        for word in *words {
            assert!(reason.contains(word), "{services:?}: {reason}");
        }
    }
}

const POOL: &str = "full_nat = { addresses = [\"10.0.0.250\", \"2001:db8::250\"] }";

#[test]
fn a_member_may_have_a_mode_of_its_own_and_tunnels_carry_either_family() {
    let config = good(
        "",
        &[
            "vip = '203.0.113.10:80/tcp'\nforward = 'gue'\nself_registered = ['2001:db8::/32']\nmembers = [ { address = '10.0.0.1:80' }, { address = '[2001:db8::1]:80' }, { address = '[2001:db8::2]:80', forward = 'dsr' }, { address = '10.0.0.2:8080', forward = 'nat' } ]",
        ],
    );
    let service = &config.services[0];
    assert_eq!(service.forward, Forward::Gue);
    let modes: Vec<_> = service
        .members
        .iter()
        .map(|member| member.forward)
        .collect();
    assert_eq!(
        modes,
        [Forward::Gue, Forward::Gue, Forward::Dsr, Forward::Nat]
    );
}

#[test]
fn every_mode_has_a_name_in_the_file() {
    for mode in Forward::ALL {
        let service = format!(
            "vip = '203.0.113.10:80/tcp'\nforward = '{}'\nmembers = [ {{ address = '10.0.0.1:80' }} ]",
            mode.name()
        );
        let config = good(POOL, &[&service]);
        assert_eq!(config.services[0].members[0].forward, mode);
    }
}

#[test]
fn modes_that_keep_the_port_refuse_another_one() {
    for mode in ["dsr", "ipip", "gue", "gre"] {
        let service = format!(
            "vip = '203.0.113.10:80/tcp'\nforward = '{mode}'\nmembers = [ {{ address = '10.0.0.1:8080' }} ]"
        );
        let reason = refused("", &[&service]);
        assert!(reason.starts_with("edge.toml:8: "), "{reason}");
        assert!(
            reason.contains(&format!("{mode} does not translate ports")),
            "{reason}"
        );
    }
}

#[test]
fn vips_of_many_ports_have_members_without_one() {
    for (vip, members, shown) in [
        (
            "203.0.113.10:0/tcp",
            ["10.0.0.1", "10.0.0.2:0"],
            ["10.0.0.1", "10.0.0.2"],
        ),
        (
            "203.0.113.10:0/udp",
            ["10.0.0.1:0/udp", "10.0.0.2"],
            ["10.0.0.1", "10.0.0.2"],
        ),
        (
            "203.0.113.10",
            ["10.0.0.1", "10.0.0.2:0"],
            ["10.0.0.1", "10.0.0.2"],
        ),
        (
            "[2001:db8::10]:0/tcp",
            ["2001:db8::1:0", "[2001:db8::2]:0"],
            ["2001:db8::1:0", "2001:db8::2"],
        ),
        (
            "2001:db8::10",
            ["[2001:db8::1]", "2001:db8::2"],
            ["2001:db8::1", "2001:db8::2"],
        ),
    ] {
        let [a, b] = members;
        let service =
            format!("vip = '{vip}'\nmembers = [ {{ address = '{a}' }}, {{ address = '{b}' }} ]");
        let config = good("", &[&service]);
        let service = &config.services[0];
        assert_eq!(endpoint::format_vip(service.vip, service.protocol), vip);
        assert_eq!((service.vip.port(), service.member_protocol()), (0, 0));
        for (member, shown) in service.members.iter().zip(shown) {
            // SASP knows servers with a port and a protocol, and with neither.
            assert_eq!((member.key.port, member.key.protocol), (0, 0));
            assert_eq!(member.key.to_string(), shown);
        }
    }
}

#[test]
fn vips_of_one_address_may_overlap() {
    let services = [
        "203.0.113.10:80/tcp",
        "203.0.113.10:0/tcp",
        "203.0.113.10:0/udp",
        "203.0.113.10",
    ]
    .map(|vip| format!("vip = '{vip}'"));
    let services: Vec<_> = services.iter().map(String::as_str).collect();
    let config = good("", &services);
    let idle = config.services.iter().map(|service| service.idle.as_secs());
    assert!(idle.eq([900, 900, 60, 900]));
}

#[test]
fn a_group_with_members_of_both_kinds_is_a_warning_where_a_gwm_may_refuse_it() {
    let services = [
        "vip = '203.0.113.10:80/tcp'",
        "vip = '203.0.113.10:0/tcp'\nmembers = [ { address = '10.0.0.1' } ]",
        "vip = '203.0.113.10'\nmembers = [ { address = '10.0.0.1' } ]",
    ];
    let warned = |balancer: &str, services: &[&str]| {
        let config = good(balancer, services);
        let warnings = config.warnings.into_iter();
        let groups = warnings.filter(|warning| warning.contains("a group of its own"));
        groups.collect::<Vec<_>>()
    };
    let gwm = "[[gwm]]\naddress = 'g'";
    let [first, _] = &warned(gwm, &services)[..] else {
        panic!("one for each of the VIPs without a port")
    };
    assert!(
        first.starts_with("edge.toml:10: ") && first.contains("line 7"),
        "{first}"
    );
    assert!(warned("", &services).is_empty());
    assert!(warned(gwm, &services[1..]).is_empty());
}

#[test]
fn members_that_do_not_fit_a_vip_of_many_ports_are_refused() {
    let member = |vip: &str, address: &str| {
        format!("vip = '{vip}'\nmembers = [ {{ address = '{address}' }} ]")
    };
    for (vip, address, word) in [
        (
            "203.0.113.10:0/tcp",
            "10.0.0.1:80",
            "write the address alone",
        ),
        ("203.0.113.10", "10.0.0.1:80/udp", "write the address alone"),
        ("203.0.113.10:0/tcp", "10.0.0.1:0/udp", "differ in protocol"),
        ("203.0.113.10", "10.0.0.1:0/tcp", "differ in protocol"),
        ("203.0.113.10:80/tcp", "10.0.0.1", "write ADDR:PORT"),
    ] {
        let reason = refused("", &[&member(vip, address)]);
        assert!(
            reason.starts_with("edge.toml:7: ") && reason.contains(word),
            "{vip} {address}: {reason}"
        );
    }
}

#[test]
fn full_nat_cannot_serve_a_system_level_vip_and_nat_for_every_port_is_a_warning() {
    let service = "vip = '203.0.113.10'\nforward = 'full-nat'";
    all_refused(&[
        (
            POOL,
            &[service],
            &["edge.toml:7: ", "203.0.113.10:0/tcp and /udp"],
        ),
        (
            POOL,
            &[
                "vip = '2001:db8::10'\nmembers = [ { address = '2001:db8::1', forward = 'full-nat' } ]",
            ],
            &[
                "edge.toml:7: ",
                "full-nat cannot serve the system-level VIP 2001:db8::10",
            ],
        ),
    ]);
    let config = good(
        "",
        &["vip = '203.0.113.10'\nmembers = [ { address = '10.0.0.1', forward = 'nat' } ]"],
    );
    assert!(config.warnings[0].contains("their own connections too"));
}

fn by_nat(vip: &str, member: &str) -> String {
    format!("vip = '{vip}'\nforward = 'nat'\nmembers = [ {{ address = '{member}' }} ]")
}

#[test]
fn replies_that_could_belong_to_two_vips_are_refused() {
    for [(vip, member), (other_vip, other)] in [
        [
            ("203.0.113.10:80/tcp", "10.0.0.1:80"),
            ("203.0.113.11:80/tcp", "10.0.0.1:80"),
        ],
        [
            ("203.0.113.10:80/tcp", "10.0.0.1:80"),
            ("203.0.113.10:81/tcp", "10.0.0.1:80"),
        ],
        [
            ("203.0.113.10:0/tcp", "10.0.0.1"),
            ("203.0.113.11:0/tcp", "10.0.0.1"),
        ],
        [
            ("203.0.113.10:80/tcp", "10.0.0.1:80"),
            ("203.0.113.11:0/tcp", "10.0.0.1"),
        ],
        [
            ("203.0.113.10:81/tcp", "10.0.0.1:80"),
            ("203.0.113.10:0/tcp", "10.0.0.1"),
        ],
        [
            ("203.0.113.10", "10.0.0.1"),
            ("203.0.113.11:0/udp", "10.0.0.1"),
        ],
    ] {
        let reason = refused("", &[&by_nat(vip, member), &by_nat(other_vip, other)]);
        for word in [vip, other_vip, "line ", "\"full-nat\""] {
            assert!(reason.contains(word), "{reason}");
        }
    }
}

#[test]
fn replies_that_tell_their_vip_are_fine() {
    for [(vip, member), (other_vip, other)] in [
        [
            ("203.0.113.10:80/tcp", "10.0.0.1:80"),
            ("203.0.113.10:80/udp", "10.0.0.1:80"),
        ],
        [
            ("203.0.113.10:80/tcp", "10.0.0.1:80"),
            ("203.0.113.11:80/tcp", "10.0.0.1:81"),
        ],
        [
            ("203.0.113.10:80/tcp", "10.0.0.1:80"),
            ("203.0.113.10:0/tcp", "10.0.0.1"),
        ],
        [
            ("203.0.113.10", "10.0.0.1"),
            ("203.0.113.10:0/udp", "10.0.0.1"),
        ],
        [
            ("203.0.113.11:0/tcp", "10.0.0.1"),
            ("203.0.113.10:80/udp", "10.0.0.1:80"),
        ],
    ] {
        good("", &[&by_nat(vip, member), &by_nat(other_vip, other)]);
    }
    // The other modes need no reply.
    let direct = by_nat("203.0.113.11:80/tcp", "10.0.0.1:80").replace("'nat'", "'ipip'");
    good(
        "",
        &[&by_nat("203.0.113.10:80/tcp", "10.0.0.1:80"), &direct],
    );
}

const BY_FULL_NAT: &str = "vip = '203.0.113.10:80/tcp'\nforward = 'full-nat'\nmembers = [ { address = '10.0.0.1:8080' } ]";

#[test]
fn full_nat_has_its_addresses_and_ports() {
    let config = good(POOL, &[BY_FULL_NAT]);
    let pool = config.globals.pool.unwrap();
    assert_eq!((pool.v4.len(), pool.v6.len()), (1, 1));
    assert_eq!(pool.ports, 1024..=32767);
    for (typed, ports) in [
        ("2000-2999", 2000..=2999),
        ("7", 7..=7),
        ("1-65535", 1..=65535),
    ] {
        let balancer = format!("full_nat = {{ addresses = ['10.0.0.250'], ports = '{typed}' }}");
        assert_eq!(
            good(&balancer, &[BY_FULL_NAT]).globals.pool.unwrap().ports,
            ports
        );
    }
    let unused = good(POOL, &[]);
    assert!(unused.warnings[0].contains("no member is reached by full-nat"));
}

#[test]
fn mistakes_about_full_nat_are_refused() {
    let many: Vec<_> = (0..17).map(|i| format!("'10.1.0.{}'", i + 1)).collect();
    let many = format!("full_nat.addresses = [{}]", many.join(", "));
    let v6 = "vip = '[2001:db8::10]:80/tcp'\nmembers = [ { address = '[2001:db8::1]:80', forward = 'full-nat' } ]";
    let registered =
        "vip = '203.0.113.10:80/tcp'\nforward = 'full-nat'\nself_registered = ['10.0.0.0/8']";
    all_refused(&[
        (
            "",
            &[BY_FULL_NAT],
            &[
                "toml:7: ",
                "needs an IPv4 source address",
                "`full_nat.addresses`",
            ],
        ),
        (
            "",
            &[registered],
            &["toml:7: ", "needs an IPv4 source address"],
        ),
        (
            "full_nat.addresses = ['10.0.0.250']",
            &[v6],
            &["toml:7: ", "needs an IPv6 source address"],
        ),
        ("full_nat.addresses = []", &[], &["toml:3: ", "is empty"]),
        (
            "full_nat.ports = '1-2'",
            &[],
            &["toml:3: ", "`addresses` is missing"],
        ),
        (
            "full_nat.addresses = ['10.0.0.250', '10.0.0.250']",
            &[],
            &["toml:3: ", "stands twice"],
        ),
        (
            "full_nat.addresses = ['10.0.0.0/24']",
            &[],
            &["toml:3: ", "not a unicast IP address"],
        ),
        (
            "full_nat.addresses = ['224.0.0.1']",
            &[],
            &["toml:3: ", "not a unicast IP address"],
        ),
        (
            "full_nat.addresses = ['::']",
            &[],
            &["toml:3: ", "not a unicast IP address"],
        ),
        (
            "full_nat.addresses = ['febf::1']",
            &[],
            &["toml:3: ", "link-local", "unique local"],
        ),
        (&many, &[], &["toml:3: ", "more than 16 addresses"]),
        (
            "full_nat.addresses = ['203.0.113.10']",
            &[BY_FULL_NAT],
            &["toml:3: ", "is a VIP or a member's address"],
        ),
        (
            "full_nat.addresses = ['10.0.0.1']",
            &[BY_FULL_NAT],
            &["toml:3: ", "is a VIP or a member's address"],
        ),
        (
            "full_nat = { addresses = ['10.0.0.250'], ports = '0-9' }",
            &[],
            &["toml:3: ", "FIRST-LAST"],
        ),
        (
            "full_nat = { addresses = ['10.0.0.250'], ports = '9-8' }",
            &[],
            &["toml:3: ", "FIRST-LAST"],
        ),
        (
            "full_nat = { addresses = ['10.0.0.250'], ports = '1-65536' }",
            &[],
            &["toml:3: ", "FIRST-LAST"],
        ),
        (
            "full_nat = { addresses = ['10.0.0.250'], ports = '+1-9' }",
            &[],
            &["toml:3: ", "FIRST-LAST"],
        ),
    ]);
}

#[test]
fn limits_of_the_packet_path_are_taken_over_and_bounded() {
    let limits =
        "limits = { translations = 4096, remembered_per_second = 0, too_big_per_second = 5 }";
    let config = good(limits, &[]);
    assert_eq!(config.balancer.limits.translations, 4096);
    let globals = (
        config.globals.flows_per_second,
        config.globals.too_big_per_second,
    );
    assert_eq!(globals, (0, 5));
    let defaults = good("", &[]).globals;
    assert_eq!(
        (defaults.flows_per_second, defaults.too_big_per_second),
        (1000, 1000)
    );
    all_refused(&[
        (
            "limits.translations = 1",
            &[],
            &["toml:3: ", "1024 to 16777216"],
        ),
        (
            "limits.remembered_per_second = -1",
            &[],
            &["toml:3: ", "0 to 10000000"],
        ),
        (
            "limits.too_big_per_second = 10000001",
            &[],
            &["toml:3: ", "0 to 10000000"],
        ),
    ]);
}

#[test]
fn a_full_map_of_flows_is_not_rolled_over_within_the_idle_time_of_udp() {
    let flows = u64::from(crate::datapath::Sizes::default().flows);
    let seconds = flows / u64::from(settings::REMEMBERED_PER_SECOND);
    assert!(seconds >= settings::IDLE_UDP.as_secs(), "{seconds}");
}

#[test]
fn clients_are_allowed_and_denied_by_prefix() {
    let config = good(
        "",
        &[
            "vip = '203.0.113.10:80/tcp'\nallow = ['198.51.100.0/24']\ndeny = ['198.51.100.7', '198.51.100.128/25']",
        ],
    );
    let sources = &config.services[0].sources;
    assert_eq!(sources.allow, ["198.51.100.0/24".parse().unwrap()]);
    assert_eq!(
        sources.deny,
        [
            "198.51.100.7/32".parse().unwrap(),
            "198.51.100.128/25".parse().unwrap()
        ]
    );
    let with = |keys: &str| format!("vip = '203.0.113.10:80/tcp'\n{keys}");
    for (keys, words) in [
        (
            "allow = ['10.0.0.0/8']\ndeny = ['10.0.0.0/8']",
            ["toml:8: ", "line 7"],
        ),
        (
            "deny = ['10.0.0.1', '10.0.0.1/32']",
            ["toml:7: ", "stands twice"],
        ),
        (
            "allow = ['2001:db8::/32']",
            ["toml:7: ", "differ in address family"],
        ),
        (
            "deny = ['10.0.0.1/8']",
            ["toml:7: ", "write \"10.0.0.0/8\""],
        ),
    ] {
        all_refused(&[("", &[&with(keys)], &words)]);
    }
}

#[test]
fn more_prefixes_than_the_map_holds_are_refused() {
    let prefixes: Vec<_> = (0..=16384)
        .map(|i| format!("'10.{}.{}.0/24'", i / 256, i % 256))
        .collect();
    let service = format!(
        "vip = '203.0.113.10:80/tcp'\ndeny = [{}]",
        prefixes.join(", ")
    );
    all_refused(&[("", &[&service], &["toml:6: ", "more than 16384 prefixes"])]);
}

fn quic(keys: &str, members: &str) -> String {
    format!("vip = '203.0.113.10:443/udp'\n{keys}\nmembers = [ {members} ]")
}

const QUIC_LB: &str = "quic = true\nquic_lb = { config_id = 6, server_id_length = 2 }";

#[test]
fn connection_ids_of_quic_may_name_members() {
    let service = quic(
        QUIC_LB,
        "{ address = '10.0.0.1:443', server_id = '00aF' }, { address = '10.0.0.2:443' }",
    );
    let config = good("", &[&service]);
    let service = &config.services[0];
    let wanted = QuicLb {
        config_id: 6,
        server_id_len: 2,
    };
    assert_eq!(service.quic_lb, Some(wanted));
    assert_eq!(service.members[0].server_id, Some(vec![0x00, 0xaf]));
    assert_eq!(service.members[1].server_id, None);
    let idle = good("", &[&quic(QUIC_LB, "{ address = '10.0.0.1:443' }")]);
    assert!(idle.warnings[0].contains("no member has a `server_id`"));
}

#[test]
fn mistakes_about_quic_are_refused() {
    let member = "{ address = '10.0.0.1:443', server_id = '00a1' }";
    let twins = format!("{member},\n{{ address = '10.0.0.2:443', server_id = '00A1' }}");
    for (service, words) in [
        (quic("", member), ["toml:8: ", "without `quic_lb`"]),
        (
            quic("quic_lb = { config_id = 0, server_id_length = 2 }", member),
            ["toml:7: ", "add `quic = true`"],
        ),
        (
            quic(
                "quic = true\nquic_lb = { config_id = 7, server_id_length = 2 }",
                member,
            ),
            ["toml:8: ", "0 to 6"],
        ),
        (
            quic(
                "quic = true\nquic_lb = { config_id = 0, server_id_length = 9 }",
                member,
            ),
            ["toml:8: ", "1 to 8"],
        ),
        (
            quic("quic = true\nquic_lb = { config_id = 0 }", member),
            ["toml:8: ", "`server_id_length` is missing"],
        ),
        (
            quic(
                "quic = true\nquic_lb = { config_id = 0, server_id_length = 3 }",
                member,
            ),
            ["toml:9: ", "6 hexadecimal digits"],
        ),
        (
            quic(QUIC_LB, &member.replace("00a1", "00g1")),
            ["toml:9: ", "4 hexadecimal digits"],
        ),
        (
            quic(QUIC_LB, &member.replace("00a1", "00a1b")),
            ["toml:9: ", "4 hexadecimal digits"],
        ),
        (quic(QUIC_LB, &twins), ["toml:10: ", "names two members"]),
        (
            "vip = '203.0.113.10'\nquic = true".to_owned(),
            ["toml:7: ", "not udp"],
        ),
    ] {
        all_refused(&[("", &[&service], &words)]);
    }
}
