//! What becomes of the interfaces under a running data plane: one that is renamed keeps its program, one that is
//! removed takes it along, and one that appears under a removed one's name is given it.

use std::collections::BTreeMap;
use std::io;

use super::error::Error;
use super::map::Map;
use super::netlink::{self, Interface};
use super::options::{Mode, RunsIn};
use super::pins::{self, Pins};
use super::{Attached, Datapath, State, bpffs, links, modes};

/// Compares the interfaces with what is known of them, says what is different, and attaches where that is called for.
pub(super) fn look_after(datapath: &mut Datapath) -> Result<(), Error> {
    let mut why = Vec::new();
    let mut mtus = BTreeMap::new();
    for at in 0..datapath.interfaces.len() {
        let known = datapath.interfaces[at].clone();
        let found = match netlink::by_index(known.ifindex)? {
            Some(interface) => Some(interface),
            None => netlink::by_name(&known.name)?,
        };
        if let Some(interface) = &found {
            mtus.insert(interface.ifindex, interface.mtu);
        }
        let (new, why_generic) = match step(&known, found, |id| datapath.object.is_ours(id)) {
            Step::Nothing => continue,
            Step::Note(new) => (new, None),
            Step::Attach(interface) => attach_again(datapath, &known, interface),
        };
        log_change(&known, &new);
        datapath.interfaces[at] = new;
        datapath.unaligned = datapath.mode == Mode::Auto;
        why.extend(why_generic);
    }
    if datapath.unaligned {
        let pins = Pins::new(&bpffs::path_of(&datapath.bpffs), &datapath.instance);
        modes::align(&mut datapath.object, &mut datapath.interfaces, why, &pins)?;
        datapath.unaligned = false;
    }
    write_mtus(&mut datapath.maps.mtus, &mtus).map_err(Error::map_call("write MTUs"))
}

/// Writes the MTUs of the interfaces as they are now, and removes those of others: replies of `full-nat` leave by an
/// interface without the kernel being asked for a way. One that has no room in the map is as good as unlimited.
/// Writes the MTUs of the interfaces as they are now, and removes those of others: replies of `full-nat` leave by an
/// interface without the kernel being asked for a way. One that has no room in the map is as good as unlimited.
fn write_mtus(map: &mut Map<u32, u32>, mtus: &BTreeMap<u32, u32>) -> io::Result<()> {
    let written = map.read_all()?;
    for ifindex in written.keys().filter(|ifindex| !mtus.contains_key(ifindex)) {
        map.delete(ifindex)?;
    }
    for (ifindex, mtu) in mtus {
        if written.get(ifindex) != Some(mtu) {
            match map.set(ifindex, *mtu) {
                Err(error) if error.raw_os_error() == Some(libc::E2BIG) => break,
                result => result?,
            }
        }
    }
    Ok(())
}

/// What follows from a look at an interface.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    Nothing,
    Note(Attached),
    Attach(Interface),
}

/// `found` has the known index or, where there is none any more, the known name.
fn step(known: &Attached, found: Option<Interface>, is_ours: impl Fn(u32) -> bool) -> Step {
    let mut new = known.clone();
    match found {
        None => new.state = State::Gone,
        Some(interface) if interface.ifindex != known.ifindex => return Step::Attach(interface),
        Some(interface) => {
            new.state = match interface.program {
                Some((id, _)) if is_ours(id) => State::Running,
                // Somebody has taken it off, or it could not be attached: to fight over it helps nobody.
                _ => State::Bare,
            };
            new.name = interface.name;
        }
    }
    match new == *known {
        true => Step::Nothing,
        false => Step::Note(new),
    }
}

/// A failure is told once: the index that is then known keeps us from trying again and again. Gives why it does not run
/// in the driver, if that was not asked for.
fn attach_again(
    datapath: &mut Datapath,
    known: &Attached,
    interface: Interface,
) -> (Attached, Option<String>) {
    try_attach(datapath, known.ifindex, &interface).unwrap_or_else(|error| {
        tracing::warn!("{error}");
        let bare = Attached {
            name: interface.name,
            ifindex: interface.ifindex,
            mode: known.mode,
            frags: known.frags,
            state: State::Bare,
        };
        (bare, None)
    })
}

