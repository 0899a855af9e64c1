//! All `[[gwm]]` together, and what they have to do with services.

use std::collections::HashMap;

use toml::Spanned;

use super::super::error::ConfigError;
use super::super::raw::{RawGwm, RawService};
use super::super::settings::GwmSettings;
use super::super::source::Source;
use super::super::table::Table;
use super::gwm::gwm;

/// Each has a session, a task and a copy of the weights.
const GWMS_MAX: usize = 16;

/// The most preferred first.
pub(super) fn gwms(
    raw: &[Spanned<Table<RawGwm>>],
    source: &Source,
    warnings: &mut Vec<String>,
) -> Result<Vec<GwmSettings>, ConfigError> {
    if let Some(excess) = raw.get(GWMS_MAX) {
        let reason = format!("more than {GWMS_MAX} [[gwm]]: remove some");
        return Err(source.error(&excess.get_ref().address, reason));
    }
    let mut seen = HashMap::new();
    let mut gwms = Vec::with_capacity(raw.len());
    for (position, raw) in (1..).zip(raw) {
        let raw = raw.get_ref();
        let gwm = gwm(raw, position, source, warnings)?;
        if let Some(first) = seen.insert(gwm.address.clone(), &raw.address) {
            return Err(source.error(
                &raw.address,
                format!(
                    "the GWM {} stands twice (also at {}): remove one of them",
                    gwm.address,
                    source.also(first)
                ),
            ));
        }
        gwms.push(gwm);
    }
    // Stable: among equals the order of the file counts.
    gwms.sort_by_key(|gwm| gwm.priority);
    Ok(gwms)
}

/// Members can register themselves only if the GWM is told to let them and a service takes them; one without the other
/// is a mistake that nobody would notice.
pub(super) fn check_trust(
    gwms: &[Spanned<Table<RawGwm>>],
    services: &[Spanned<Table<RawService>>],
    source: &Source,
    warnings: &mut Vec<String>,
) {
    let trusts = |trust: &&Spanned<bool>| *trust.get_ref();
    let trust = gwms
        .iter()
        .find_map(|gwm| gwm.get_ref().trust.as_ref().filter(trusts));
    let listed = services.iter().find_map(|service| {
        let list = service.get_ref().self_registered.as_ref()?;
        list.first()
    });
    match (trust, listed) {
        (Some(trust), None) => {
            let note = "members may register themselves, but no service takes them: add `self_registered` to a [[service]]";
            warnings.push(source.error(trust, note).to_string());
        }
        (None, Some(network)) => {
            let note = "no member can register itself as long as no [[gwm]] has `trust = true`";
            warnings.push(source.error(network, note).to_string());
        }
        _ => {}
    }
}
