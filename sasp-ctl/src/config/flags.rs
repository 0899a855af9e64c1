//! What the command line adds to a file: the same raw structures, as if it had been written there.
//!
//! `--vip` adds a service. `--member` adds a member to every service of its group that it fits: the port, unless the
//! forward mode translates it, and the address family; if no VIP of the group has that, other ones that the mode allows. `--gwm` replaces the file's address and keeps its other
//! settings; several replace the file's one after the other, and what the file has more of them is left out. `--forward`
//! and `--uid` replace what the file says.

use std::net::SocketAddr;

use toml::Spanned;

use super::endpoint;
use super::error::{ConfigError, Place};
use super::member_key;
use super::raw::{RawConfig, RawGwm, RawMember, RawService};
use super::source::Source;
use super::table::Table;
use crate::balance::spec::Forward;

/// Flags of `attach` that say what a file could say.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// `--uid UID`.
    pub uid: Option<String>,
    /// `--gwm HOST[:PORT]`, the most preferred first.
    pub gwms: Vec<String>,
    /// `--vip ADDR:PORT/PROTO=GROUP`.
    pub vips: Vec<String>,
    /// `--member GROUP=ADDR:PORT[@WEIGHT]`.
    pub members: Vec<String>,
    /// `--forward MODE`.
    pub forward: Option<String>,
}

impl Flags {
    /// True if they say enough to do without a file.
    pub fn describe_a_service(&self) -> bool {
        !self.vips.is_empty()
    }

    pub(super) fn add_to(
        &self,
        raw: &mut RawConfig,
        source: &mut Source,
    ) -> Result<(), ConfigError> {
        if let Some(uid) = &self.uid {
            raw.balancer.uid = Some(spanned(source, "--uid", uid));
        }
        if !self.gwms.is_empty() {
            raw.gwm.truncate(self.gwms.len());
        }
        for (at, gwm) in self.gwms.iter().enumerate() {
            set_gwm(raw, at, spanned(source, "--gwm", gwm));
        }
        for vip in &self.vips {
            add_vip(raw, source, vip)?;
        }
        if let Some(mode) = &self.forward {
            set_forward(raw, &spanned(source, "--forward", mode));
        }
        for member in &self.members {
            add_member(raw, source, member)?;
        }
        Ok(())
    }
}

fn spanned(source: &mut Source, flag: &str, value: &str) -> Spanned<String> {
    Spanned::new(source.flag(flag, value), value.to_owned())
}

fn set_gwm(raw: &mut RawConfig, at: usize, address: Spanned<String>) {
    match raw.gwm.get_mut(at) {
        Some(gwm) => gwm.get_mut().address = address,
        None => raw.gwm.push(Spanned::new(
            address.span(),
            Table(RawGwm {
                address,
                priority: None,
                push: None,
                trust: None,
                hold: None,
                interval: None,
                timeout: None,
                retry_min: None,
                source: None,
                tls: None,
            }),
        )),
    }
}

/// For every member of every service, or the flag would not do what it says.
fn set_forward(raw: &mut RawConfig, mode: &Spanned<String>) {
    for service in raw.service.iter_mut().map(Spanned::get_mut) {
        service.forward = Some(mode.clone());
        service
            .members
            .iter_mut()
            .for_each(|member| member.forward = None);
    }
}

fn add_vip(raw: &mut RawConfig, source: &mut Source, text: &str) -> Result<(), ConfigError> {
    let span = source.flag("--vip", text);
    let Some((vip, group)) = text.split_once('=') else {
        return Err(ConfigError::new(
            source.place(span),
            "no group: write ADDR:PORT/PROTO=GROUP, or ADDR=GROUP for every protocol",
        ));
    };
    raw.service.push(Spanned::new(
        span.clone(),
        Table(RawService {
            group: Spanned::new(span.clone(), group.to_owned()),
            vip: Spanned::new(span, vip.to_owned()),
            forward: None,
            members: Vec::new(),
            self_registered: None,
            allow: None,
            deny: None,
            on_down: None,
            track: None,
            affinity: None,
            all_zero: None,
            quic: None,
            quic_lb: None,
            idle: None,
            dead_band: None,
            slow_start: None,
            move_limit: None,
            move_interval: None,
        }),
    ));
    Ok(())
}

