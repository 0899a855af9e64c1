//! All interfaces of a data plane run natively, or none does.
//!
//! What a native program redirects to an interface whose driver cannot send for XDP (`ndo_xdp_xmit`) is lost without a
//! word: bridges, VLANs and many NICs. A generic program reaches every interface.

use super::error::Error;
use super::links;
use super::netlink;
use super::object::Object;
use super::options::{Mode, RunsIn};
use super::pins::{self, Pins};
use super::{Attached, State};

/// Refuses a mix that was asked for. `kept` are the modes of links that stay, by interface; `new` is attached to as
/// `mode` says.
pub(super) fn refuse_mix(mode: Mode, kept: &[(&str, RunsIn)], new: &[&str]) -> Result<(), Error> {
    let new_in = match mode {
        // Aligned afterwards.
        Mode::Auto => return Ok(()),
        Mode::Native => RunsIn::Native,
        Mode::Generic => RunsIn::Generic,
    };
    let all = kept.iter().copied();
    let all: Vec<_> = all.chain(new.iter().map(|name| (*name, new_in))).collect();
    let in_mode = |wanted| {
        let of_mode = all.iter().filter(|(_, runs_in)| *runs_in == wanted);
        let names: Vec<_> = of_mode.map(|(name, _)| *name).collect();
        (!names.is_empty()).then(|| names.join(", "))
    };
    match (in_mode(RunsIn::Native), in_mode(RunsIn::Generic)) {
        (Some(native), Some(generic)) => Err(Error::MixedModes { native, generic }),
        _ => Ok(()),
    }
}

/// Has native interfaces run in generic mode if another one does, and says in one line who runs so and why. `why` has
/// the reasons of those that were just attached and could not run natively.
///
/// An interface that changes is without a program for a moment; the other way its packets would be lost for good. One
/// that cannot change is left as it was, with a warning.
pub(super) fn align(
    object: &mut Object,
    attached: &mut [Attached],
    mut why: Vec<String>,
    pins: &Pins,
) -> Result<(), Error> {
    let running = |on: &&Attached| on.state == State::Running;
    let generic = attached.iter().filter(running);
    let Some(generic) = generic.clone().find(|on| on.mode == RunsIn::Generic) else {
        return Ok(());
    };
    let generic = generic.name.clone();
    let mut changed = false;
    for on in attached.iter_mut() {
        if on.state == State::Running && on.mode == RunsIn::Native {
            // By index: its name may be another's by now.
            let Some(interface) = netlink::by_index(on.ifindex)? else {
                continue;
            };
            for pin in pins.links()? {
                if pin.ifindex == on.ifindex {
                    pins::remove_link(&pin.path)?;
                }
            }
            match links::attach(object, &interface, Mode::Generic, pins) {
                Ok((generic, _)) => {
                    *on = generic;
                    changed = true;
                }
                Err(error) => {
                    tracing::warn!(
                        interface = on.name,
                        "stays in native mode, and what it redirects to {generic} is lost: {error}: use `--mode generic`"
                    );
                    match links::attach(object, &interface, Mode::Native, pins) {
                        Ok((native, _)) => *on = native,
                        Err(error) => {
                            tracing::warn!("{error}");
                            on.state = State::Bare;
                        }
                    }
                }
            }
        }
    }
    if changed && why.is_empty() {
        why.push(format!("{generic} runs in generic mode"));
    }
    if !why.is_empty() {
        tracing::warn!("{}; {}", why.join("; "), consequence(attached.len()));
    }
    Ok(())
}

fn consequence(interfaces: usize) -> &'static str {
    match interfaces {
        1 => "running in generic mode, which is slower",
        _ => {
            "all interfaces run in generic mode, which is slower, for what a native one redirects to another would be lost"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_that_were_asked_for_are_not_mixed() {
        let native = [("eth0", RunsIn::Native)];
        let error = refuse_mix(Mode::Generic, &native, &["eth1", "eth2"]).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("eth0 in native"), "{text}");
        assert!(text.contains("eth1, eth2 in generic"), "{text}");
        refuse_mix(Mode::Generic, &[("eth0", RunsIn::Generic)], &["eth1"]).unwrap();
        refuse_mix(Mode::Generic, &native, &[]).unwrap();
        refuse_mix(Mode::Auto, &native, &["eth1"]).unwrap();
    }
}
