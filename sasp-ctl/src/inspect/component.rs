//! The flat sequence of components that a message is, read as far as sense can be made of it.
//!
//! A component's Length must be that of its own fields (RFC 4678 section 8). Where it is not, two readings are
//! possible: the Length is right, or the fields are. The one is taken behind which a known component starts; so
//! senders that count what follows into the Length, as figures 9 to 14 draw it, can still be read.

use std::net::{IpAddr, Ipv6Addr};

use super::message::Remarks;
use crate::sasp::code::{Code, Reason, Type};
use crate::sasp::frame::HEADER_LEN;
use crate::sasp::msg::{MemberKey, Name};

/// Type and Length, in bytes.
const TLV_LEN: usize = 4;
/// More components are not looked at: a reply of 16 MiB has about half as many.
const COMPONENTS_MAX: usize = 1 << 20;

/// One component of a message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Component {
    /// Where it starts, in bytes from the start of the message.
    pub offset: usize,
    /// Its Type field.
    pub kind: Type,
    /// Its Length field, right or wrong.
    pub length: u16,
    /// How deep it is nested: 0 for header and message.
    pub depth: u8,
    /// What stands in it.
    pub fields: Fields,
}

/// The fields of a component.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fields {
    /// The header: version, length of the whole message in bytes, message id.
    #[expect(missing_docs, reason = "said above")]
    Header { version: u8, told: i32, id: u32 },
    /// Registration and Set Member State: flags and number of groups.
    #[expect(missing_docs, reason = "said above")]
    Groups { flags: u8, count: u16 },
    /// DeRegistration.
    #[expect(missing_docs, reason = "said above")]
    Deregistration {
        flags: u8,
        reason: Reason,
        count: u16,
    },
    /// A reply that is only a code.
    Reply(Code),
    /// Get Weights Reply; the interval is in seconds.
    #[expect(missing_docs, reason = "said above")]
    Weights {
        code: Code,
        interval: u16,
        count: u16,
    },
    /// Only the number of what follows.
    Count(u16),
    /// Set LB State.
    #[expect(missing_docs, reason = "said above")]
    LbState { lb_uid: Name, health: u8, flags: u8 },
    /// Member Data.
    Member {
        /// Who it is.
        key: MemberKey,
        /// Opaque.
        label: Name,
        /// The address came in the IPv4-mapped form.
        mapped: bool,
    },
    /// Group Data.
    #[expect(missing_docs, reason = "said above")]
    Group { lb_uid: Name, name: Name },
    /// Weight Entry.
    #[expect(missing_docs, reason = "said above")]
    Weight { state: u8, flags: u8, weight: u16 },
    /// Member State Instance.
    #[expect(missing_docs, reason = "said above")]
    State { state: u8, flags: u8 },
    /// Of an unknown type, or unreadable: so many bytes.
    Opaque(usize),
}

/// Reads the components of a frame.
pub(super) fn components(frame: &[u8], remarks: &mut Remarks) -> Vec<Component> {
    let mut components = Vec::new();
    let mut at = 0;
    while let Some(rest) = frame.get(at..).filter(|rest| !rest.is_empty()) {
        if components.len() == COMPONENTS_MAX {
            remarks.wrong(
                at,
                format!("more than {COMPONENTS_MAX} components: the rest is not shown"),
            );
            break;
        }
        let Some((component, used)) = next(at, rest, remarks) else {
            break;
        };
        components.push(component);
        at += used;
    }
    components
}

/// The component that `rest` starts with and the number of its bytes.
fn next(offset: usize, rest: &[u8], remarks: &mut Remarks) -> Option<(Component, usize)> {
    let Some(([t0, t1, l0, l1], behind)) = rest.split_first_chunk() else {
        remarks.wrong(offset, format!("{} stray bytes at the end", rest.len()));
        return None;
    };
    let kind = Type(u16::from_be_bytes([*t0, *t1]));
    let length = u16::from_be_bytes([*l0, *l1]);
    let told = usize::from(length);
    let component = |fields| Component {
        offset,
        kind,
        length,
        depth: 0,
        fields,
    };
    if kind.name().is_none() {
        if !(TLV_LEN..=rest.len()).contains(&told) {
            remarks.wrong(
                offset,
                format!("{} bytes that are no component", rest.len()),
            );
            return None;
        }
        remarks.wrong(offset, format!("component of unknown type {:#06x}", kind.0));
        return Some((component(Fields::Opaque(told - TLV_LEN)), told));
    }
    let read = read(kind, behind);
    let own = read.as_ref().map(|(_, left)| rest.len() - left.len());
    let used = match own {
        Some(own) if own == told => own,
        _ => resolve(offset, kind, told, own, rest, remarks),
    };
    let fields = read
        .filter(|_| own.is_some_and(|own| own <= used))
        .map_or(Fields::Opaque(used - TLV_LEN), |(fields, _)| fields);
    Some((component(fields), used))
}

