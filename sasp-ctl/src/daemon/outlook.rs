//! How a configuration would fare on this host: what keeps its members from packets, and these from their way. The
//! daemon's log tells the same as it happens; here it is for whoever asks, be the configuration in force or not.
//!
//! Everything is looked at once, without privileges, and nothing is sent or changed. Members that register themselves
//! are not known here.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::{advice, hops, start};
use crate::balance::change::Adopted;
use crate::balance::inputs::Inputs;
use crate::balance::model::{Balancer, LimitError, Limits};
use crate::clock;
use crate::config::Config;
use crate::datapath::nexthop::{self, NextHops, Unresolved};

/// One line for each thing, in the network namespace of the calling thread, for a balancer attached to these
/// interfaces, by index; `None`: to whichever its members need. Must be called inside a tokio runtime.
pub async fn look(config: &Config, attached: Option<BTreeSet<u32>>) -> Vec<String> {
    let members = config.services.iter().flat_map(|spec| &spec.members);
    let members: BTreeSet<IpAddr> = members.map(|member| member.key.address).collect();
    let mut lines = Vec::new();
    let next_hops = match nexthop::ask(&members, attached.as_ref()).await {
        Ok(next_hops) => next_hops,
        Err(error) => {
            lines.push(format!(
                "the ways to members were not looked at: netlink cannot be asked ({error})"
            ));
            NextHops::new()
        }
    };
    for (address, next_hop) in &next_hops {
        match next_hop {
            Ok(_) | Err(Unresolved::Resolving) => {}
            Err(why) => lines.push(format!("member {address}: no next hop: {why}")),
        }
    }
    match troubles(config, &next_hops) {
        Ok(troubles) => lines.extend(troubles),
        Err(limit) => lines.push(limit.to_string()),
    }
    let found = next_hops.values().flatten().map(|hop| hop.ifindex);
    let interfaces = attached.unwrap_or_else(|| found.collect());
    let interfaces: Vec<_> = interfaces.into_iter().map(nexthop::name_of).collect();
    lines.extend(advice::advice(
        &interfaces,
        &config.services,
        &config.globals,
    ));
    lines
}

/// What a balancer would say that had nothing else to do.
fn troubles(config: &Config, next_hops: &NextHops) -> Result<Vec<String>, LimitError> {
    let sizes = &config.balancer.limits;
    let limits = Limits {
        services: sizes.services as usize,
        backends: sizes.backends as usize,
    };
    let now_ns = clock::now_ns();
    let (mut balancer, _) =
        Balancer::adopt(limits, 0, Adopted::default(), start::wanted(config), now_ns)?;
    let inputs = Inputs {
        groups: BTreeMap::new(),
        next_hops: hops::to_inputs(next_hops),
    };
    balancer.update(inputs, now_ns);
    let mut lines = Vec::new();
    for ((_, member), trouble) in balancer.troubles() {
        let hop = next_hops.get(&member.address).and_then(|hop| hop.ok());
        let gateway = hop.and_then(|hop| hop.gateway);
        let line = format!("member {member}: {}", trouble.text(gateway));
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    let tight = balancer.tight();
    lines.extend(
        tight
            .iter()
            .map(|(way, members)| way.text(&nexthop::name_of(way.ifindex), *members)),
    );
    Ok(lines)
}
