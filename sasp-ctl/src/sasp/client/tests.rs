//! Sessions with a small GWM under a virtual clock.

mod flows;
pub(crate) mod gwm;
mod lab;
mod patience;
mod properties;
mod quiesce;
mod transitions;

use std::{collections::BTreeMap, time::Duration};

use super::*;
use crate::sasp::msg::MemberKey;

pub(crate) fn name(text: &str) -> Name {
    Name::new(text.as_bytes()).unwrap()
}

pub(crate) fn key(last_octet: u8) -> MemberKey {
    MemberKey {
        protocol: 6,
        port: 80,
        address: [10, 10, 10, last_octet].into(),
    }
}

pub(crate) fn members(last_octets: &[u8]) -> BTreeMap<MemberKey, DesiredMember> {
    last_octets
        .iter()
        .map(|octet| (key(*octet), DesiredMember::default()))
        .collect()
}

pub(crate) fn desired(groups: &[(&str, &[u8])]) -> Desired {
    Desired {
        groups: groups
            .iter()
            .map(|(group, octets)| (name(group), members(octets)))
            .collect(),
        ..Desired::default()
    }
}

/// Sets what the operator wants of a wanted member.
fn set_quiesced(wanted: &mut Desired, group: &str, last_octet: u8, quiesced: bool) {
    let members = wanted.groups.get_mut(&name(group)).unwrap();
    members.get_mut(&key(last_octet)).unwrap().quiesced = quiesced;
}

pub(crate) fn config() -> Config {
    Config::new(name("edge-1"))
}

pub(crate) const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
