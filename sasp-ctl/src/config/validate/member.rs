//! A member of a `[[service]]`.

use std::net::SocketAddr;

use toml::Spanned;

use super::super::endpoint::{format_vip, needs_scope};
use super::super::error::ConfigError;
use super::super::member_key;
use super::super::raw::RawMember;
use super::super::settings::WEIGHT;
use super::super::source::Source;
use super::super::values::number_in;
use super::service::forward;
use crate::balance::spec::{Forward, MemberSpec, QuicLb};
use crate::sasp::msg::MemberKey;

/// What a member must fit.
pub(super) struct Target {
    pub(super) vip: SocketAddr,
    pub(super) protocol: u8,
    /// Unless the member has its own.
    pub(super) forward: Forward,
    pub(super) quic_lb: Option<QuicLb>,
}

impl Target {
    fn vip(&self) -> String {
        format_vip(self.vip, self.protocol)
    }
}

pub(super) fn member(
    raw: &RawMember,
    target: &Target,
    source: &Source,
) -> Result<MemberSpec, ConfigError> {
    let forward = match &raw.forward {
        Some(value) => forward(value, target.vip, target.protocol, source)?,
        None => target.forward,
    };
    let key = key(raw.address.get_ref(), forward, target)
        .map_err(|reason| source.error(&raw.address, reason))?;
    Ok(MemberSpec {
        key,
        weight: number_in(&raw.weight, WEIGHT, 0..=u16::MAX, source)?,
        forward,
        server_id: server_id(raw.server_id.as_ref(), target.quic_lb, source)?,
    })
}

fn key(text: &str, forward: Forward, target: &Target) -> Result<MemberKey, String> {
    let vip = target.vip();
    let (portless, protocol) = portless(text);
    let wanted = vip.rsplit_once('/').map(|(_, protocol)| protocol);
    if target.vip.port() == 0 && protocol.is_some() && protocol != wanted {
        return Err(format!(
            "the member {text:?} and its VIP {vip} differ in protocol: write the address alone"
        ));
    }
    let mut key = member_key::parse(portless.unwrap_or(text))?;
    match (key.port, target.vip.port()) {
        (0, 0) => {}
        (_, 0) => {
            return Err(format!(
                "the member {text:?} has a port, but its VIP {vip} stands for every port: write the address alone"
            ));
        }
        (0, _) => {
            return Err(format!(
                "the member {text:?} has no port, but its VIP {vip} has one: write ADDR:PORT"
            ));
        }
        _ => {
            if !text.contains('/') {
                key.protocol = target.protocol;
            }
            if key.protocol != target.protocol {
                return Err(format!(
                    "the member {key} and its VIP {vip} differ in protocol: write the VIP's, or none"
                ));
            }
        }
    }
    check_address(&key, &vip, target)?;
    check_mode(&key, &vip, forward, target)?;
    Ok(key)
}

/// `ADDR` of `ADDR:0` and `ADDR:0/tcp`, which is how some write every port; and the protocol.
fn portless(text: &str) -> (Option<&str>, Option<&str>) {
    let (endpoint, protocol) = match text.split_once('/') {
        Some((endpoint, protocol)) => (endpoint, Some(protocol)),
        None => (text, None),
    };
    match endpoint.strip_suffix(":0") {
        // Not the last word of a bare IPv6 address.
        Some(address) if address.ends_with(']') || !address.contains(':') => {
            (Some(address), protocol)
        }
        _ => (None, None),
    }
}

fn check_address(key: &MemberKey, vip: &str, target: &Target) -> Result<(), String> {
    if key.address == target.vip.ip() {
        return Err(format!(
            "the member {key} has the address of its VIP {vip}: write the member's own address"
        ));
    }
    if key.address.is_loopback() {
        return Err(format!(
            "the member {key} is a loopback address: write one that this host reaches over the network"
        ));
    }
    if needs_scope(key.address) {
        return Err(format!(
            "the member {key} has a link-local address, which means nothing without an interface: write a global or \
             unique local one"
        ));
    }
    Ok(())
}

/// What a mode leaves as it is must fit already.
fn check_mode(key: &MemberKey, vip: &str, forward: Forward, target: &Target) -> Result<(), String> {
    let mode = forward.name();
    if forward.translates() {
        if key.address.is_ipv4() != target.vip.is_ipv4() {
            return Err(format!(
                "the member {key} and its VIP {vip} differ in address family: {mode} does not translate between families, \"ipip\", \"gue\" and \"gre\" carry either"
            ));
        }
    } else if key.port != target.vip.port() {
        return Err(format!(
            "the member {key} listens on another port than its VIP {vip}: {mode} does not translate ports, \"nat\" and \"full-nat\" do"
        ));
    }
    Ok(())
}

/// Two hexadecimal digits for each byte.
fn server_id(
    value: Option<&Spanned<String>>,
    quic_lb: Option<QuicLb>,
    source: &Source,
) -> Result<Option<Vec<u8>>, ConfigError> {
    let Some(value) = value else {
        return Ok(None);
    };
    let Some(quic_lb) = quic_lb else {
        let reason =
            "`server_id` does nothing without `quic_lb`: add that to the service, or remove this";
        return Err(source.error(value, reason));
    };
    let text = value.get_ref();
    let length = usize::from(quic_lb.server_id_len);
    bytes(text)
        .filter(|id| id.len() == length)
        .map(Some)
        .ok_or_else(|| {
            let reason = format!(
                "{text:?} is not a server id of {length} bytes: write {} hexadecimal digits, or another `server_id_length`",
                2 * length
            );
            source.error(value, reason)
        })
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .map(|digit| digit.to_digit(16).map(|digit| digit as u8))
        .collect();
    let (pairs, rest) = digits.as_deref()?.as_chunks::<2>();
    rest.is_empty()
        .then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
}
