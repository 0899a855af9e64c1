//! What each member weighs by the operator's rules, and how sure we are of it.

use std::collections::BTreeMap;

use crate::sasp::msg::{MemberKey, Name};

/// What the GWM says of a member: the part of a Weight Entry that does not come from the member's own messages.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Assessment {
    /// The GWM can reach the member.
    pub contact: bool,
    /// The GWM stands behind contact and weight.
    pub confident: bool,
    /// The GWM's side wants no new flows for it, e.g. because its operator or the server's own agent says so. Ored
    /// with what balancer and member have asked for.
    pub quiesce: bool,
    /// Relative weight inside the group.
    pub weight: u16,
}

impl Assessment {
    /// A weight that the operator wrote down: taken as true.
    pub const fn fixed(weight: u16) -> Self {
        Self {
            contact: true,
            confident: true,
            quiesce: false,
            weight,
        }
    }

    /// A member that no rule matches: nothing is known of it.
    pub const UNKNOWN: Self = Self {
        contact: false,
        confident: false,
        quiesce: false,
        weight: 0,
    };
}

/// The rules of one group name.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
struct GroupRules {
    /// Rules for whichever balancer registers the group.
    any_balancer: BTreeMap<MemberKey, Assessment>,
    /// Rules for one balancer's group; they come before the others.
    by_balancer: BTreeMap<Name, BTreeMap<MemberKey, Assessment>>,
}

/// All rules: (balancer, group, member) to assessment.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Weights {
    groups: BTreeMap<Name, GroupRules>,
}

/// What is now said of one member, or of the members of a group that are not named one by one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WeightChange {
    /// The balancer whose group it is; `None`: of every balancer that nothing else is said for.
    pub balancer: Option<Name>,
    /// The group.
    pub group: Name,
    /// The member.
    pub member: MemberKey,
    /// What to say of it from now on; `None`: nothing any more.
    pub assessment: Option<Assessment>,
}

/// Two rules name the same member of the same group.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("another rule gives this member of this group a weight already")]
pub struct Conflict;

impl Weights {
    /// Adds a rule for `member` in `group`, of one balancer only if `balancer` is given.
    ///
    /// # Errors
    /// If there is such a rule already: which of the two holds would be a guess.
    pub fn insert(
        &mut self,
        balancer: Option<&Name>,
        group: &Name,
        member: MemberKey,
        assessment: Assessment,
    ) -> Result<(), Conflict> {
        let rules = self.groups.entry(group.clone()).or_default();
        let members = match balancer {
            Some(uid) => rules.by_balancer.entry(uid.clone()).or_default(),
            None => &mut rules.any_balancer,
        };
        match members.insert(member, assessment) {
            None => Ok(()),
            Some(earlier) => {
                members.insert(member, earlier);
                Err(Conflict)
            }
        }
    }

    /// Says something else of a member than before.
    pub fn apply(&mut self, change: &WeightChange) {
        let rules = self.groups.entry(change.group.clone()).or_default();
        let members = match &change.balancer {
            Some(uid) => rules.by_balancer.entry(uid.clone()).or_default(),
            None => &mut rules.any_balancer,
        };
        match change.assessment {
            Some(assessment) => members.insert(change.member, assessment),
            None => members.remove(&change.member),
        };
    }

    /// What to say of a member.
    pub fn assess(&self, balancer: &Name, group: &Name, member: &MemberKey) -> Assessment {
        let Some(rules) = self.groups.get(group) else {
            return Assessment::UNKNOWN;
        };
        rules
            .by_balancer
            .get(balancer)
            .and_then(|members| members.get(member))
            .or_else(|| rules.any_balancer.get(member))
            .copied()
            .unwrap_or(Assessment::UNKNOWN)
    }

    /// Number of rules, counted by member.
    pub fn len(&self) -> usize {
        let in_group = |rules: &GroupRules| {
            let by_balancer: usize = rules.by_balancer.values().map(BTreeMap::len).sum();
            by_balancer.saturating_add(rules.any_balancer.len())
        };
        self.groups.values().map(in_group).sum()
    }

    /// True if no member has a rule.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
