//! SASP under TLS between the real balancer and the real GWM, while clients are served.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tests::lab::balancer::{done, status};
use tests::lab::config;
use tests::lab::farm::Farm;
use tests::lab::gwm::Gwm;
use tests::lab::http::Load;
use tests::lab::site::VIP4;
use tests::lab::steady::Steady;
use tests::lab::wait::until_true;
use tests::loopback::authority::Authority;

const GROUP: &str = "FARM1";
const DEADLINE: Duration = Duration::from_secs(20);
const VIP: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(VIP4), 80);
const STATIC: [u16; 2] = [1, 1];
const DYNAMIC: [u16; 2] = [1, 3];

/// A GWM that gives [`DYNAMIC`] weights to whoever is `edge-1` by a certificate with this name in it.
fn start_gwm(farm: &Farm, authority: &Authority, certificate: &str) -> Gwm {
    let path = |name: &str| authority.path(name).display().to_string();
    let weights = farm.weights(GROUP, VIP, &DYNAMIC);
    let members: Vec<_> = weights
        .members
        .iter()
        .map(|(member, weight)| format!("{member:?} = {weight}"))
        .collect();
    let config = format!(
        "tls = {{ cert = {:?}, key = {:?}, ca = {:?} }}\n\
         [[balancer]]\nuid = \"edge-1\"\ncertificate = \"{certificate}\"\n\
         [[weights]]\ngroup = \"{GROUP}\"\nsource = \"static\"\nmembers = {{ {} }}\n",
        path("gwm.pem"),
        path("gwm.key"),
        path("ca.pem"),
        members.join(", ")
    );
    Gwm::start_with(&farm.site, &farm.site.gwm, &config).unwrap()
}

/// What `[[gwm]]` of a balancer with this certificate says.
fn config(farm: &Farm, authority: &Authority, name: &str) -> String {
    let path = |name: String| authority.path(&name).display().to_string();
    let tls = format!(
        "tls = {{ ca = {:?}, cert = {:?}, key = {:?} }}",
        path("ca.pem".to_owned()),
        path(format!("{name}.pem")),
        path(format!("{name}.key")),
    );
    config::gwm(&farm.site, &tls) + &config::service(&farm.site, GROUP, VIP, &STATIC, "")
}

fn farm() -> (Farm, Authority) {
    let (farm, authority) = (Farm::new(2).unwrap(), Authority::new());
    authority.issue("gwm", &format!("IP:{}", farm.site.gwm.ipv4()));
    (farm, authority)
}

fn session(farm: &Farm) -> Value {
    status(&farm.site).unwrap()["gwm"].clone()
}

#[test]
fn certificates_are_renewed_on_both_sides_while_traffic_flows() {
    let (mut farm, authority) = farm();
    let gwm = start_gwm(&farm, &authority, "edge-1");
    farm.attach(&config(&farm, &authority, "edge-1"), &[])
        .unwrap();
    farm.await_spread(VIP, &DYNAMIC).unwrap();
    let client = &farm.site.client.namespace;
    let steady = Steady::open(client, VIP, 8).unwrap();
    let load = Load::start(client, VIP, 2, Duration::from_millis(5)).unwrap();
    let before = session(&farm);
    assert_eq!(before["counters"]["connects"], 1, "{before:#}");

    authority.issue("gwm", &format!("IP:{},DNS:renewed", farm.site.gwm.ipv4()));
    until_true(DEADLINE, "the GWM to see its new files", || {
        Ok(gwm.log().contains("new TLS files of this GWM in force"))
    })
    .unwrap();
    authority.issue("edge-1", "DNS:renewed.example.net");
    // The session lives on: what the GWM says by it still arrives.
    let member = farm.site.members[0].address_for(VIP).to_string();
    gwm.ask(&farm.site, &["set", GROUP, &member, "9"]).unwrap();
    farm.await_spread(VIP, &[3, 1]).unwrap();
    let after = session(&farm);
    assert_eq!(after["counters"]["connects"], 1, "{after:#}");
    assert_eq!(after["counters"]["losses"], 0, "{after:#}");

    // Another GWM, which takes the renewed certificate only.
    gwm.kill().unwrap();
    let gwm = start_gwm(&farm, &authority, "renewed.example.net");
    farm.await_shares(VIP, &DYNAMIC).unwrap();
    let log = farm.balancer.as_ref().unwrap().log();
    let renewed = log.lines().find(|line| line.contains("new TLS files of"));
    assert!(renewed.is_some(), "{log}\n{}", gwm.log());
    assert_eq!(session(&farm)["state"], "active");
    let tally = load.stop().unwrap();
    assert_eq!(tally.failed(), 0, "{:?}", tally.failures);
    let report = steady.close().unwrap();
    assert!(report.broken.is_empty(), "{report:?}");
}

#[test]
fn a_balancer_with_a_wrong_certificate_balances_by_static_weights_and_says_why() {
    let (mut farm, authority) = farm();
    authority.issue("edge-2", "DNS:edge-2.example.net");
    let _gwm = start_gwm(&farm, &authority, "edge-1");
    farm.attach(&config(&farm, &authority, "edge-2"), &[])
        .unwrap();
    farm.await_spread(VIP, &STATIC).unwrap();
    until_true(DEADLINE, "a refusal", || {
        Ok(session(&farm)["last_error"].is_string())
    })
    .unwrap();
    let text = done(&farm.site, &["status"]).unwrap();
    let line = text.lines().find(|line| line.starts_with("GWM ")).unwrap();
    for part in ["last error: ", "0x11", "our certificate"] {
        assert!(line.contains(part), "{line}");
    }
    assert_eq!(
        status(&farm.site).unwrap()["services"][0]["weights"],
        "static"
    );

    // The right one is put where the wrong one was.
    authority.issue("edge-2", "DNS:edge-1");
    farm.await_spread(VIP, &DYNAMIC).unwrap();
}

#[test]
fn a_gwm_of_another_ca_is_not_believed() {
    let (mut farm, authority) = farm();
    let other = Authority::new();
    other.issue("gwm", &format!("IP:{}", farm.site.gwm.ipv4()));
    let _gwm = start_gwm(&farm, &other, "edge-1");
    farm.attach(&config(&farm, &authority, "edge-1"), &[])
        .unwrap();
    until_true(DEADLINE, "a failed handshake", || {
        Ok(session(&farm)["last_error"].is_string())
    })
    .unwrap();
    farm.await_spread(VIP, &STATIC).unwrap();
    let text = done(&farm.site, &["status"]).unwrap();
    let line = text.lines().find(|line| line.starts_with("GWM ")).unwrap();
    assert!(
        line.contains("last error: ") && line.contains("certificate"),
        "{line}"
    );
}
