//! A member of a `[[service]]`.

use std::net::SocketAddr;

use super::super::endpoint::protocol_name;
use super::super::error::ConfigError;
use super::super::member_key;
use super::super::raw::RawMember;
use super::super::settings::WEIGHT;
use super::super::source::Source;
use super::super::values::number_in;
use crate::balance::spec::{Forward, MemberSpec};
use crate::sasp::msg::MemberKey;

/// What a member must fit.
pub(super) struct Target {
    pub(super) vip: SocketAddr,
    pub(super) protocol: u8,
    pub(super) forward: Forward,
}

pub(super) fn member(
    raw: &RawMember,
    target: &Target,
    source: &Source,
) -> Result<MemberSpec, ConfigError> {
    let key =
        key(raw.address.get_ref(), target).map_err(|reason| source.error(&raw.address, reason))?;
    let weight = number_in(&raw.weight, WEIGHT, 0..=u16::MAX, source)?;
    Ok(MemberSpec {
        key,
        weight,
        forward: target.forward,
        server_id: None,
    })
}

fn key(text: &str, target: &Target) -> Result<MemberKey, String> {
    let mut key = member_key::parse(text)?;
    if key.port == 0 {
        return Err(format!(
            "the member {text:?} has no port; system-level members are not available yet: write ADDR:PORT"
        ));
    }
    if !text.contains('/') {
        key.protocol = target.protocol;
    }
    if key.protocol != target.protocol {
        return Err(format!(
            "the member {key} and its VIP {} differ in protocol: write the VIP's, or none",
            target.vip
        ));
    }
    if key.address.is_ipv4() != target.vip.is_ipv4() {
        return Err(format!(
            "the member {key} and its VIP {} differ in address family: dsr does not translate addresses",
            target.vip
        ));
    }
    if key.address == target.vip.ip() {
        return Err(format!(
            "the member {key} has the address of its VIP: write the member's own address"
        ));
    }
    if key.address.is_loopback() {
        return Err(format!(
            "the member {key} is a loopback address: write one that this host reaches over the network"
        ));
    }
    match target.forward {
        Forward::Dsr if key.port != target.vip.port() => Err(format!(
            "the member {key} listens on another port than its VIP ({}/{}): dsr does not translate ports",
            target.vip,
            protocol_name(target.protocol)
        )),
        _ => Ok(key),
    }
}
