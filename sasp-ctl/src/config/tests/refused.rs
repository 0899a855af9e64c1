//! Numbers beyond what they may be, and members that lead back here.

use super::*;

fn service(vip: &str, member: &str) -> String {
    format!("[[service]]\ngroup = 'F'\nvip = '{vip}'\nmembers = [ {{ address = '{member}' }} ]\n")
}

fn refused(text: &str) -> String {
    let reason = load(text, &Flags::default()).expect_err(text);
    assert!(reason.starts_with("edge.toml:"), "{reason}");
    reason
}

#[test]
fn a_member_at_the_address_of_a_vip_is_refused_whatever_its_port() {
    let fine = service("203.0.113.10:80/tcp", "10.0.0.1:80");
    for (vip, member) in [
        ("203.0.113.11:80/tcp", "203.0.113.10:80"),
        ("203.0.113.11:81/tcp", "203.0.113.10:81"),
        ("203.0.113.11", "203.0.113.10"),
    ] {
        let reason = refused(&(fine.clone() + &service(vip, member)));
        let what = format!("edge.toml:8: the member {member} is at the address of a VIP");
        assert!(reason.starts_with(&what), "{reason}");
        assert!(reason.contains("the server's own address"), "{reason}");
    }
    let v6 = service("[2001:db8::10]:53/udp", "[2001:db8::11]:53")
        + &service("[2001:db8::11]:53/tcp", "[2001:db8::12]:53");
    assert!(refused(&v6).contains("address of a VIP (at line 7)"));
}

#[test]
fn a_seed_is_any_64_bits_and_one_beyond_is_told_the_range() {
    let with = |seed: &str| format!("[balancer]\nuid = 'u'\nhash_seed = {seed}\n");
    for (typed, seed) in [
        ("18446744073709551615", u64::MAX),
        ("-9223372036854775808", 1 << 63),
        ("0x5a5a", 0x5a5a),
    ] {
        let config = load(&with(typed), &Flags::default()).unwrap();
        assert_eq!(config.balancer.hash_seed, Some(seed), "{typed}");
    }
    for typed in ["18446744073709551616", "-9223372036854775809"] {
        assert_eq!(
            refused(&with(typed)),
            format!(
                "edge.toml:3: {typed} is out of range: -9223372036854775808 to 18446744073709551615"
            )
        );
    }
}

#[test]
fn a_number_beyond_64_bits_is_told_the_range() {
    for typed in ["9223372036854775808", "-9223372036854775809"] {
        let reason = refused(&format!("[balancer]\nlimits.flows = {typed}\n"));
        let what = format!(
            "edge.toml:2: {typed} is out of range for a whole number: -9223372036854775808 to"
        );
        assert!(reason.starts_with(&what), "{reason}");
    }
}
