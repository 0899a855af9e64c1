//! What reads well and still is odd: reserved bits, values that the RFC does not define, contents that a GWM refuses.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv6Addr};

use super::component::{Component, Fields};
use super::explain::{self, FlagNames, LB_FLAGS, MEMBER_FLAGS, SENDER_FLAGS, WEIGHT_FLAGS};
use super::message::{Group, Remarks};
use crate::sasp::code::{Code, LB_UID_MAX, Reason, Type, VERSION, weight_flags};
use crate::sasp::frame::HEADER_LEN;
use crate::sasp::msg::{MemberKey, Name};

/// The highest health that is defined (RFC 4678 section 7.6.1).
const HEALTH_MAX: u8 = 0x7f;

/// Remarks on the contents of a message.
pub(super) fn remarks(components: &[Component], groups: &[Group], remarks: &mut Remarks) {
    let message = components.get(1).map(|component| component.kind);
    for component in components {
        fields(component, message, remarks);
    }
    names(components, groups, message, remarks);
}

fn fields(component: &Component, message: Option<Type>, remarks: &mut Remarks) {
    let at = component.offset;
    match &component.fields {
        Fields::Header { version, id, .. } => {
            if *version != VERSION {
                remarks.unusual(
                    at,
                    format!("version {version}; with code 0x10 it is the highest that the GWM speaks (RFC 4678 section 4.4)"),
                );
            }
            if message == Some(Type::SEND_WEIGHTS) && *id != 0 {
                remarks.unusual(
                    at,
                    "Send Weights answers nothing, its id is usually 0".to_owned(),
                );
            }
        }
        Fields::Groups { flags, .. } => reserved(*flags, SENDER_FLAGS, at, remarks),
        Fields::Deregistration { flags, reason, .. } => {
            reserved(*flags, SENDER_FLAGS, at, remarks);
            match reason.0 {
                _ if *reason == Reason::NONE || *reason == Reason::PURPOSEFUL => {}
                0x80.. => {
                    remarks.unusual(at, format!("reason {:#04x} is a vendor's own", reason.0))
                }
                _ => remarks.unusual(at, format!("reason {:#04x} is reserved", reason.0)),
            }
        }
        Fields::Reply(code) => reply(*code, component.kind, at, remarks),
        Fields::Weights { code, count, .. } => {
            reply(*code, component.kind, at, remarks);
            if *code != Code::SUCCESS && *count > 0 {
                remarks.unusual(at, "weights beside an error code".to_owned());
            }
        }
        Fields::LbState {
            lb_uid,
            health,
            flags,
        } => {
            reserved(*flags, LB_FLAGS, at, remarks);
            uid(lb_uid, at, remarks);
            if *health > HEALTH_MAX {
                remarks.unusual(
                    at,
                    format!("health {health:#04x} is reserved, the most is 0x7f"),
                );
            }
        }
        Fields::Member { key, label, mapped } => member(key, label, *mapped, at, remarks),
        Fields::Weight { flags, weight, .. } => {
            reserved(*flags, WEIGHT_FLAGS, at, remarks);
            if flags & weight_flags::QUIESCE != 0 && *weight != 0 {
                remarks.unusual(
                    at,
                    format!("weight {weight} of a quiesced member; the flag counts, not the weight (RFC 4678 section 5.3 says 0)"),
                );
            }
        }
        Fields::State { flags, .. } => reserved(*flags, MEMBER_FLAGS, at, remarks),
        Fields::Group { lb_uid, .. } => uid(lb_uid, at, remarks),
        Fields::Count(_) | Fields::Opaque(_) => {}
    }
}

fn reserved(flags: u8, names: FlagNames, at: usize, remarks: &mut Remarks) {
    let bits = explain::reserved(flags, names);
    if bits != 0 {
        remarks.unusual(at, format!("reserved flag bits {bits:#04x} are set"));
    }
}

fn reply(code: Code, kind: Type, at: usize, remarks: &mut Remarks) {
    if !explain::is_listed(code, kind) {
        remarks.unusual(
            at,
            format!("the RFC lists no code {:#04x} for a {kind}", code.0),
        );
    }
}

