//! What a daemon leaves that was killed at a bad moment, made by hand, and what the next one makes of it.

use std::env;
use std::fs;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use aya::maps::{Array, MapData};
use sasp_ctl::balance::change::Change;
use sasp_ctl::datapath::{Datapath, Places, detach};
use sasp_xdp_common::abi::limits::SLOTS;
use sasp_xdp_common::abi::slot::{Slot, Table};

use crate::lab::{EDGE, Lab, options};
use crate::traffic::{SERVICE, SYN, frame4, no_service, one_service};

#[test]
fn killed_while_pinning_maps_the_rest_is_cleared() {
    let lab = Lab::new();
    let new = lab.pinned().join("new");
    fs::create_dir_all(&new).unwrap();
    Array::<MapData, u32>::create(1, 0)
        .unwrap()
        .pin(new.join("SERVICES_V4"))
        .unwrap();
    let mut datapath = lab.attach();
    assert!(!new.exists());
    assert!(datapath.take_adopted().services.is_empty());
}

#[test]
fn killed_before_the_first_link_the_maps_are_used() {
    let lab = Lab::new();
    drop(lab.attach());
    for entry in fs::read_dir(lab.current()).unwrap() {
        let path = entry.unwrap().path();
        if path
            .file_name()
            .unwrap()
            .to_string_lossy()
            .starts_with("link_")
        {
            fs::remove_file(path).unwrap();
        }
    }
    assert_eq!(lab.program_on(EDGE), None);
    let datapath = lab.attach();
    assert_eq!(datapath.interfaces().len(), 1);
    assert!(lab.program_on(EDGE).is_some());
}

#[test]
fn killed_while_detaching_the_next_attach_starts_afresh() {
    let lab = Lab::new();
    let mut first = lab.attach();
    first.apply(&one_service()).unwrap();
    drop(first);
    let program = lab.program_on(EDGE);
    fs::rename(lab.current(), lab.pinned().join("old")).unwrap();

    let mut second = lab.attach();
    assert!(second.take_adopted().services.is_empty());
    assert_ne!(lab.program_on(EDGE), program);
    assert!(!lab.pinned().join("old").exists());
}

#[test]
fn detach_clears_whatever_was_left() {
    let lab = Lab::new();
    drop(lab.attach());
    fs::rename(lab.current(), lab.pinned().join("old")).unwrap();
    fs::create_dir(lab.pinned().join("new")).unwrap();
    fs::create_dir(lab.current()).unwrap();
    assert!(detach(&lab.instance(), &lab.places()).unwrap());
    assert_eq!(lab.program_on(EDGE), None);
    assert!(!lab.pinned().exists());
}

#[test]
fn killed_around_a_publication_the_table_in_use_counts() {
    let lab = Lab::new();
    let mut first = lab.attach();
    first.apply(&one_service()).unwrap();
    drop(first);
    let pin = lab.current().join(format!("table_{SERVICE}"));
    let next = lab.current().join(format!("table_{SERVICE}_next"));

    // Killed after the swap: only the new name leads to the table in use.
    fs::rename(&pin, &next).unwrap();
    let mut second = lab.attach();
    assert_eq!(second.take_adopted().tables[0].1[0], Slot::stable(1));
    assert!(pin.exists() && !next.exists());
    drop(second);

    // Killed before it: the new table is not in use.
    let mut unused: Array<MapData, Table> = Array::create(1, 0).unwrap();
    unused.set(0, [Slot::stable(2); SLOTS], 0).unwrap();
    unused.pin(&next).unwrap();
    let mut third = lab.attach();
    assert_eq!(third.take_adopted().tables[0].1[0], Slot::stable(1));
    assert!(pin.exists() && !next.exists());
}

#[test]
fn killed_before_the_last_write_of_a_removal_the_ids_next_service_starts_at_zero() {
    let lab = Lab::new();
    let mut first = lab.attach();
    first.apply(&one_service()).unwrap();
    let ingress = lab.ifindex(EDGE);
    lab.inside(|| first.run(ingress, &frame4(1000, SYN)))
        .unwrap();
    let retire = Change::RetireBackend {
        index: 1,
        service: SERVICE,
    };
    first.apply(&[retire]).unwrap();
    drop(first);

    let mut second = lab.attach();
    let retired = second.counters().unwrap().retired;
    assert_eq!(retired.len(), 1, "the service is there, and so is its past");
    let [vip, table] = no_service();
    second.apply(&[vip, table]).unwrap();
    drop(second);
    assert_eq!(lab.attach().counters().unwrap().retired, []);
}

/// Names the bpffs to a process that is there to be killed.
const VICTIM_PINS: &str = "DATAPATH_TEST_VICTIM_PINS";
/// Names the run directory to it.
const VICTIM_RUN: &str = "DATAPATH_TEST_VICTIM_RUN";

#[test]
fn killed_at_any_moment_the_next_attach_goes_on() {
    if let (Some(pins), Some(run)) = (env::var_os(VICTIM_PINS), env::var_os(VICTIM_RUN)) {
        attach_until_killed(Places {
            bpffs: Some(pins.into()),
            run: run.into(),
        });
    }
    let lab = Lab::new();
    let places = lab.places();
    for moment in 0..16 {
        let mut victim = Command::new("ip")
            .args(["netns", "exec", &lab.edge])
            .arg(env::current_exe().unwrap())
            .args([
                "--exact",
                "interrupted::killed_at_any_moment_the_next_attach_goes_on",
            ])
            .env(VICTIM_PINS, places.bpffs.as_ref().unwrap())
            .env(VICTIM_RUN, &places.run)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        // Not to wait for anything: to be there at another moment each time.
        thread::sleep(Duration::from_millis(40 + 27 * moment));
        assert!(victim.try_wait().unwrap().is_none(), "it failed by itself");
        victim.kill().unwrap();
        victim.wait().unwrap();

        let mut datapath = lab.attach();
        assert!(lab.program_on(EDGE).is_some());
        datapath.apply(&one_service()).unwrap();
        drop(datapath);
        if moment % 3 == 0 {
            detach(&lab.instance(), &places).unwrap();
            assert_eq!(lab.program_on(EDGE), None);
        }
    }
}

fn attach_until_killed(places: Places) -> ! {
    let options = options(places);
    loop {
        for _ in 0..2 {
            let mut datapath = Datapath::attach(&options).unwrap();
            datapath.apply(&one_service()).unwrap();
            datapath.apply(&one_service()).unwrap();
        }
        detach(&options.instance, &options.places).unwrap();
    }
}
