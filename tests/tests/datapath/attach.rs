//! On and off, and what is found on the way.

use std::fs;
use std::net::UdpSocket;
use std::time::Duration;

use sasp_ctl::balance::change::Change;
use sasp_ctl::datapath::{Mode, RunsIn, Sizes, detach, instances};
use sasp_xdp_common::abi::backend::Backend;

use crate::lab::{EDGE, FAR, Lab};

#[test]
fn attach_runs_the_program_and_detach_leaves_nothing() {
    let lab = Lab::new();
    let datapath = lab.attach();
    assert_eq!(datapath.interfaces().len(), 1);
    assert_eq!(datapath.interfaces()[0].mode, RunsIn::Native);
    let program = lab.program_on(EDGE).expect("a program runs");
    drop(datapath);
    assert_eq!(
        lab.program_on(EDGE),
        Some(program),
        "it runs without the daemon"
    );

    assert!(detach(&lab.instance(), &lab.places()).unwrap());
    assert_eq!(lab.program_on(EDGE), None);
    assert!(!lab.pinned().exists() && !lab.pinned().parent().unwrap().exists());
    assert_eq!(
        fs::read_dir(lab.places().run).unwrap().count(),
        0,
        "the lock file is gone"
    );
    assert!(
        !detach(&lab.instance(), &lab.places()).unwrap(),
        "nothing is left to detach"
    );
}

#[test]
fn adopting_replaces_the_program_and_keeps_what_the_maps_hold() {
    let lab = Lab::new();
    let mut first = lab.attach();
    let record = Backend {
        generation: 3,
        weight: 9,
        ..Backend::default()
    };
    first
        .apply(&[Change::SetBackend { index: 5, record }])
        .unwrap();
    let before = lab.program_on(EDGE);
    drop(first);

    let mut second = lab.attach();
    assert_ne!(lab.program_on(EDGE), before);
    assert_eq!(second.take_adopted().backends, [(5, record)]);
    assert_eq!(second.take_adopted().backends, []);
    assert_eq!(second.interfaces()[0].mode, RunsIn::Native);
}

#[test]
fn interfaces_that_are_listed_anew_are_attached_and_others_detached() {
    let lab = Lab::new();
    lab.add_veth("edge1", "far1");
    lab.add_veth("vlan0.100", "far2");
    let mut options = lab.options();
    let names = |wanted: &[&str]| wanted.iter().map(|name| (*name).to_owned()).collect();
    options.interfaces = names(&[EDGE, "vlan0.100"]);
    drop(lab.try_attach(&options).unwrap());

    options.interfaces = names(&["edge1", "vlan0.100", "edge1"]);
    let datapath = lab.try_attach(&options).unwrap();
    let running: Vec<_> = datapath
        .interfaces()
        .iter()
        .map(|on| on.name.as_str())
        .collect();
    assert_eq!(running, ["edge1", "vlan0.100"]);
    assert_eq!(lab.program_on(EDGE), None);
    assert!(lab.program_on("edge1").is_some());
    assert_eq!(lab.program_on("edge1"), lab.program_on("vlan0.100"));

    let pinned = instances(&lab.places()).unwrap();
    assert_eq!(pinned.len(), 1);
    assert_eq!(pinned[0].instance, lab.instance());
    assert_eq!(pinned[0].interfaces, ["edge1", "vlan0.100"]);
    assert_eq!(pinned[0].pid, Some(std::process::id()));
}

#[test]
fn an_interface_that_was_made_anew_gets_the_program_again() {
    let lab = Lab::new();
    drop(lab.attach());
    lab.edge_ip(&format!("link del {EDGE}"));
    lab.add_veth(EDGE, FAR);
    assert_eq!(lab.program_on(EDGE), None);

    let datapath = lab.attach();
    assert!(lab.program_on(EDGE).is_some());
    assert_eq!(datapath.interfaces()[0].ifindex, lab.ifindex(EDGE));
    assert_eq!(instances(&lab.places()).unwrap()[0].interfaces, [EDGE]);
}

#[test]
fn a_renamed_interface_keeps_its_link() {
    let lab = Lab::new();
    drop(lab.attach());
    lab.edge_ip(&format!("link set {EDGE} down"));
    lab.edge_ip(&format!("link set {EDGE} name wan0"));
    let mut options = lab.options();
    options.interfaces = vec!["wan0".to_owned()];
    let datapath = lab.try_attach(&options).unwrap();
    assert_eq!(datapath.interfaces()[0].name, "wan0");
    assert!(lab.program_on("wan0").is_some());
}

#[test]
fn where_native_does_not_work_auto_falls_back_to_generic() {
    let lab = Lab::new();
    // Its driver has none.
    let mut options = lab.options();
    options.interfaces = vec!["lo".to_owned()];
    options.mode = Mode::Native;
    let error = lab.try_attach(&options).unwrap_err().to_string();
    assert!(
        error.contains("lo") && error.contains("no native XDP"),
        "{error}"
    );
    assert!(!lab.pinned().exists(), "a failed attach leaves nothing");
    assert_eq!(lab.program_on("lo"), None);

    options.mode = Mode::Auto;
    let datapath = lab.try_attach(&options).unwrap();
    assert_eq!(datapath.interfaces()[0].mode, RunsIn::Generic);
    drop(datapath);

    let adopted = lab.try_attach(&options).unwrap();
    assert_eq!(
        adopted.interfaces()[0].mode,
        RunsIn::Generic,
        "a link keeps its mode"
    );
}

