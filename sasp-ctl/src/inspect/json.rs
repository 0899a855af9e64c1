//! A message as JSON with stable names; names of the protocol are text, what is not UTF-8 is escaped.

use serde::Serialize;
use serde_json::{Value, json};

use super::component::{Component, Fields};
use super::explain::{self, LB_FLAGS, MEMBER_FLAGS, Role, WEIGHT_FLAGS};
use super::message::{Group, Inspection, Remark};
use crate::sasp::code::{FLAG_LB, Type};

/// One message.
#[derive(Serialize, Debug)]
pub struct Message<'a> {
    /// Name of the type, or `unknown 0x…`; none if there is no message in the frame.
    #[serde(rename = "type")]
    kind: Option<String>,
    type_number: Option<u16>,
    /// `to_gwm` or `from_gwm`, by the type.
    direction: Option<&'static str>,
    /// Section of RFC 4678.
    rfc: Option<&'static str>,
    version: Option<u8>,
    id: Option<u32>,
    /// Size in bytes.
    size: usize,
    /// Whether the codec takes it for a message.
    understood: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<&'a str>,
    /// The own fields of the message.
    fields: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    groups: Option<Vec<Value>>,
    components: Vec<Value>,
    remarks: &'a [Remark],
}

/// What to print of a message.
pub fn message(inspection: &Inspection) -> Message<'_> {
    let kind = inspection.kind();
    let header = inspection.header();
    let is_list = kind.is_some_and(|kind| explain::role(kind).is_some())
        && inspection.message().is_some_and(|message| {
            !matches!(message.fields, Fields::Reply(_) | Fields::LbState { .. })
        });
    Message {
        kind: kind.map(|kind| kind.to_string()),
        type_number: kind.map(|kind| kind.0),
        direction: kind.and_then(explain::role).map(|role| match role {
            Role::Request => "to_gwm",
            Role::Reply | Role::Push => "from_gwm",
        }),
        rfc: kind.and_then(explain::section),
        version: header.map(|(version, _)| version),
        id: header.map(|(_, id)| id),
        size: inspection.size,
        understood: inspection.cause.is_none(),
        cause: inspection.cause.as_deref(),
        fields: inspection
            .message()
            .map_or(Value::Null, |message| fields(&message.fields)),
        groups: (is_list || !inspection.groups.is_empty()).then(|| groups(inspection)),
        components: inspection.components.iter().map(component).collect(),
        remarks: &inspection.remarks,
    }
}

/// The groups with their members, each with what follows it.
pub fn groups(inspection: &Inspection) -> Vec<Value> {
    inspection
        .groups
        .iter()
        .map(|of| group(&inspection.components, of))
        .collect()
}

fn group(components: &[Component], group: &Group) -> Value {
    let at = |index: usize| {
        components
            .get(index)
            .map(|component| fields(&component.fields))
    };
    let mut object = group.data.and_then(at).unwrap_or_else(|| json!({}));
    if group.head.is_none() && group.members.is_empty() {
        return object;
    }
    let members = group.members.iter().map(|(member, entry)| {
        let mut object = at(*member).unwrap_or_else(|| json!({}));
        if let (Value::Object(member), Some(Value::Object(entry))) =
            (&mut object, entry.and_then(at))
        {
            member.extend(entry);
        }
        object
    });
    object["members"] = members.collect();
    object
}

fn component(component: &Component) -> Value {
    json!({
        "offset": component.offset,
        "type": component.kind.to_string(),
        "type_number": component.kind.0,
        "length": component.length,
        "fields": fields(&component.fields),
    })
}

/// The fields of a component.
pub fn fields(fields: &Fields) -> Value {
    match fields {
        Fields::Header { version, told, id } => json!({
            "version": version, "message_length": told, "id": id,
        }),
        Fields::Groups { flags, count } => json!({
            "flags": flags, "sender": sender(*flags), "count": count,
        }),
        Fields::Deregistration {
            flags,
            reason,
            count,
        } => json!({
            "flags": flags, "sender": sender(*flags), "count": count,
            "reason": reason.0, "reason_name": reason.to_string(),
        }),
        Fields::Reply(code) => json!({ "code": code.0, "code_name": code.to_string() }),
        Fields::Weights {
            code,
            interval,
            count,
        } => json!({
            "code": code.0, "code_name": code.to_string(),
            "interval_seconds": interval, "count": count,
        }),
        Fields::Count(count) => json!({ "count": count }),
        Fields::LbState {
            lb_uid,
            health,
            flags,
        } => json!({
            "lb_uid": lb_uid, "health": health, "flags": flags,
            "flag_names": explain::flag_names(*flags, LB_FLAGS),
        }),
        Fields::Member { key, label, .. } => json!({
            "member": key, "protocol": key.protocol, "port": key.port,
            "address": key.address, "label": label,
        }),
        Fields::Group { lb_uid, name } => json!({ "lb_uid": lb_uid, "group": name }),
        Fields::Weight {
            state,
            flags,
            weight,
        } => json!({
            "weight": weight, "state": state, "flags": flags,
            "flag_names": explain::flag_names(*flags, WEIGHT_FLAGS),
        }),
        Fields::State { state, flags } => json!({
            "state": state, "flags": flags,
            "flag_names": explain::flag_names(*flags, MEMBER_FLAGS),
        }),
        Fields::Opaque(bytes) => json!({ "unread_bytes": bytes }),
    }
}

fn sender(flags: u8) -> &'static str {
    match flags & FLAG_LB != 0 {
        true => "balancer",
        false => "member",
    }
}

/// Name and number of a type, e.g. of the request that a reply answers.
pub fn kind(kind: Type) -> Value {
    json!({ "type": kind.to_string(), "type_number": kind.0 })
}
