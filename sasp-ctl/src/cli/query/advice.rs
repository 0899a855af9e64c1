//! What to do about a return code.

use super::plan::Plan;
use crate::inspect::explain;
use crate::sasp::code::{Code, LB_UID_MAX, Type};

/// One line about a request that the GWM has refused.
pub(super) fn refused(gwm: &str, request: Type, code: Code, plan: &Plan) -> String {
    let name = match code.name() {
        Some(name) => format!("{:#04x} {name}", code.0),
        None => format!("{:#04x}", code.0),
    };
    format!(
        "the GWM {gwm} refuses the {request} with code {name}: {}",
        advice(code, plan)
    )
}

fn advice(code: Code, plan: &Plan) -> String {
    let uid = &plan.uid;
    match code {
        Code::NOT_UNDERSTOOD => {
            "it could not read it; --raw shows it, and its log may tell why".to_owned()
        }
        Code::NOT_ACCEPTED => format!(
            "this host's address or certificate may not speak for LB UID {uid}: have the GWM admit it (`sources` and `certificate` in gwm.toml, lb_id_list on z/OS), or use --source or --tls-cert"
        ),
        Code::UNKNOWN_GROUP => {
            let groups: Vec<_> = plan.groups.iter().map(ToString::to_string).collect();
            match groups.as_slice() {
                [] => format!("LB UID {uid} has no groups"),
                [group] => format!("LB UID {uid} has no group {group}; name no group to see all"),
                groups => format!("LB UID {uid} has not all of {}; name no group to see all", groups.join(", ")),
            }
        }
        Code::UNKNOWN_LB => format!("it does not know LB UID {uid}"),
        Code::INVALID_LB_UID => format!(
            "LB UID {uid} has {} bytes; most take 1 to {LB_UID_MAX}",
            uid.len()
        ),
        Code::MEMBER_ALREADY_REGISTERED => format!(
            "one of the members is registered under LB UID {uid} already, so nothing was registered: use another --uid"
        ),
        Code::INVALID_GROUP => {
            "it does not serve such a group, e.g. because it mixes systems and applications, or because of its limits"
                .to_owned()
        }
        code => explain::meaning(code).to_owned(),
    }
}

/// Why nothing was asked: somebody may be connected under the LB UID.
pub(super) fn in_use(gwm: &str, plan: &Plan, probe: Code) -> String {
    let uid = &plan.uid;
    let instead = match plan.members.is_empty() {
        true => "ask under a new one with --member GROUP=ADDR:PORT",
        false => "leave --uid out",
    };
    match probe {
        Code::SUCCESS => format!(
            "the GWM {gwm} knows LB UID {uid} and has let a request pass that it should have refused, so a balancer that is connected under it may have been cut off; nothing more was asked: use --take-over if that is all right, or {instead}"
        ),
        _ => format!(
            "the GWM {gwm} knows LB UID {uid} (code {:#04x}, not 0x43), so a balancer may be connected under it, and to ask would cut it off until it connects again; nothing was asked: use --take-over if that is all right, or {instead}",
            probe.0
        ),
    }
}
