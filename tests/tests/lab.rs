//! The lab itself: what the other tests stand on must stand.

use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tests::lab::http::{self, Load};
use tests::lab::namespace::run;
use tests::lab::nginx::{self, Nginx};
use tests::lab::site::{Site, VIP4, VIP6};
use tests::lab::wait::until_true;
use tests::lab::xdp_pass::XdpPass;

#[test]
fn a_client_reaches_a_members_real_web_server() {
    let site = Site::new(1).unwrap();
    let _nginx = Nginx::start(&site, &site.members[0]).unwrap();
    let member = &site.members[0];
    for address in [
        SocketAddr::from((member.ipv4(), nginx::PORT)),
        SocketAddr::from((member.ipv6(), nginx::PORT)),
    ] {
        let body = site.client.namespace.inside(|| http::get(address));
        assert_eq!(body.unwrap().unwrap(), "member-1");
    }
}

#[test]
fn without_a_balancer_the_edge_itself_answers_for_the_vips() {
    let site = Site::new(1).unwrap();
    let _nginx = Nginx::start(&site, &site.members[0]).unwrap();
    for vip in [(VIP4, 80).into(), SocketAddr::from((VIP6, 80))] {
        let error = site
            .client
            .namespace
            .inside(|| TcpStream::connect_timeout(&vip, Duration::from_secs(1)))
            .unwrap()
            .unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused, "{vip}");
    }
}

#[test]
fn load_counts_answers_and_failures() {
    let site = Site::new(1).unwrap();
    let nginx = Nginx::start(&site, &site.members[0]).unwrap();
    let address = SocketAddr::from((site.members[0].ipv4(), nginx::PORT));
    let pause = Duration::from_millis(1);
    let load = Load::start(&site.client.namespace, address, 2, pause).unwrap();
    let mut tally = http::Tally::default();
    let deadline = Duration::from_secs(10);
    until_true(deadline, "answers", || {
        tally.add(&load.take());
        Ok(tally.of("member-1") >= 100)
    })
    .unwrap();
    assert_eq!(tally.failed(), 0, "{:?}", tally.failures);
    nginx.kill().unwrap();
    until_true(deadline, "failures", || {
        tally.add(&load.take());
        Ok(tally.failed() > 0)
    })
    .unwrap();
    load.stop().unwrap();
}

#[test]
fn a_site_leaves_nothing_behind() {
    let site = Site::new(1).unwrap();
    let name = site.name().to_owned();
    let directory = site.directory().to_owned();
    let nginx = Nginx::start(&site, &site.members[0]).unwrap();
    let namespace = site.members[0].namespace.name().to_owned();
    let pids = run(Command::new("ip").args(["netns", "pids", &namespace])).unwrap();
    assert!(pids.lines().count() >= 2, "nginx has a worker: {pids}");
    // Not even if the owner of a process forgets to drop it.
    std::mem::forget(nginx);
    drop(site);
    let left: Vec<_> = std::fs::read_dir("/run/netns")
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|namespace| namespace.starts_with(&format!("{name}-")))
        .collect();
    assert_eq!(left, [""; 0]);
    assert!(!directory.exists());
    until_true(Duration::from_secs(5), "the end of nginx", || {
        Ok(pids.lines().all(has_ended))
    })
    .unwrap();
}

/// True for a zombie too: it is ours to wait for, and we have forgotten it.
fn has_ended(pid: &str) -> bool {
    let cmdline = std::fs::read(format!("/proc/{pid}/cmdline"));
    cmdline.is_ok_and(|text| text.is_empty()) || !Path::new("/proc").join(pid).exists()
}

#[test]
fn an_interface_takes_one_native_xdp_program_at_a_time() {
    let site = Site::new(0).unwrap();
    let pass = XdpPass::attach(&site.edge.namespace, "eth0").unwrap();
    let error = XdpPass::attach(&site.edge.namespace, "eth0").unwrap_err();
    assert!(format!("{error:#}").contains("busy"), "{error:#}");
    drop(pass);
    XdpPass::attach(&site.edge.namespace, "eth0").unwrap();
}
