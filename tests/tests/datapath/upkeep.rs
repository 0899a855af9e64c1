//! Interfaces that come, go and change their names under a running data plane.

use caps::{CapSet, Capability};
use sasp_ctl::datapath::{Attached, Datapath, Instance, Mode, RunsIn, State, detach, owner};

use crate::lab::{EDGE, FAR, Lab};

/// Looks with the capabilities that a running daemon has kept.
fn look(lab: &Lab, datapath: &mut Datapath) -> (String, u32, State) {
    let found = look_at_all(lab, datapath);
    assert_eq!(found.len(), 1);
    (found[0].name.clone(), found[0].ifindex, found[0].state)
}

fn look_at_all(lab: &Lab, datapath: &mut Datapath) -> Vec<Attached> {
    lab.inside(|| {
        let kept = [
            Capability::CAP_BPF,
            Capability::CAP_NET_ADMIN,
            Capability::CAP_PERFMON,
        ];
        caps::set(None, CapSet::Effective, &kept.into()).unwrap();
        datapath.look_after_interfaces().unwrap().to_vec()
    })
}

#[test]
fn an_interface_made_anew_is_attached_to_again() {
    let lab = Lab::new();
    let mut datapath = lab.attach();
    let former = lab.ifindex(EDGE);
    assert_eq!(
        look(&lab, &mut datapath),
        (EDGE.to_owned(), former, State::Running)
    );

    lab.edge_ip(&format!("link del {EDGE}"));
    assert_eq!(
        look(&lab, &mut datapath),
        (EDGE.to_owned(), former, State::Gone)
    );

    lab.add_veth(EDGE, FAR);
    let ifindex = lab.ifindex(EDGE);
    assert_ne!(ifindex, former);
    assert_eq!(
        look(&lab, &mut datapath),
        (EDGE.to_owned(), ifindex, State::Running)
    );
    let program = lab.program_on(EDGE);
    assert!(program.is_some());
    drop(datapath);
    assert_eq!(lab.program_on(EDGE), program, "its link is pinned");
}

#[test]
fn one_made_anew_that_cannot_be_native_makes_the_others_generic() {
    let lab = Lab::new();
    lab.add_veth("edge1", "far1");
    let mut options = lab.options();
    options.interfaces.push("edge1".to_owned());
    options.mode = Mode::Native;
    drop(lab.try_attach(&options).unwrap());
    options.mode = Mode::Auto;
    let mut datapath = lab.try_attach(&options).unwrap();
    let modes = |found: Vec<Attached>| found.iter().map(|on| on.mode).collect::<Vec<_>>();
    assert_eq!(
        modes(look_at_all(&lab, &mut datapath)),
        [RunsIn::Native; 2],
        "links keep their modes"
    );

    lab.edge_ip("link del edge1");
    lab.edge_ip("link add edge1 type bridge");
    let found = look_at_all(&lab, &mut datapath);
    assert!(found.iter().all(|on| on.state == State::Running));
    assert_eq!(modes(found), [RunsIn::Generic; 2]);
    let program = lab.program_on(EDGE);
    assert!(program.is_some());
    drop(datapath);
    assert_eq!(lab.program_on(EDGE), program, "its new link is pinned");
}

#[test]
fn a_renamed_interface_keeps_the_program_under_its_new_name() {
    let lab = Lab::new();
    let mut datapath = lab.attach();
    let ifindex = lab.ifindex(EDGE);
    let program = lab.program_on(EDGE);
    lab.edge_ip(&format!("link set {EDGE} down"));
    lab.edge_ip(&format!("link set {EDGE} name wan0"));
    assert_eq!(
        look(&lab, &mut datapath),
        ("wan0".to_owned(), ifindex, State::Running)
    );
    assert_eq!(lab.program_on("wan0"), program);
}

#[test]
fn a_renamed_interface_is_known_as_its_instances() {
    let lab = Lab::new();
    drop(lab.attach());
    lab.edge_ip(&format!("link set {EDGE} down"));
    lab.edge_ip(&format!("link set {EDGE} name wan0"));
    let owner = lab.inside(|| owner("wan0", &lab.places()).unwrap());
    assert_eq!(owner, Some(lab.instance()));

    let mut options = lab.options();
    options.instance = Instance::new("wan0").unwrap();
    options.interfaces = vec!["wan0".to_owned()];
    let text = lab.try_attach(&options).unwrap_err().to_string();
    assert!(text.contains(&format!("attached as {EDGE}")), "{text}");
}

#[test]
fn a_directory_among_the_pins_does_not_keep_them_from_being_removed() {
    let lab = Lab::new();
    drop(lab.attach());
    std::fs::create_dir_all(lab.current().join("link_9_x")).unwrap();
    std::fs::create_dir_all(lab.current().join("other/deeper")).unwrap();
    assert!(detach(&lab.instance(), &lab.places()).unwrap());
    assert!(!lab.pinned().exists());
}
