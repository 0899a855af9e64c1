//! `[[weights]]`: what members weigh.

use std::collections::BTreeMap;

use toml::Spanned;

use super::super::raw::RawWeights;
use super::name;
use crate::config::source::Source;
use crate::config::table::Table;
use crate::config::{ConfigError, member_key};
use crate::sasp::gwm::{Admission, Assessment, Limits, Weights};
use crate::sasp::msg::{MemberKey, Name};

/// Sources of weights that are planned; naming them tells a typing error from an impatient operator.
const SOURCES_LATER: [&str; 4] = ["probe", "agent-check", "prometheus", "file"];

pub(super) fn weights(
    rules: &[Table<RawWeights>],
    admission: &Admission,
    limits: &Limits,
    source: &Source,
) -> Result<Weights, ConfigError> {
    let mut weights = Weights::default();
    let mut places: BTreeMap<(Option<Name>, Name, MemberKey), &Spanned<String>> = BTreeMap::new();
    for rule in rules {
        known_source(&rule.source, source)?;
        let group = name(&rule.group, "group name", Name::MAX, source)?;
        let balancer = match &rule.balancer {
            Some(uid) => Some(rule_balancer(uid, admission, limits, source)?),
            None => None,
        };
        for (text, weight) in rule.members.get_ref() {
            let key = member_key::parse(text.get_ref()).map_err(|why| source.error(text, why))?;
            let assessment = Assessment::fixed(weight_in(weight, source)?);
            let place = (balancer.clone(), group.clone(), key);
            if weights
                .insert(balancer.as_ref(), &group, key, assessment)
                .is_err()
            {
                let also = places
                    .get(&place)
                    .map_or_else(String::new, |t| source.also(t));
                let reason = format!(
                    "{key} of group {group} has a weight already (at {also}): remove one of them"
                );
                return Err(source.error(text, reason));
            }
            places.insert(place, text);
        }
    }
    Ok(weights)
}

fn known_source(word: &Spanned<String>, source: &Source) -> Result<(), ConfigError> {
    let typed = word.get_ref().as_str();
    if typed == "static" {
        return Ok(());
    }
    let reason = if SOURCES_LATER.contains(&typed) {
        format!("source {typed:?} is not available yet: only \"static\" is")
    } else {
        format!("source {typed:?} is unknown: write \"static\"")
    };
    Err(source.error(word, reason))
}

fn rule_balancer(
    uid: &Spanned<String>,
    admission: &Admission,
    limits: &Limits,
    source: &Source,
) -> Result<Name, ConfigError> {
    let parsed = name(uid, "LB UID", limits.uid_bytes, source)?;
    match admission {
        Admission::Listed(listed) if !listed.contains_key(&parsed) => {
            let reason = format!(
                "no [[balancer]] has the uid {:?}, so this rule could never match: add one or remove the rule",
                uid.get_ref()
            );
            Err(source.error(uid, reason))
        }
        _ => Ok(parsed),
    }
}

fn weight_in(weight: &Spanned<i64>, source: &Source) -> Result<u16, ConfigError> {
    u16::try_from(*weight.get_ref()).map_err(|_| {
        let reason = format!("weight {} is out of range: 0 to 65535", weight.get_ref());
        source.error(weight, reason)
    })
}
