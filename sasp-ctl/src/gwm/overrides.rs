//! What the operator says of members by hand: applied by the engine over all rules, kept over restarts in a file.
//!
//! They stand here and in the engine; here with the time since when, and here they are changed.

mod state_file;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, SystemTime};

use serde::Serialize;
use tracing::{error, info};

use super::hub::Hub;
use super::sources::{Override, Scope as At, Sources};
use crate::sasp::gwm::Scope;
use crate::sasp::gwm::report::MemberOf;
use crate::sasp::msg::{MemberKey, Name};
use state_file::StateFile;

/// What is wished of a member.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Wish {
    /// This weight.
    Weight(u16),
    /// The weight that the rules give.
    Auto,
    /// No new flows.
    Quiesce,
    /// New flows, as far as nobody else has quiesced it.
    Resume,
}

/// One override.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct ByHand {
    says: Override,
    /// When it was changed last.
    since: SystemTime,
}

/// All of them.
#[derive(Default)]
pub(super) struct Overrides {
    entries: BTreeMap<At, ByHand>,
    /// `None`: they end with the process.
    file: Option<StateFile>,
}

/// An override, for people and scripts.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub(super) struct OverrideStatus {
    pub(super) group: Name,
    pub(super) member: MemberKey,
    /// The balancer in whose group it counts; `null`: every one.
    pub(super) uid: Option<Name>,
    /// `null`: as the rules have it.
    pub(super) weight: Option<u16>,
    pub(super) quiesced: bool,
    /// When it was changed last, in seconds since 1970.
    pub(super) since: u64,
    /// The same, from now.
    pub(super) seconds_ago: f64,
}

impl OverrideStatus {
    /// As in "overridden: weight 40, quiesced".
    pub(super) fn words(&self) -> String {
        let weight = self.weight.map(|weight| format!("weight {weight}"));
        let quiesced = self.quiesced.then(|| "quiesced".to_owned());
        let words: Vec<_> = weight.into_iter().chain(quiesced).collect();
        words.join(", ")
    }
}

/// What came of a wish.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub(super) struct Outcome {
    pub(super) group: Name,
    pub(super) member: MemberKey,
    /// What is overridden now; `null`: nothing.
    pub(super) overridden: Option<OverrideStatus>,
    /// What is said of the member now, to each balancer that it is registered for.
    pub(super) said: Vec<MemberOf>,
    /// What the operator may not expect, one line each.
    pub(super) notes: Vec<String>,
}

impl Overrides {
    /// Those of an earlier process, already in force; without a file, or with one that makes no sense (which is
    /// logged), none.
    pub(super) fn load(path: Option<&Path>, sources: &Sources) -> Self {
        let Some(path) = path else {
            return Self::default();
        };
        let mut overrides = Self::default();
        let (file, found) = StateFile::open(path);
        match found {
            Ok(found) => {
                for (at, by_hand) in found {
                    if let Err(refused) = put_into_force(sources, &at, Some(by_hand.says)) {
                        error!(group = %at.group, member = %at.member, "not overridden: {refused}");
                        continue;
                    }
                    overrides.entries.insert(at, by_hand);
                }
                let count = overrides.entries.len();
                if count > 0 {
                    info!(path = %path.display(), members = count, "overrides are in force again");
                }
            }
            Err(why) => error!(
                "no overrides of earlier are in force: {}: {why} (kept beside it when there are new ones)",
                path.display()
            ),
        }
        overrides.file = Some(file);
        overrides
    }

    /// Does as wished, at once.
    ///
    /// # Errors
    /// One line, and nothing has changed.
    pub(super) fn wish(
        &mut self,
        at: At,
        wish: Wish,
        (sources, hub): (&Sources, &Hub),
        now: SystemTime,
    ) -> Result<Outcome, String> {
        let before = self.entries.get(&at).map(|by_hand| by_hand.says);
        let mut says = before.unwrap_or_default();
        match wish {
            Wish::Weight(weight) => says.weight = Some(weight),
            Wish::Auto => says.weight = None,
            Wish::Quiesce => says.quiesce = true,
            Wish::Resume => says.quiesce = false,
        }
        let is_news = says != before.unwrap_or_default();
        let mut notes = Vec::new();
        if is_news {
            put_into_force(sources, &at, Some(says))?;
            match says == Override::default() {
                true => self.entries.remove(&at),
                false => self.entries.insert(at.clone(), ByHand { says, since: now }),
            };
            info!(
                group = %at.group, member = %at.member, uid = at.balancer.as_ref().map(tracing::field::display),
                weight = says.weight, quiesce = says.quiesce, "overridden by the operator"
            );
            notes.extend(self.save());
        }
        let said = hub.look(|gwm| gwm.members_called(&at.group, &at.member, at.balancer.as_ref()));
        notes.extend(remarks(&at, wish, is_news, &said));
        let overridden = self
            .entries
            .get(&at)
            .map(|by_hand| status(&at, by_hand, now));
        Ok(Outcome {
            group: at.group,
            member: at.member,
            overridden,
            said,
            notes,
        })
    }

