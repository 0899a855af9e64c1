//! Members that lead back here.

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

