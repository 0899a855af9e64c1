//! From what was typed to values, or to the first reason why not.

mod balancer;
mod gwm;
mod gwms;
mod member;
mod noise;
mod service;
mod tls;

use std::collections::HashMap;

use super::endpoint;
use super::error::ConfigError;
use super::raw::RawConfig;
use super::settings::Config;
use super::source::Source;

pub(super) fn config(raw: RawConfig, source: &Source) -> Result<Config, ConfigError> {
    let mut warnings = Vec::new();
    let balancer = balancer::balancer(&raw.balancer, source)?;
    let gwms = gwms::gwms(&raw.gwm, source, &mut warnings)?;
    gwms::check_trust(&raw.gwm, &raw.service, source, &mut warnings);
    let mut vips = HashMap::new();
    let mut services = Vec::with_capacity(raw.service.len());
    let mut members = 0;
    for raw in &raw.service {
        let raw = raw.get_ref();
        let service = service::service(raw, source, &mut warnings)?;
        if let Some(first) = vips.insert((service.vip, service.protocol), &raw.vip) {
            return Err(source.error(
                &raw.vip,
                format!(
                    "the VIP {} stands twice (also at {}): remove one of them",
                    endpoint::format_vip(service.vip, service.protocol),
                    source.also(first)
                ),
            ));
        }
        members += service.members.len();
        let limits = &balancer.limits;
        for (what, count, limit) in [
            ("services", vips.len(), limits.services as usize),
            // Index 0 stands for nobody.
            ("backends", members, limits.backends as usize - 1),
        ] {
            if count > limit {
                return Err(source.error(
                    &raw.vip,
                    format!("more than {limit} {what}: raise `limits.{what}` under [balancer]"),
                ));
            }
        }
        services.push(service);
    }
    Ok(Config {
        balancer,
        gwms,
        services,
        warnings,
    })
}