    /// Those in the scope.
    pub(super) fn status(&self, scope: &Scope, now: SystemTime) -> Vec<OverrideStatus> {
        let is_in_scope = |at: &At| {
            let uid = scope.uid.as_ref();
            scope.group.as_ref().is_none_or(|only| *only == at.group)
                && uid.is_none_or(|only| at.balancer.as_ref().is_none_or(|uid| uid == only))
        };
        let in_scope = self.entries.iter().filter(|(at, _)| is_in_scope(at));
        in_scope
            .take(scope.rows)
            .map(|(at, by_hand)| status(at, by_hand, now))
            .collect()
    }

    /// How many members have a weight by hand, and how many are quiesced.
    pub(super) fn counts(&self) -> (usize, usize) {
        let says = || self.entries.values().map(|by_hand| by_hand.says);
        let weights = says().filter(|says| says.weight.is_some()).count();
        (weights, says().filter(|says| says.quiesce).count())
    }

    /// A note if a restart would forget them.
    fn save(&mut self) -> Option<String> {
        let Some(file) = &mut self.file else {
            let is_empty = self.entries.is_empty();
            return (!is_empty).then(|| {
                "a restart of this GWM forgets it: set `state` in gwm.toml to keep overrides"
                    .to_owned()
            });
        };
        let error = file.write(&self.entries).err()?;
        let note = format!(
            "a restart of this GWM forgets it: {} cannot be written: {error}",
            file.path().display()
        );
        error!("{note}");
        Some(note)
    }
}

fn put_into_force(sources: &Sources, at: &At, says: Option<Override>) -> Result<(), String> {
    let mut refused = None;
    sources.change(|engine, _| {
        let changes = engine.set_override(at.clone(), says);
        changes.unwrap_or_else(|error| {
            refused = Some(error.to_string());
            Vec::new()
        })
    });
    refused.map_or(Ok(()), Err)
}

fn status(at: &At, by_hand: &ByHand, now: SystemTime) -> OverrideStatus {
    // A calendar that was set back shows as 0.
    let since = by_hand.since.duration_since(SystemTime::UNIX_EPOCH);
    let ago = now.duration_since(by_hand.since);
    OverrideStatus {
        group: at.group.clone(),
        member: at.member,
        uid: at.balancer.clone(),
        weight: by_hand.says.weight,
        quiesced: by_hand.says.quiesce,
        since: since.map_or(0, |since| since.as_secs()),
        seconds_ago: ago.map_or(0.0, |ago: Duration| ago.as_secs_f64()),
    }
}

/// What the operator may not expect.
fn remarks(at: &At, wish: Wish, is_news: bool, said: &[MemberOf]) -> Vec<String> {
    let mut remarks = Vec::new();
    if !is_news {
        remarks.push(match wish {
            Wish::Weight(_) | Wish::Quiesce => "that was so already".to_owned(),
            Wish::Auto => "its weight was not overridden".to_owned(),
            Wish::Resume => "it was not quiesced here".to_owned(),
        });
    }
    if said.is_empty() {
        let whose = match &at.balancer {
            Some(uid) => format!("balancer {uid} has"),
            None => "no balancer has".to_owned(),
        };
        let not = if at.balancer.is_some() { " not" } else { "" };
        remarks.push(format!(
            "{whose}{not} registered it in group {}: what is overridden will count when it is",
            at.group
        ));
    }
    let is_quiesced = |member: &&MemberOf| member.report.entry.quiesced;
    if wish == Wish::Resume
        && let Some(quiesced) = said.iter().find(is_quiesced)
    {
        let by = quiesced.report.quiesced_by;
        let by = [
            (by.balancer, "its balancer"),
            (by.member, "itself"),
            (by.gwm, "another override or a source of this GWM"),
        ];
        let by: Vec<_> = by
            .iter()
            .filter(|(is, _)| *is)
            .map(|(_, who)| *who)
            .collect();
        remarks.push(format!(
            "balancer {} is still told that it is quiesced, by {}",
            quiesced.uid,
            by.join(" and ")
        ));
    }
    remarks
}

#[cfg(test)]
mod tests;
