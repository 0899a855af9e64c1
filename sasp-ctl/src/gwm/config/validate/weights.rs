//! `[[weights]]`: where what is said of members comes from.

mod agent_check;
mod keys;
mod probe;
mod prometheus;
mod values;

use std::collections::{BTreeMap, BTreeSet};

use toml::Spanned;

use super::super::raw::{RawMembers, RawWeights};
use crate::config::source::Source;
use crate::config::table::Table;
use crate::config::values::named;
use crate::config::{ConfigError, member_key};
use crate::gwm::sources::rule::{self, Members, Rule};
use crate::sasp::gwm::{Admission, Assessment, Limits, Weights};
use crate::sasp::msg::{MemberKey, Name};

/// Rules in one file. Each of some sources costs a connection or a watch.
const RULES_MAX: usize = 65_536;

/// The weights that stand in the file, and all rules.
pub(super) fn weights(
    raws: &[Table<RawWeights>],
    admission: &Admission,
    limits: &Limits,
    source: &Source,
) -> Result<(Weights, Vec<Rule>), ConfigError> {
    let mut statics = Statics::default();
    let mut rules = Vec::new();
    for raw in raws {
        if rules.len() >= RULES_MAX {
            let reason = format!("more than {RULES_MAX} rules: name several members in each");
            return Err(source.error(&raw.source, reason));
        }
        let kind = keys::kind(raw, source)?;
        let group = named(&raw.group, "the group name", Name::MAX, source)?;
        let balancer = match &raw.balancer {
            Some(uid) => Some(rule_balancer(uid, admission, limits, source)?),
            None => None,
        };
        if kind.leaves_weights_open() && has_weights(raw) {
            let (members, source) = statics.add(raw, balancer.as_ref(), &group, source)?;
            rules.push(Rule {
                balancer: balancer.clone(),
                group: group.clone(),
                members,
                source,
            });
        }
        let (members, source) = match kind {
            keys::Kind::Static => statics.add(raw, balancer.as_ref(), &group, source)?,
            keys::Kind::Probe => {
                let members = listed(raw, kind, source)?;
                let probe = probe::probe(raw, &members, source)?;
                (members, rule::Source::Probe(probe))
            }
            keys::Kind::AgentCheck => {
                let agent = agent_check::agent_check(raw, source)?;
                let members = listed(raw, kind, source)?;
                (members, rule::Source::AgentCheck(agent))
            }
            keys::Kind::Prometheus => {
                let prometheus = prometheus::prometheus(raw, source)?;
                let members = listed(raw, kind, source)?;
                (members, rule::Source::Prometheus(prometheus))
            }
            keys::Kind::File => {
                let path = keys::needed(&raw.path, "path", raw, source)?;
                let path = values::file(path, source)?;
                let members = listed(raw, kind, source)?;
                (members, rule::Source::File(path))
            }
        };
        rules.push(Rule {
            balancer,
            group,
            members,
            source,
        });
    }
    Ok((statics.weights, rules))
}

/// Static weights so far, and where they stood.
#[derive(Default)]
struct Statics<'a> {
    weights: Weights,
    places: BTreeMap<(Option<Name>, Name, MemberKey), &'a Spanned<String>>,
}

impl<'a> Statics<'a> {
    fn add(
        &mut self,
        raw: &'a RawWeights,
        balancer: Option<&Name>,
        group: &Name,
        source: &Source,
    ) -> Result<(Members, rule::Source), ConfigError> {
        let members = keys::needed(&raw.members, "members", raw, source)?;
        let RawMembers::Weighed(typed) = members.get_ref() else {
            let reason = "these members have no weights: write { \"ADDR:PORT\" = WEIGHT }";
            return Err(source.error(members, reason));
        };
        let mut weights = BTreeMap::new();
        for (text, weight) in typed {
            let key = member_key::parse(text.get_ref()).map_err(|why| source.error(text, why))?;
            let weight = values::weight(weight, source)?;
            let place = (balancer.cloned(), group.clone(), key);
            let assessment = Assessment::fixed(weight);
            if self
                .weights
                .insert(balancer, group, key, assessment)
                .is_err()
            {
                let earlier = self.places.get(&place);
                let also = earlier.map_or_else(String::new, |text| source.also(text));
                let reason = format!(
                    "{key} of group {group} has a weight already (at {also}): remove one of them"
                );
                return Err(source.error(text, reason));
            }
            self.places.insert(place, text);
            weights.insert(key, weight);
        }
        let members = weights.keys().copied().collect();
        Ok((Members::Listed(members), rule::Source::Static(weights)))
    }
}

/// Whether the rule's members stand there with weights.
fn has_weights(raw: &RawWeights) -> bool {
    let members = raw.members.as_ref().map(Spanned::get_ref);
    matches!(members, Some(RawMembers::Weighed(_)))
}

/// The members of a rule whose source is not static.
fn listed(raw: &RawWeights, kind: keys::Kind, source: &Source) -> Result<Members, ConfigError> {
    let Some(members) = &raw.members else {
        return Ok(Members::Registered);
    };
    let typed: Vec<&Spanned<String>> = match members.get_ref() {
        RawMembers::Listed(typed) => typed.iter().collect(),
        RawMembers::Weighed(typed) if kind.leaves_weights_open() => typed.keys().collect(),
        RawMembers::Weighed(_) => {
            let reason = format!(
                "source {:?} finds the weights out: write members = [\"ADDR:PORT\"], or remove the key to take \
                 every member that is registered",
                raw.source.get_ref()
            );
            return Err(source.error(members, reason));
        }
    };
    if typed.is_empty() {
        let reason =
            "no members: name some, or remove the key to take every member that is registered";
        return Err(source.error(members, reason));
    }
    let mut keys = BTreeSet::new();
    for text in typed {
        let key = member_key::parse(text.get_ref()).map_err(|why| source.error(text, why))?;
        if !keys.insert(key) {
            let reason = format!("{key} stands twice: remove one of them");
            return Err(source.error(text, reason));
        }
    }
    Ok(Members::Listed(keys))
}

fn rule_balancer(
    uid: &Spanned<String>,
    admission: &Admission,
    limits: &Limits,
    source: &Source,
) -> Result<Name, ConfigError> {
    let parsed = named(uid, "the LB UID", limits.uid_bytes, source)?;
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