/// Length and fields disagree: how many bytes to take for the component, at least its Type and Length.
fn resolve(
    offset: usize,
    kind: Type,
    told: usize,
    own: Option<usize>,
    rest: &[u8],
    remarks: &mut Remarks,
) -> usize {
    let leads_on = |size: usize| match rest.get(size..) {
        Some([]) => true,
        Some([t0, t1, ..]) => Type(u16::from_be_bytes([*t0, *t1])).name().is_some(),
        Some([_]) | None => false,
    };
    let possible = (TLV_LEN..=rest.len()).contains(&told);
    let Some(own) = own else {
        remarks.wrong(
            offset,
            format!("{kind} says length {told}, but the message ends inside its fields"),
        );
        return if possible { told } else { rest.len() };
    };
    if kind == Type::HEADER {
        // Its fields stand at fixed places, or the message's end would not have been found.
        remarks.wrong(
            offset,
            format!("the header has length {told} instead of {own}"),
        );
        return own;
    }
    if told > own && leads_on(own) {
        remarks.wrong(
            offset,
            format!("{kind} has length {told}, which counts what follows it: its own fields take {own} (RFC 4678 section 8)"),
        );
        return own;
    }
    remarks.wrong(
        offset,
        format!("{kind} has length {told}, its fields take {own}"),
    );
    if possible && leads_on(told) {
        told
    } else {
        own
    }
}

/// The fields of a known type and what is left behind them; `None` if the bytes do not suffice.
fn read(kind: Type, bytes: &[u8]) -> Option<(Fields, &[u8])> {
    let mut from = Cursor(bytes);
    let fields = match kind {
        Type::HEADER => Fields::Header {
            version: from.u8()?,
            told: i32::from_be_bytes(from.array()?),
            id: u32::from_be_bytes(from.array()?),
        },
        Type::REGISTRATION_REQUEST | Type::SET_MEMBER_STATE_REQUEST => Fields::Groups {
            flags: from.u8()?,
            count: from.u16()?,
        },
        Type::DEREGISTRATION_REQUEST => Fields::Deregistration {
            flags: from.u8()?,
            reason: Reason(from.u8()?),
            count: from.u16()?,
        },
        Type::GET_WEIGHTS_REPLY => Fields::Weights {
            code: Code(from.u8()?),
            interval: from.u16()?,
            count: from.u16()?,
        },
        Type::REGISTRATION_REPLY
        | Type::DEREGISTRATION_REPLY
        | Type::SET_LB_STATE_REPLY
        | Type::SET_MEMBER_STATE_REPLY => Fields::Reply(Code(from.u8()?)),
        Type::SET_LB_STATE_REQUEST => Fields::LbState {
            lb_uid: from.string()?,
            health: from.u8()?,
            flags: from.u8()?,
        },
        Type::MEMBER_DATA => member(&mut from)?,
        Type::GROUP_DATA => Fields::Group {
            lb_uid: from.string()?,
            name: from.string()?,
        },
        Type::WEIGHT_ENTRY => Fields::Weight {
            state: from.u8()?,
            flags: from.u8()?,
            weight: from.u16()?,
        },
        Type::MEMBER_STATE_INSTANCE => Fields::State {
            state: from.u8()?,
            flags: from.u8()?,
        },
        // Get Weights Request, Send Weights and the three groups.
        _ => Fields::Count(from.u16()?),
    };
    Some((fields, from.0))
}

fn member(from: &mut Cursor<'_>) -> Option<Fields> {
    let (protocol, port) = (from.u8()?, from.u16()?);
    let v6 = Ipv6Addr::from(from.array::<16>()?);
    let mapped = v6.to_ipv4_mapped();
    let address = match (mapped, v6.octets()) {
        (Some(v4), _) => IpAddr::V4(v4),
        (None, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, v4 @ ..]) => IpAddr::from(v4),
        (None, _) => IpAddr::V6(v6),
    };
    Some(Fields::Member {
        key: MemberKey {
            protocol,
            port,
            address,
        },
        label: from.string()?,
        mapped: mapped.is_some(),
    })
}

/// True if the bytes start as a SASP message does: header type and header length.
pub fn starts_message(bytes: &[u8]) -> bool {
    let [t0, t1] = Type::HEADER.0.to_be_bytes();
    // The header's length is 13.
    bytes.starts_with(&[t0, t1, 0, HEADER_LEN as u8])
}

/// What is left to read.
struct Cursor<'a>(&'a [u8]);

impl Cursor<'_> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }

    fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_be_bytes)
    }

    fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    /// A string with its length byte.
    fn string(&mut self) -> Option<Name> {
        let length = self.u8()?;
        let (bytes, rest) = self.0.split_at_checked(usize::from(length))?;
        self.0 = rest;
        Name::new(bytes)
    }
}
