//! Getting on to an interface and off it again, and who is in the way.

use std::time::Duration;

use anyhow::Result;
use tests::lab::balancer::{done, sasp_ctl, write_config};
use tests::lab::config;
use tests::lab::farm::Farm;
use tests::lab::site::{Site, VIP4};
use tests::lab::wait::until_true;
use tests::lab::xdp_pass::XdpPass;

const DEADLINE: Duration = Duration::from_secs(10);

fn farm(members: u8) -> (Farm, String) {
    let farm = Farm::new(members).unwrap();
    let config = config::service(&farm.site, "FARM1", (VIP4, 80).into(), &[], "");
    (farm, config)
}

/// Whether an XDP program runs on the edge's interface.
fn has_xdp(site: &Site) -> Result<bool> {
    let link = site
        .edge
        .namespace
        .output("ip", &["-details", "link", "show", "eth0"])?;
    Ok(link.contains("prog/xdp"))
}

#[test]
fn somebody_elses_program_is_left_alone() {
    let (farm, config) = farm(1);
    let _theirs = XdpPass::attach(&farm.site.edge.namespace, "eth0").unwrap();
    let config = write_config(&farm.site, &config).unwrap();
    let config = config.to_str().unwrap();
    for mode in ["auto", "native", "generic"] {
        let args = ["attach", "eth0", "--config", config, "--mode", mode];
        let output = sasp_ctl(&farm.site, &args).unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{mode}: {said}");
        let last = said.lines().last().unwrap();
        assert!(last.starts_with("sasp-ctl: "), "{mode}: {said}");
        assert!(last.contains("eth0"), "{mode}: {said}");
    }
    assert!(has_xdp(&farm.site).unwrap());
    assert_eq!(
        farm.site.pinned().unwrap(),
        [""; 0].map(std::path::PathBuf::from)
    );
}

#[test]
fn detach_leaves_nothing() {
    let (mut farm, config) = farm(1);
    farm.attach(&config, &[]).unwrap();
    assert!(has_xdp(&farm.site).unwrap());
    assert!(!farm.site.pinned().unwrap().is_empty());
    assert!(farm.site.socket().exists());
    done(&farm.site, &["detach", "eth0"]).unwrap();
    assert_nothing_left(&farm.site);
    let balancer = farm.balancer.as_mut().unwrap();
    let status = balancer.wait().unwrap();
    assert!(status.success(), "{status}: {}", balancer.log());
}

#[test]
fn detach_needs_no_daemon() {
    let (mut farm, config) = farm(1);
    farm.attach(&config, &[]).unwrap();
    farm.kill_balancer().unwrap();
    assert!(has_xdp(&farm.site).unwrap(), "forwarding goes on");
    done(&farm.site, &["detach", "--all"]).unwrap();
    assert_nothing_left(&farm.site);
}

/// No program, pin or socket; the kernel detaches a moment after the last reference has gone.
fn assert_nothing_left(site: &Site) {
    until_true(DEADLINE, "the program to go", || Ok(!has_xdp(site)?)).unwrap();
    assert_eq!(
        site.pinned().unwrap(),
        [""; 0].map(std::path::PathBuf::from)
    );
    until_true(DEADLINE, "the socket to go", || Ok(!site.socket().exists())).unwrap();
}

#[test]
fn a_second_daemon_on_the_same_interface_is_refused() {
    let (mut farm, config) = farm(1);
    farm.attach(&config, &[]).unwrap();
    let config = write_config(&farm.site, &config).unwrap();
    let args = ["attach", "eth0", "--config", config.to_str().unwrap()];
    let output = sasp_ctl(&farm.site, &args).unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(has_xdp(&farm.site).unwrap());
    farm.await_shares((VIP4, 80).into(), &[1]).unwrap();
}

#[test]
fn an_interface_that_does_not_exist_is_named() {
    let (farm, config) = farm(0);
    let config = config.replace(
        "members = [  ]",
        "members = [ { address = \"192.0.2.11:80\" } ]",
    );
    let config = write_config(&farm.site, &config).unwrap();
    let args = ["attach", "eth7", "--config", config.to_str().unwrap()];
    let output = sasp_ctl(&farm.site, &args).unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.lines().last().unwrap().contains("eth7"), "{said}");
}