fn try_attach(
    datapath: &mut Datapath,
    former: u32,
    interface: &Interface,
) -> Result<(Attached, Option<String>), Error> {
    let pins = Pins::new(&bpffs::path_of(&datapath.bpffs), &datapath.instance);
    for pin in pins.links()? {
        if pin.ifindex == former {
            pins::remove_link(&pin.path)?;
        }
    }
    links::refuse_foreign(interface, &pins)?;
    let mut others = datapath.interfaces.iter();
    let other = others.find(|on| on.ifindex != former && on.state == State::Running);
    let mode = match (datapath.mode, other.map(|on| on.mode)) {
        (Mode::Auto, _) | (_, None) => datapath.mode,
        // A link that was adopted may run in another mode than was asked for, and they all run alike.
        (_, Some(RunsIn::Native)) => Mode::Native,
        (_, Some(RunsIn::Generic)) => Mode::Generic,
    };
    links::attach(&mut datapath.object, interface, mode, &pins)
}

fn log_change(known: &Attached, new: &Attached) {
    let Attached { name, ifindex, .. } = new;
    match new.state {
        State::Gone => tracing::warn!(
            interface = %name,
            "the interface is gone, and the data path with it: it is attached again once there is one of that name"
        ),
        State::Bare => tracing::warn!(
            interface = %name,
            "the interface is without our program: packets are not balanced there until `sasp-ctl attach` is restarted"
        ),
        State::Running if known.name != new.name => tracing::warn!(
            interface = %name,
            former = %known.name,
            "the interface was renamed; the data path stays on it: name it so at the next `sasp-ctl attach`"
        ),
        State::Running => {
            tracing::info!(interface = %name, ifindex, mode = %new.mode, "attached again");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::RunsIn;
    use super::*;

    const OURS: u32 = 70;

    fn known(state: State) -> Attached {
        Attached {
            name: "ev".to_owned(),
            ifindex: 4,
            mode: RunsIn::Native,
            frags: true,
            state,
        }
    }

    fn interface(name: &str, ifindex: u32, program: Option<u32>) -> Interface {
        Interface {
            name: name.to_owned(),
            ifindex,
            veth: false,
            mtu: 1500,
            program: program.map(|id| (id, RunsIn::Native)),
        }
    }

    #[test]
    fn an_interface_as_it_was_needs_nothing() {
        let found = interface("ev", 4, Some(OURS));
        assert_eq!(
            step(&known(State::Running), Some(found), |id| id == OURS),
            Step::Nothing
        );
        assert_eq!(
            step(&known(State::Gone), None, |id| id == OURS),
            Step::Nothing
        );
    }

    #[test]
    fn an_interface_that_vanished_is_noted_once() {
        assert_eq!(
            step(&known(State::Running), None, |id| id == OURS),
            Step::Note(known(State::Gone))
        );
    }

    #[test]
    fn a_renamed_interface_is_known_by_its_new_name() {
        let mut renamed = known(State::Running);
        renamed.name = "wan".to_owned();
        let found = interface("wan", 4, Some(OURS));
        assert_eq!(
            step(&known(State::Running), Some(found), |id| id == OURS),
            Step::Note(renamed)
        );
    }

    #[test]
    fn a_new_interface_of_a_former_ones_name_is_attached_to() {
        let found = interface("ev", 9, None);
        for state in [State::Running, State::Gone, State::Bare] {
            let step = step(&known(state), Some(found.clone()), |id| id == OURS);
            assert_eq!(step, Step::Attach(found.clone()));
        }
    }

    #[test]
    fn an_interface_whose_program_was_taken_off_or_replaced_is_left_alone() {
        for program in [None, Some(OURS + 1)] {
            let found = interface("ev", 4, program);
            assert_eq!(
                step(&known(State::Running), Some(found), |id| id == OURS),
                Step::Note(known(State::Bare))
            );
        }
    }
}