fn uid(uid: &Name, at: usize, remarks: &mut Remarks) {
    if uid.is_empty() {
        remarks.unusual(at, "empty LB UID: a GWM answers 0x51".to_owned());
    } else if uid.len() > LB_UID_MAX {
        let text = format!(
            "LB UID of {} bytes: a GWM may answer 0x51 above {LB_UID_MAX}",
            uid.len()
        );
        remarks.unusual(at, text);
    }
    text(uid, "LB UID", at, remarks);
}

fn text(name: &Name, what: &str, at: usize, remarks: &mut Remarks) {
    if !name.is_text() {
        let text = format!("the {what} is not plain UTF-8 text (RFC 4678 section 4)");
        remarks.unusual(at, text);
    }
}

fn member(key: &MemberKey, label: &Name, mapped: bool, at: usize, remarks: &mut Remarks) {
    if mapped {
        remarks.unusual(
            at,
            format!(
                "{} came as ::ffff:{}, the RFC puts twelve zero bytes before IPv4 (section 5.1)",
                key.address, key.address
            ),
        );
    }
    if (key.protocol == 0) != (key.port == 0) {
        let text = format!(
            "protocol {} with port {}: neither an application nor a system (both are 0 then)",
            key.protocol, key.port
        );
        remarks.unusual(at, text);
    }
    let nobody = [
        IpAddr::from([0, 0, 0, 0]),
        IpAddr::from([0, 0, 0, 1]),
        IpAddr::from(Ipv6Addr::LOCALHOST),
    ];
    if nobody.contains(&key.address) || key.address.is_multicast() {
        remarks.unusual(at, format!("{} is no host's address", key.address));
    }
    text(label, "label", at, remarks);
}

/// What is said about a member of the group tree, for one request or reply as a whole.
fn names(components: &[Component], groups: &[Group], message: Option<Type>, remarks: &mut Remarks) {
    let mut seen = BTreeSet::new();
    let mut uids = BTreeSet::new();
    for group in groups {
        let Some(Component {
            offset,
            fields: Fields::Group { lb_uid, name },
            ..
        }) = group.data.and_then(|index| components.get(index))
        else {
            continue;
        };
        let at = *offset;
        text(name, "group name", at, remarks);
        if name.is_empty() {
            empty_name(message, group.members.is_empty(), at, remarks);
        }
        if !seen.insert((lb_uid, name)) {
            remarks.unusual(
                at,
                format!("group \"{name}\" stands here for the second time"),
            );
        }
        uids.insert(lb_uid);
        members(components, group, remarks);
    }
    let all = seen.iter().find(|(_, name)| name.is_empty());
    if let Some((lb_uid, _)) = all
        && seen
            .iter()
            .any(|(of, name)| of == lb_uid && !name.is_empty())
    {
        remarks.unusual(
            HEADER_LEN,
            "\"all groups\" beside a group: a GWM answers 0x46".to_owned(),
        );
    }
    if uids.len() > 1 {
        let text = format!(
            "{} different LB UIDs in one message: a connection has one",
            uids.len()
        );
        remarks.unusual(HEADER_LEN, text);
    }
}

fn empty_name(message: Option<Type>, no_members: bool, at: usize, remarks: &mut Remarks) {
    match message {
        Some(Type::GET_WEIGHTS_REQUEST) => {}
        Some(Type::DEREGISTRATION_REQUEST) if no_members => {}
        Some(Type::DEREGISTRATION_REQUEST) => {
            let text = "\"all groups\" with members: taken at its word it deregisters everything"
                .to_owned();
            remarks.unusual(at, text);
        }
        _ => remarks.unusual(at, "empty group name: a GWM answers 0x50".to_owned()),
    }
}

fn members(components: &[Component], group: &Group, remarks: &mut Remarks) {
    let mut seen = BTreeSet::new();
    for (member, _) in &group.members {
        if let Some(Component {
            offset,
            fields: Fields::Member { key, .. },
            ..
        }) = components.get(*member)
            && !seen.insert(*key)
        {
            remarks.unusual(
                *offset,
                format!("{key} stands in this group for the second time"),
            );
        }
    }
}
