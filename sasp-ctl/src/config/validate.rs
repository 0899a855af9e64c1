//! From what was typed to values, or to the first reason why not.

mod balancer;
mod full_nat;
mod gwm;
mod gwms;
mod member;
mod noise;
mod quic;
mod service;
mod sources;
mod tls;
mod whole;

use super::error::ConfigError;
use super::raw::RawConfig;
use super::settings::Config;
use super::source::Source;

pub(super) fn config(raw: RawConfig, source: &Source) -> Result<Config, ConfigError> {
    let mut warnings = Vec::new();
    let balancer = balancer::balancer(&raw.balancer, source)?;
    let globals = balancer::globals(&raw.balancer, source)?;
    let gwms = gwms::gwms(&raw.gwm, source, &mut warnings)?;
    gwms::check_trust(&raw.gwm, &raw.service, source, &mut warnings);
    let mut services = Vec::with_capacity(raw.service.len());
    for raw in &raw.service {
        let raw = &**raw.get_ref();
        services.push((raw, service::service(raw, source, &mut warnings)?));
    }
    whole::vips(&services, source)?;
    whole::room(&services, &balancer.limits, source)?;
    if !gwms.is_empty() {
        whole::groups(&services, source, &mut warnings);
    }
    whole::loops(&services, source)?;
    whole::replies(&services, source)?;
    let full_nat = raw.balancer.full_nat.as_ref();
    whole::pool(&services, full_nat, source, &mut warnings)?;
    Ok(Config {
        balancer,
        gwms,
        globals,
        services: services.into_iter().map(|(_, spec)| spec).collect(),
        warnings,
    })
}
