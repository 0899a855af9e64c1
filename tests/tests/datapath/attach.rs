//! On and off, and everything that can be in the way.

use std::fs;

use sasp_ctl::balance::change::Change;
use sasp_ctl::datapath::{Error, Mode, RunsIn, Sizes, detach, instances};
use sasp_xdp_common::abi::backend::Backend;

use crate::lab::{EDGE, Lab};

#[test]
fn attach_runs_the_program_and_detach_leaves_nothing() {
    let lab = Lab::new();
    let datapath = lab.attach();
    assert_eq!(datapath.interfaces().len(), 1);
    assert_eq!(datapath.interfaces()[0].mode, RunsIn::Native);
    let program = lab.program_on(EDGE).expect("a program runs");
    drop(datapath);
    assert_eq!(lab.program_on(EDGE), Some(program), "it runs without the daemon");

    assert!(detach(&lab.instance(), &lab.places()).unwrap());
    assert_eq!(lab.program_on(EDGE), None);
    assert!(!lab.pinned().exists() && !lab.pinned().parent().unwrap().exists());
    assert!(!detach(&lab.instance(), &lab.places()).unwrap(), "nothing is left to detach");
}

#[test]
fn adopting_replaces_the_program_and_keeps_what_the_maps_hold() {
    let lab = Lab::new();
    let mut first = lab.attach();
    let record = Backend { generation: 3, weight: 9, ..Backend::default() };
    first.apply(&[Change::SetBackend { index: 5, record }]).unwrap();
    let before = lab.program_on(EDGE);
    drop(first);

    let mut second = lab.attach();
    assert_ne!(lab.program_on(EDGE), before);
    assert_eq!(second.take_adopted().backends, [(5, record)]);
    assert_eq!(second.take_adopted().backends, []);
    assert_eq!(second.interfaces()[0].mode, RunsIn::Native);
}
