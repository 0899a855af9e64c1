//! What attach will not do, and whether it says why in one line.

use std::fs;

use aya::maps::{Array, MapData};
use caps::{CapSet, Capability};
use sasp_ctl::datapath::{Datapath, Error, Instance, Sizes, detach};

use crate::lab::{EDGE, FAR, Lab};

fn refusal(lab: &Lab, options: &sasp_ctl::datapath::Options) -> Error {
    let error = lab.try_attach(options).expect_err("it must refuse");
    assert!(!error.to_string().contains('\n'), "{error}");
    error
}

#[test]
fn an_interface_of_another_instance_is_refused_by_name() {
    let lab = Lab::new();
    let owner = lab.attach();
    let id = lab.program_on(EDGE).unwrap();
    let mut options = lab.options();
    options.instance = Instance::new("intruder").unwrap();
    let text = refusal(&lab, &options).to_string();
    for part in [EDGE, "sasp-ctl detach", &format!("--instance {EDGE}")] {
        assert!(text.contains(part), "{text}");
    }
    assert_eq!(lab.program_on(EDGE), Some(id));
    assert!(!lab.pinned().with_file_name("intruder").exists());
    let lock = options.places.run.join("intruder.lock");
    assert!(!lock.exists(), "nothing stays of a refused attach");
    drop(owner);
}

#[test]
fn a_second_daemon_is_told_who_the_first_is() {
    let lab = Lab::new();
    let first = lab.attach();
    let text = refusal(&lab, &lab.options()).to_string();
    assert!(
        text.contains(&format!("process {}", std::process::id())),
        "{text}"
    );
    let error = detach(&lab.instance(), &lab.places()).unwrap_err();
    assert!(matches!(error, Error::Locked { .. }), "{error}");
    drop(first);
    drop(lab.attach());
}

#[test]
fn an_interface_that_does_not_exist_is_named() {
    let lab = Lab::new();
    for name in ["missing0", "", "a-name-longer-than-the-kernel-takes"] {
        let mut options = lab.options();
        options.interfaces = vec![EDGE.to_owned(), name.to_owned()];
        let error = refusal(&lab, &options);
        assert!(
            matches!(&error, Error::MissingInterface { name: given } if given == name),
            "{error}"
        );
    }
    let mut options = lab.options();
    options.interfaces.clear();
    assert!(matches!(refusal(&lab, &options), Error::NoInterface));
    assert_eq!(lab.program_on(EDGE), None);
}

#[test]
fn sizes_that_cannot_be_are_refused() {
    let lab = Lab::new();
    for sizes in [
        Sizes {
            services: 0,
            ..Sizes::default()
        },
        Sizes {
            backends: 40_000,
            ..Sizes::default()
        },
        Sizes {
            flows: 0,
            ..Sizes::default()
        },
    ] {
        let mut options = lab.options();
        options.sizes = sizes;
        assert!(matches!(refusal(&lab, &options), Error::BadSize { .. }));
    }
}

#[test]
fn pins_of_another_version_are_left_alone_but_can_be_detached() {
    let lab = Lab::new();
    drop(lab.attach());
    let program = lab.program_on(EDGE);
    fs::rename(lab.current(), lab.pinned().join("v999")).unwrap();

    let error = refusal(&lab, &lab.options());
    assert!(matches!(error, Error::OtherVersion { .. }), "{error}");
    assert!(error.to_string().contains("detach"), "{error}");
    assert_eq!(lab.program_on(EDGE), program);

    assert!(detach(&lab.instance(), &lab.places()).unwrap());
    assert_eq!(lab.program_on(EDGE), None);
    assert!(!lab.pinned().exists());
}

#[test]
fn a_pinned_map_of_another_shape_is_refused_by_name() {
    let lab = Lab::new();
    drop(lab.attach());
    let reasons = lab.current().join("REASONS");
    fs::remove_file(&reasons).unwrap();
    let other = Array::<MapData, u64>::create(64, 0).unwrap();
    other.pin(&reasons).unwrap();
    let text = refusal(&lab, &lab.options()).to_string();
    assert!(text.contains("REASONS") && text.contains("type"), "{text}");
    fs::remove_file(&reasons).unwrap();
    let text = refusal(&lab, &lab.options()).to_string();
    assert!(
        text.contains("REASONS") && text.contains("detach"),
        "{text}"
    );
}

#[test]
fn an_instance_of_another_network_namespace_is_not_taken_for_ours() {
    let lab = Lab::new();
    drop(lab.attach());
    let program = lab.program_on(EDGE);
    let mut options = lab.options();
    options.interfaces = vec![FAR.to_owned()];
    let result = lab.inside_namespace(&lab.far, || Datapath::attach(&options));
    let error = result.expect_err("it must refuse");
    assert!(matches!(error, Error::OtherNamespace { .. }), "{error}");
    assert_eq!(lab.program_on(EDGE), program);
}

#[test]
fn a_missing_capability_is_named() {
    let lab = Lab::new();
    let needed = [
        Capability::CAP_BPF,
        Capability::CAP_NET_ADMIN,
        Capability::CAP_PERFMON,
    ];
    for missing in needed {
        let text = lab.inside(|| {
            let kept = needed
                .iter()
                .filter(|capability| **capability != missing)
                .copied();
            caps::set(None, CapSet::Effective, &kept.collect()).unwrap();
            Datapath::attach(&lab.options())
                .expect_err("it must refuse")
                .to_string()
        });
        assert!(text.contains(&format!("{missing} is missing")), "{text}");
    }
}

#[test]
fn the_three_capabilities_are_enough_to_attach_and_to_adopt() {
    let lab = Lab::new();
    for _ in 0..2 {
        let datapath = lab.inside(|| {
            let needed = [
                Capability::CAP_BPF,
                Capability::CAP_NET_ADMIN,
                Capability::CAP_PERFMON,
            ];
            caps::set(None, CapSet::Effective, &needed.into()).unwrap();
            let mut datapath = Datapath::attach(&lab.options()).unwrap();
            datapath.apply(&crate::traffic::one_service()).unwrap();
            datapath
        });
        drop(datapath);
    }
    let mut last = lab.attach();
    assert_eq!(last.take_adopted().tables.len(), 1);
}