#[test]
fn a_veth_is_generic_unless_told_otherwise() {
    let lab = Lab::new();
    let mut options = lab.options();
    options.mode = Mode::Auto;
    let datapath = lab.try_attach(&options).unwrap();
    assert_eq!(datapath.interfaces()[0].mode, RunsIn::Generic);
}

#[test]
fn a_native_interface_becomes_generic_beside_one_that_cannot_be_native() {
    let lab = Lab::new();
    let mut options = lab.options();
    options.mode = Mode::Native;
    drop(lab.try_attach(&options).unwrap());

    lab.edge_ip("link add sw1 type bridge");
    options.interfaces.push("sw1".to_owned());
    let error = lab.try_attach(&options).unwrap_err().to_string();
    assert!(error.contains("sw1 in native"), "{error}");
    options.mode = Mode::Generic;
    let error = lab.try_attach(&options).unwrap_err().to_string();
    assert!(error.contains("edge0 in native mode and sw1"), "{error}");
    assert_eq!(lab.program_on("sw1"), None);

    options.mode = Mode::Auto;
    for _ in 0..2 {
        let datapath = lab.try_attach(&options).unwrap();
        let modes: Vec<_> = datapath.interfaces().iter().map(|on| on.mode).collect();
        assert_eq!(modes, [RunsIn::Generic; 2]);
        assert!(lab.program_on(EDGE).is_some());
        assert_eq!(lab.program_on("sw1"), lab.program_on(EDGE));
    }
    assert_eq!(
        instances(&lab.places()).unwrap()[0].interfaces,
        [EDGE, "sw1"]
    );
}

#[test]
fn an_interface_that_refuses_leaves_the_others_as_they_were() {
    let lab = Lab::new();
    lab.add_veth("edge1", "far1");
    drop(lab.attach());
    let before = lab.program_on(EDGE);

    let mut options = lab.options();
    options.mode = Mode::Native;
    options.interfaces = vec![EDGE.to_owned(), "edge1".to_owned(), "lo".to_owned()];
    let error = lab.try_attach(&options).unwrap_err().to_string();
    assert!(error.contains("lo in native"), "{error}");
    assert_eq!(lab.program_on(EDGE), before);
    assert_eq!(lab.program_on("edge1"), None);
}

#[test]
fn adopted_maps_keep_their_sizes_and_seed() {
    let lab = Lab::new();
    let first = lab.attach();
    let (sizes, seed) = (first.sizes(), first.seed());
    drop(first);
    let mut options = lab.options();
    options.sizes = Sizes {
        backends: 128,
        ..sizes
    };
    options.seed = Some(seed + 1);
    let second = lab.try_attach(&options).unwrap();
    assert_eq!((second.sizes(), second.seed()), (sizes, seed));
}

#[test]
fn without_a_seed_each_data_plane_draws_its_own_and_keeps_it() {
    let lab = Lab::new();
    let mut options = lab.options();
    options.seed = None;
    let first = lab.try_attach(&options).unwrap();
    let seed = first.seed();
    drop(first);
    let second = lab.try_attach(&options).unwrap();
    assert_eq!(second.seed(), seed, "adopted maps keep theirs");
    drop(second);
    detach(&lab.instance(), &lab.places()).unwrap();
    let third = lab.try_attach(&options).unwrap();
    assert_ne!(third.seed(), seed);
}

#[test]
fn jumbo_frames_do_not_keep_the_program_out_of_the_driver() {
    let lab = Lab::new();
    // A program for frames in one buffer would not run on a veth whose peer sends larger ones than a page.
    lab.far_ip(&format!("link set {FAR} mtu 9000"));
    lab.edge_ip(&format!("link set {EDGE} mtu 9000"));
    lab.edge_ip(&format!("address add 10.1.0.1/24 dev {EDGE}"));
    lab.far_ip(&format!("address add 10.1.0.2/24 dev {FAR}"));
    let mut options = lab.options();
    options.mode = Mode::Native;
    for _ in 0..2 {
        let datapath = lab.try_attach(&options).unwrap();
        let on = &datapath.interfaces()[0];
        assert_eq!((on.mode, on.frags), (RunsIn::Native, true));
    }
    // It is not for us, and comes through whole.
    let receiver = lab.inside(|| UdpSocket::bind("10.1.0.1:4000").unwrap());
    receiver
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    lab.inside_namespace(&lab.far, || {
        let sender = UdpSocket::bind("10.1.0.2:0").unwrap();
        sender.send_to(&[7; 8000], "10.1.0.1:4000").unwrap();
    });
    let mut received = [0; 9000];
    assert_eq!(receiver.recv(&mut received).unwrap(), 8000);
}