fn add_member(raw: &mut RawConfig, source: &mut Source, text: &str) -> Result<(), ConfigError> {
    let span = source.flag("--member", text);
    let refused = |reason: &str| Err(ConfigError::new(source.place(span.clone()), reason));
    // A group may be called anything; an address has no equals sign.
    let Some((group, member)) = text.rsplit_once('=') else {
        return refused("no group: write GROUP=ADDR:PORT[@WEIGHT]");
    };
    let (address, weight) = match member.split_once('@') {
        None => (member, None),
        Some((address, weight)) => match weight.parse() {
            Ok(weight) => (address, Some(Spanned::new(span.clone(), weight))),
            Err(_) => return refused("the weight after '@' is not a number from 0 to 65535"),
        },
    };
    let member = Table(RawMember {
        address: Spanned::new(span.clone(), address.to_owned()),
        weight,
        forward: None,
        server_id: None,
    });
    let mut services: Vec<&mut Table<RawService>> = raw
        .service
        .iter_mut()
        .map(Spanned::get_mut)
        .filter(|service| service.group.get_ref() == group)
        .collect();
    match &mut services[..] {
        [] => refused(&format!(
            "no service has the group {group:?}: add --vip ADDR:PORT/PROTO={group}"
        )),
        // If it does not fit, validation says why better than "fits none".
        [service] => {
            service.members.push(member);
            Ok(())
        }
        services => {
            let fit: Vec<_> = services
                .iter()
                .map(|service| fit(&member, service))
                .collect();
            // Its own address family comes first: with a VIP of each, each gets its members.
            let Some(best) = fit.iter().flatten().max().copied() else {
                return refused(&format!(
                    "fits no service of the group {group:?}: its port must be that of a VIP, and its address family too, unless `forward` allows others"
                ));
            };
            for (service, _) in services
                .iter_mut()
                .zip(fit)
                .filter(|(_, fit)| *fit == Some(best))
            {
                service.members.push(member.clone());
            }
            Ok(())
        }
    }
}

/// How well a member can serve a VIP, as far as that can be told before validation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    /// Its packets cross to another address family.
    OtherFamily,
    /// As it is, or it cannot be parsed, so that validation refuses it with a reason.
    Well,
}

fn fit(member: &RawMember, service: &RawService) -> Option<Fit> {
    let text = member.address.get_ref();
    let Ok((vip, protocol)) = endpoint::parse_vip(service.vip.get_ref()) else {
        return Some(Fit::Well);
    };
    let (endpoint, typed_protocol) = match text.split_once('/') {
        Some((endpoint, typed)) => (endpoint, Some(typed)),
        None => (text.as_str(), None),
    };
    let member = match endpoint.parse::<SocketAddr>() {
        Ok(member) => member,
        Err(_) => match member_key::parse(endpoint) {
            Ok(key) => SocketAddr::new(key.address, key.port),
            Err(_) => return Some(Fit::Well),
        },
    };
    let translates = service.forward.as_ref().is_some_and(|mode| {
        let mode = mode.get_ref();
        Forward::ALL
            .iter()
            .any(|known| known.translates() && known.name() == mode)
    });
    let port_fits = match translates {
        true => (member.port() == 0) == (vip.port() == 0),
        false => member.port() == vip.port(),
    };
    let protocol_fits =
        typed_protocol.is_none_or(|typed| typed == endpoint::protocol_name(protocol));
    match member.is_ipv4() == vip.is_ipv4() {
        _ if !port_fits || !protocol_fits => None,
        true => Some(Fit::Well),
        false => (!translates).then_some(Fit::OtherFamily),
    }
}

impl ConfigError {
    /// Neither file nor flags name a service.
    pub fn no_service(file: Option<&std::path::Path>) -> Self {
        let reason = "nothing to balance: no [[service]] is listed and no --vip is given; `sasp-ctl init` writes a file to start from";
        match file {
            Some(path) => Self::in_file(path, reason),
            None => Self::new(Place::Nowhere, reason),
        }
    }

    /// Neither a file nor flags.
    pub fn nothing_given() -> Self {
        Self::new(
            Place::Nowhere,
            format!(
                "nothing to balance: {} does not exist and no --vip is given; `sasp-ctl init` writes a file to start from",
                super::DEFAULT_PATH
            ),
        )
    }
}
