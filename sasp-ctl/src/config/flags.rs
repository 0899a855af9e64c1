//! What the command line adds to a file: the same raw structures, as if it had been written there.
//!
//! `--vip` adds a service. `--member` adds a member to every service of its group that it fits (address family, and
//! port where the forward mode cannot translate it). `--gwm` replaces the file's address and keeps its other
//! settings; several replace the file's one after the other, and what the file has more of them is left out. `--forward`
//! and `--uid` replace what the file says.

use toml::Spanned;

use super::endpoint;
use super::error::{ConfigError, Place};
use super::raw::{RawConfig, RawGwm, RawMember, RawService};
use super::source::Source;
use super::table::Table;

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
        for member in &self.members {
            add_member(raw, source, member)?;
        }
        if let Some(mode) = &self.forward {
            let mode = spanned(source, "--forward", mode);
            for service in &mut raw.service {
                service.get_mut().forward = Some(mode.clone());
            }
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

fn add_vip(raw: &mut RawConfig, source: &mut Source, text: &str) -> Result<(), ConfigError> {
    let span = source.flag("--vip", text);
    let Some((vip, group)) = text.split_once('=') else {
        return Err(ConfigError::new(
            source.place(span),
            "no group: write ADDR:PORT/PROTO=GROUP",
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
            on_down: None,
            track: None,
            affinity: None,
            all_zero: None,
            quic: None,
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
            let mut fits = services
                .iter_mut()
                .filter(|service| fits(&member, service))
                .peekable();
            if fits.peek().is_none() {
                return refused(&format!(
                    "fits no service of the group {group:?}: its address family and port must be those of a VIP"
                ));
            }
            fits.for_each(|service| service.members.push(member.clone()));
            Ok(())
        }
    }
}

/// Whether a member can serve a VIP, as far as that can be told before validation; what cannot be parsed fits, so
/// that validation refuses it with a reason.
fn fits(member: &RawMember, service: &RawService) -> bool {
    let endpoint = member.address.get_ref();
    let (endpoint, protocol) = match endpoint.split_once('/') {
        Some((endpoint, protocol)) => (endpoint, Some(protocol)),
        None => (endpoint.as_str(), None),
    };
    let Ok(member) = endpoint.parse::<std::net::SocketAddr>() else {
        return true;
    };
    let Ok((vip, vip_protocol)) = endpoint::parse_vip(service.vip.get_ref()) else {
        return true;
    };
    member.is_ipv4() == vip.is_ipv4()
        && member.port() == vip.port()
        && protocol.is_none_or(|protocol| protocol == endpoint::protocol_name(vip_protocol))
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
