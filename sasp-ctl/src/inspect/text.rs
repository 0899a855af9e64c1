//! A message as lines of text: one a component, then the remarks.

use super::component::{Component, Fields};
use super::explain::{self, FlagNames, LB_FLAGS, MEMBER_FLAGS, Role, WEIGHT_FLAGS};
use super::message::Inspection;
use crate::sasp::code::{Code, FLAG_LB, Type};
use crate::sasp::msg::{MemberKey, Name};

/// The message in one line: its type, who sends it, and where the RFC describes it.
pub fn title(inspection: &Inspection) -> String {
    let Some(kind) = inspection.kind() else {
        return "message without a type".to_owned();
    };
    let mut title = named(kind);
    if let Some(role) = explain::role(kind) {
        title.push_str(match role {
            Role::Request => ", to the GWM",
            Role::Reply | Role::Push => ", from the GWM",
        });
    }
    if let Some(section) = explain::section(kind) {
        title.push_str(&format!(", RFC 4678 section {section}"));
    }
    title
}

/// Every component and every remark.
pub fn lines(inspection: &Inspection) -> Vec<String> {
    let kind = inspection.kind();
    let mut lines: Vec<String> = inspection
        .components
        .iter()
        .map(|component| line(component, kind))
        .collect();
    if let Some(cause) = &inspection.cause {
        lines.push(format!("  ! not understood: {cause}"));
    }
    lines.extend(inspection.remarks.iter().map(|remark| match remark.offset {
        Some(offset) => format!("  ! {}, byte {offset}: {}", remark.level, remark.text),
        None => format!("  ! {}: {}", remark.level, remark.text),
    }));
    lines
}

/// Name and number of a type.
fn named(kind: Type) -> String {
    match kind.name() {
        Some(name) => format!("{name} ({:#06x})", kind.0),
        None => format!("unknown type {:#06x}", kind.0),
    }
}

fn line(component: &Component, message: Option<Type>) -> String {
    let indent = 2 * (1 + usize::from(component.depth));
    format!(
        "{:indent$}{}, length {}: {}",
        "",
        named(component.kind),
        component.length,
        fields(component, message)
    )
}

fn fields(component: &Component, message: Option<Type>) -> String {
    match &component.fields {
        Fields::Header { version, told, id } => {
            format!("version {version}, message of {told} bytes, id {id:#010x}")
        }
        Fields::Groups { flags, count } => {
            format!("{}, {}", sender(*flags), counted(*count, "group"))
        }
        Fields::Deregistration {
            flags,
            reason,
            count,
        } => format!(
            "{}, reason {:#04x} {}, {}",
            sender(*flags),
            reason.0,
            reason.name().unwrap_or("not defined"),
            counted(*count, "group")
        ),
        Fields::Reply(value) => code(*value),
        Fields::Weights {
            code: value,
            interval,
            count,
        } => format!(
            "{}, interval {interval} s, {}",
            code(*value),
            counted(*count, "group")
        ),
        Fields::Count(count) => counted(
            *count,
            match explain::role(component.kind) {
                Some(_) => "group",
                None => "member",
            },
        ),
        Fields::LbState {
            lb_uid,
            health,
            flags,
        } => format!(
            "LB UID \"{lb_uid}\", health {health:#04x} of 0x7f, {}",
            flag_text(*flags, LB_FLAGS)
        ),
        Fields::Member { key, label, .. } => member(key, label),
        Fields::Group { lb_uid, name } => {
            format!("LB UID \"{lb_uid}\", {}", group(name, message))
        }
        Fields::Weight {
            state,
            flags,
            weight,
        } => format!(
            "weight {weight}, {}, state {state:#04x}",
            flag_text(*flags, WEIGHT_FLAGS)
        ),
        Fields::State { state, flags } => {
            format!("{}, state {state:#04x}", flag_text(*flags, MEMBER_FLAGS))
        }
        Fields::Opaque(bytes) => format!("{bytes} bytes that cannot be read"),
    }
}

fn member(key: &MemberKey, label: &Name) -> String {
    let label = match label.is_empty() {
        true => "no label".to_owned(),
        false => format!("label \"{label}\""),
    };
    match (key.protocol, key.port) {
        (0, 0) => format!("{key} (system), {label}"),
        _ => format!("{key}, protocol {}, {label}", key.protocol),
    }
}

fn group(name: &Name, message: Option<Type>) -> String {
    let all = [
        Some(Type::GET_WEIGHTS_REQUEST),
        Some(Type::DEREGISTRATION_REQUEST),
    ];
    match name.is_empty() {
        true if all.contains(&message) => "all groups".to_owned(),
        _ => format!("group \"{name}\""),
    }
}

fn sender(flags: u8) -> String {
    let who = match flags & FLAG_LB != 0 {
        true => "sent by the balancer",
        false => "sent by a member",
    };
    format!("flags {flags:#04x} ({who})")
}

fn counted(count: u16, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}

/// A code with its name, and what it means unless all is well.
pub fn code(code: Code) -> String {
    match code {
        Code::SUCCESS => format!("code {:#04x} {code}", code.0),
        _ => match code.name() {
            Some(name) => format!("code {:#04x} {name} ({})", code.0, explain::meaning(code)),
            None => format!("code {:#04x} ({})", code.0, explain::meaning(code)),
        },
    }
}

fn flag_text(flags: u8, names: FlagNames) -> String {
    let set = explain::flag_names(flags, names)
        .join(", ")
        .replace('_', " ");
    match set.is_empty() {
        true => format!("flags {flags:#04x}"),
        false => format!("flags {flags:#04x} ({set})"),
    }
}
