//! Get Weights (RFC 4678 section 7.3).

use std::time::Instant;

use super::Gwm;
use super::check::groups_are_distinct;
use super::connection::ConnectionId;
use super::member::Speaker;
use super::refusal::Refusal;
use crate::sasp::msg::{GetWeightsRequest, Group, GroupOf, Name, WeightEntry};

impl Gwm {
    /// The weights of the groups asked for, in the order of the request. Under No-Change a group without a change
    /// is listed without members, so that the balancer can tell it from one that it did not ask for. But the first
    /// answer on a connection is complete, whatever was pushed before: Get Weights is how a balancer recovers
    /// (RFC 4678 section 9.1).
    pub(super) fn get_weights(
        &mut self,
        id: ConnectionId,
        request: &GetWeightsRequest,
        now: Instant,
    ) -> Result<Vec<GroupOf<WeightEntry>>, Refusal> {
        let uids = || request.groups.iter().map(|group| &group.lb_uid);
        self.uids_fit(uids())?;
        self.may_speak(id, Speaker::Balancer, uids())?;
        let Some(uid) = uids().next() else {
            return Ok(Vec::new());
        };
        self.is_known(Speaker::Balancer, uids())?;
        groups_are_distinct(request.groups.iter())?;
        self.groups_are_known(request.groups.iter())?;

        self.bind(id, uid, now);
        let connection = self.connections.get_mut(&id);
        let has_asked = connection.is_some_and(|c| std::mem::replace(&mut c.has_asked, true));
        let Some(balancer) = self.balancers.get_mut(uid) else {
            return Ok(Vec::new());
        };
        let changed_only = has_asked && balancer.wishes.no_change();
        let names: Vec<Name> = if request.groups.iter().any(|group| group.name.is_empty()) {
            balancer.groups().keys().cloned().collect()
        } else {
            request
                .groups
                .iter()
                .map(|group| group.name.clone())
                .collect()
        };
        let report = |name: Name| {
            let items = balancer.report(&name, changed_only)?;
            let lb_uid = uid.clone();
            Some(GroupOf {
                group: Group { lb_uid, name },
                items,
            })
        };
        Ok(names.into_iter().filter_map(report).collect())
    }
}
