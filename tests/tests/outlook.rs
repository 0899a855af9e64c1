//! What `check-config` and `reload` say of this host before packets find out. Needs root.

use std::process::Output;

use tests::lab::balancer::{Balancer, sasp_ctl, write_config};
use tests::lab::config;
use tests::lab::namespace::sysctl;
use tests::lab::site::{Host, Site, VIP4};

/// A member for each thing that can be wrong with the way to it, and the sentence about it.
const WRONG: [(&str, &str); 4] = [
    (
        "10.77.0.2:80",
        "member 10.77.0.2:80: behind gateway 192.0.2.77: dsr needs it on the same segment",
    ),
    ("10.88.0.2:80", "member 10.88.0.2: no next hop: no route"),
    (
        "10.99.0.1:80",
        "member 10.99.0.1: no next hop: an address of this host",
    ),
    (
        "10.99.0.2:80",
        "member 10.99.0.2: no next hop: its route leaves by aside, which is not attached: attach to aside too",
    ),
];

/// Without a GWM there is nothing else to warn of.
const BALANCER: &str = "[balancer]\nuid = \"edge-1\"\n";

/// A segment, and beside it an interface that leads elsewhere.
fn site() -> Site {
    let site = Site::new(1).unwrap();
    site.edge
        .namespace
        .ip("link add aside type veth peer name beyond\n\
             link set aside up\n\
             link set beyond up\n\
             addr add 10.99.0.1/24 dev aside\n\
             route add 10.77.0.0/24 via 192.0.2.77 dev eth0")
        .unwrap();
    site
}

fn wrong(site: &Site) -> String {
    let own = site.members[0].address_for((VIP4, 80).into());
    let members = WRONG
        .iter()
        .map(|(address, _)| format!("{{ address = \"{address}\" }}"));
    let members = members.collect::<Vec<_>>().join(", ");
    let members = format!("{{ address = \"{own}\" }}, {members}");
    format!(
        "{BALANCER}{}",
        config::service_of("FARM1", (VIP4, 80).into(), "tcp", &members, "")
    )
}

fn check(site: &Site, host: &Host, flags: &[&str]) -> Output {
    let mut command = site.sasp_ctl(host).unwrap();
    command
        .args(["check-config"])
        .arg(site.file("sasp-ctl.toml"));
    command.args(flags).output().unwrap()
}

/// The lines that begin with `warning: `, without that.
fn warnings(text: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(text);
    let lines = text
        .lines()
        .filter_map(|line| line.strip_prefix("warning: "));
    lines.map(str::to_owned).collect()
}

fn sentences() -> Vec<String> {
    let mut sentences: Vec<_> = WRONG.iter().map(|(_, told)| (*told).to_owned()).collect();
    // Those without a next hop first.
    sentences.rotate_left(1);
    sentences
}

#[test]
fn a_good_file_is_held_against_the_host_that_it_is_for() {
    let site = site();
    write_config(&site, &wrong(&site)).unwrap();
    let checked = check(&site, &site.edge, &["--interface", "eth0"]);
    assert!(checked.status.success(), "{checked:?}");
    assert_eq!(warnings(&checked.stdout), sentences());
    let anywhere = check(&site, &site.edge, &[]);
    let mut but_one = sentences();
    but_one.retain(|line| !line.contains("aside"));
    assert_eq!(warnings(&anywhere.stdout), but_one);
    let offline = check(&site, &site.edge, &["--offline"]);
    assert_eq!(warnings(&offline.stdout), [""; 0]);
    let unknown = check(&site, &site.edge, &["--interface", "none0"]);
    assert_eq!(unknown.status.code(), Some(1));
}

#[test]
fn nobody_in_particular_may_look_and_the_hosts_settings_are_looked_at_too() {
    let site = site();
    let members = format!(
        "{{ address = \"{}\" }}",
        site.members[0].address_for((VIP4, 80).into())
    );
    let nat = config::service_of(
        "FARM1",
        (VIP4, 80).into(),
        "tcp",
        &members,
        "forward = \"nat\"",
    );
    write_config(&site, &nat).unwrap();
    let set = || {
        sysctl("net/ipv4/conf/eth0/forwarding", "0")?;
        sysctl("net/ipv4/conf/all/accept_local", "0")
    };
    site.edge.namespace.inside(set).unwrap().unwrap();
    let own = site.sasp_ctl(&site.edge).unwrap();
    let mut command = site.edge.namespace.command("setpriv").unwrap();
    command.args(["--bounding-set=-all", "--inh-caps=-all"]);
    command.arg(own.get_program()).args(["check-config"]);
    let output = command.arg(site.file("sasp-ctl.toml")).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let told = warnings(&output.stdout);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].contains("does not forward there"), "{told:?}");
    assert!(told[1].contains("is an address of this host"), "{told:?}");
}

#[test]
fn a_reload_tells_whoever_asked_which_members_get_no_packets() {
    let site = site();
    let service = config::service(&site, "FARM1", (VIP4, 80).into(), &[], "");
    let good = BALANCER.to_owned() + &service;
    let _balancer = Balancer::attach(&site, &good, &[]).unwrap();
    let quiet = sasp_ctl(&site, &["reload"]).unwrap();
    let printed = (&quiet.stdout[..], &quiet.stderr[..]);
    assert_eq!(printed, (&b"reloaded\n"[..], &b""[..]));
    write_config(&site, &wrong(&site)).unwrap();
    let reloaded = sasp_ctl(&site, &["reload"]).unwrap();
    assert_eq!(reloaded.stdout, b"reloaded\n");
    assert_eq!(warnings(&reloaded.stderr), sentences());
}
