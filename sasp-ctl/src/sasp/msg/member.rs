//! Member Data (0x3010) and the two components that follow it: Weight Entry (0x3012), Member State Instance (0x3013).

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr, SocketAddr},
};

use serde::{Serialize, Serializer};

use super::Name;
use crate::sasp::{
    code::Type,
    codec::{Cause, EncodeError, Reader, Wire, Writer},
};

/// Identity of a member inside (LB UID, group). The label is no part of it (RFC 4678 section 5.1).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct MemberKey {
    /// IP protocol number; 0 (with port 0) is a system-level member, not a wildcard.
    pub protocol: u8,
    /// Port; 0 for a system-level member.
    pub port: u16,
    /// Address. An IPv4-mapped IPv6 address never stands here: decoding turns it into IPv4.
    pub address: IpAddr,
}

/// `ADDR:PORT` for TCP, `ADDR:PORT/udp` or `ADDR:PORT/NUMBER` otherwise, `ADDR` for a system-level member.
impl fmt::Display for MemberKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let socket = SocketAddr::new(self.address, self.port);
        match (self.protocol, self.port) {
            (0, 0) => write!(f, "{}", self.address),
            (6, _) => write!(f, "{socket}"),
            (17, _) => write!(f, "{socket}/udp"),
            (protocol, _) => write!(f, "{socket}/{protocol}"),
        }
    }
}

/// As [`fmt::Display`] has it.
impl Serialize for MemberKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Member Data (0x3010).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Member {
    /// Who it is.
    pub key: MemberKey,
    /// Opaque, echoed.
    pub label: Name,
}

/// Weight Entry (0x3012) with the member that it follows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WeightEntry {
    /// Whose weight this is.
    pub member: Member,
    /// Opaque state byte of the member.
    pub state: u8,
    /// Bits of [`super::super::code::weight_flags`]; reserved bits as received.
    pub flags: u8,
    /// Relative weight inside the group.
    pub weight: u16,
}

/// Member State Instance (0x3013) with the member that it follows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MemberState {
    /// Whose state this is.
    pub member: Member,
    /// Opaque state byte.
    pub state: u8,
    /// Bits of [`super::super::code::member_flags`]; reserved bits as received.
    pub flags: u8,
}

impl Wire for Member {
    fn write(&self, to: &mut Writer) -> Result<(), EncodeError> {
        to.component(Type::MEMBER_DATA, |fields| {
            fields.u8(self.key.protocol);
            fields.u16(self.key.port);
            fields.bytes(&address_to_wire(self.key.address));
            fields.string(&self.label);
        })
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Cause> {
        let (protocol, port, address, label) = from.component(Type::MEMBER_DATA, |fields| {
            Ok((
                fields.u8()?,
                fields.u16()?,
                fields.array()?,
                fields.string()?,
            ))
        })?;
        let (address, mapped) = address_from_wire(address);
        from.quirks.mapped_ipv4 |= mapped;
        Ok(Self {
            key: MemberKey {
                protocol,
                port,
                address,
            },
            label,
        })
    }
}

impl Wire for WeightEntry {
    fn write(&self, to: &mut Writer) -> Result<(), EncodeError> {
        self.member.write(to)?;
        to.component(Type::WEIGHT_ENTRY, |fields| {
            fields.u8(self.state);
            fields.u8(self.flags);
            fields.u16(self.weight);
        })
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Cause> {
        let member = Member::read(from)?;
        from.component(Type::WEIGHT_ENTRY, |fields| {
            Ok(Self {
                member,
                state: fields.u8()?,
                flags: fields.u8()?,
                weight: fields.u16()?,
            })
        })
    }
}

impl Wire for MemberState {
    fn write(&self, to: &mut Writer) -> Result<(), EncodeError> {
        self.member.write(to)?;
        to.component(Type::MEMBER_STATE_INSTANCE, |fields| {
            fields.u8(self.state);
            fields.u8(self.flags);
        })
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Cause> {
        let member = Member::read(from)?;
        from.component(Type::MEMBER_STATE_INSTANCE, |fields| {
            Ok(Self {
                member,
                state: fields.u8()?,
                flags: fields.u8()?,
            })
        })
    }
}

/// 16 bytes; IPv4 behind 12 zero bytes (RFC 4678 section 5.1: "IPv4-compatible", not `::ffff:`).
fn address_to_wire(address: IpAddr) -> [u8; 16] {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, c, d] = v4.octets();
            [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, a, b, c, d]
        }
        IpAddr::V6(v6) => v6.octets(),
    }
}

/// The address, and whether it came in the IPv4-mapped form that we never send.
fn address_from_wire(bytes: [u8; 16]) -> (IpAddr, bool) {
    match bytes {
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, v4 @ ..] => (IpAddr::from(v4), false),
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, v4 @ ..] => (IpAddr::from(v4), true),
        v6 => (IpAddr::V6(Ipv6Addr::from(v6)), false),
    }
}
