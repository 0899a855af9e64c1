//! Several GWMs, and members that register themselves.

use super::*;

#[test]
fn several_gwms_stand_in_the_order_of_their_priority() {
    let gwm = |address: &str, more: &str| format!("[[gwm]]\naddress = \"{address}\"\n{more}\n");
    let text = format!(
        "balancer = {{ uid = \"u\", combine = \"mean\", fail_back = \"1m\" }}\n{}{}{}",
        gwm("c", "priority = 20"),
        gwm("a", ""),
        gwm("b", "priority = 10")
    );
    let order = |flags: &Flags| {
        let config = load(&text, flags).unwrap();
        let gwms = config.gwms.iter();
        gwms.map(|gwm| (gwm.address.host.clone(), gwm.priority))
            .collect::<Vec<_>>()
    };
    let named = |name: &str, priority| (name.to_owned(), priority);
    assert_eq!(
        order(&Flags::default()),
        [named("a", 2), named("b", 10), named("c", 20)]
    );
    let flags = Flags {
        gwms: strings(&["x", "y"]),
        ..Flags::default()
    };
    assert_eq!(
        order(&flags),
        [named("y", 2), named("x", 20)],
        "flags keep the file's settings and leave out its third"
    );
    let balancer = load(&text, &Flags::default()).unwrap().balancer;
    assert_eq!(balancer.combine, Combine::Mean);
    assert_eq!(balancer.fail_back, Duration::from_secs(60));
}

#[test]
fn more_gwms_than_anybody_has_are_refused() {
    let text: String = (0..17)
        .map(|number| format!("[[gwm]]\naddress = \"g{number}\"\n"))
        .collect();
    let refused = load(&text, &flags(&[], &[])).unwrap_err();
    assert!(refused.contains("more than 16"), "{refused}");
}

#[test]
fn self_registration_needs_trust_and_a_service_that_takes_it() {
    for (trust, networks, words) in [
        ("", "", None),
        ("trust = true", "", Some("no service takes them")),
        ("trust = false", "\"10.0.0.7\"", Some("`trust = true`")),
        ("", "\"10.0.0.0/8\"", Some("`trust = true`")),
        ("trust = true", "\"10.0.0.0/8\"", None),
    ] {
        let text = format!(
            "balancer.uid = \"u\"\n[[gwm]]\naddress = \"g\"\n{trust}\n[[service]]\ngroup = \"F\"\nvip = \"203.0.113.10:80/tcp\"\nself_registered = [{networks}]\nmembers = [{{ address = \"10.0.0.1:80\" }}]"
        );
        let config = load(&text, &Flags::default()).unwrap();
        match (words, &config.warnings[..]) {
            (None, []) => {}
            (Some(words), [warning]) => assert!(warning.contains(words), "{warning}"),
            (_, warnings) => panic!("{trust} {networks}: {warnings:?}"),
        }
    }
}

#[test]
fn a_service_that_takes_members_in_needs_none_of_its_own() {
    let text = "balancer.uid = \"u\"\n[[gwm]]\naddress = \"g\"\ntrust = true\n[[service]]\ngroup = \"F\"\nvip = \"203.0.113.10:80/tcp\"\nself_registered = [\"10.0.0.0/8\", \"192.0.2.1\"]";
    let config = load(text, &Flags::default()).unwrap();
    let networks: Vec<_> = config.services[0]
        .self_registered
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(networks, ["10.0.0.0/8", "192.0.2.1/32"]);
    assert_eq!(config.warnings, Vec::<String>::new());
}
