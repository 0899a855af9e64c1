//! What a GWM shall know of us.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::{Config, GwmSettings};
use crate::sasp::client::{Desired, DesiredMember, LbState};
use crate::sasp::msg::{MemberKey, Name};

/// Every group with the members of all its services, who is quiesced by the operator, and how well we are.
///
/// Members that have registered themselves are not ours to register; that one of them is quiesced is told all the same.
pub(in crate::daemon) fn desired(
    config: &Config,
    gwm: &GwmSettings,
    quiesced: &BTreeSet<(Name, MemberKey)>,
    health: u8,
) -> Desired {
    let mut groups: BTreeMap<Name, BTreeMap<MemberKey, DesiredMember>> = BTreeMap::new();
    for service in &config.services {
        let group = groups.entry(service.group.clone()).or_default();
        for member in &service.members {
            let key = (service.group.clone(), member.key);
            let member = DesiredMember {
                label: Name::default(),
                quiesced: quiesced.contains(&key),
            };
            group.insert(key.1, member);
        }
    }
    let is_guest = |(group, key): &&(Name, MemberKey)| {
        let ours = groups.get(group);
        ours.is_some_and(|ours| !ours.contains_key(key))
    };
    Desired {
        lb_state: LbState {
            health,
            push: gwm.push,
            trust: gwm.trust,
            ..LbState::default()
        },
        quiesced_guests: quiesced.iter().filter(is_guest).cloned().collect(),
        groups,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::{self, Flags};

    #[test]
    fn a_group_has_the_members_of_all_its_services_and_the_operators_word_on_them() {
        let text = r#"
            balancer.uid = "u"
            [[gwm]]
            address = "g"
            push = false
            trust = true
            [[service]]
            group = "F"
            vip = "203.0.113.10:80/tcp"
            members = [ { address = "10.0.0.1:80" }, { address = "10.0.0.2:80" } ]
            self_registered = ["10.0.0.0/8"]
            [[service]]
            group = "F"
            vip = "203.0.113.10:443/tcp"
            members = [ { address = "10.0.0.1:443" } ]
        "#;
        let path = Path::new("edge.toml");
        let config = config::from_text(path, text.to_owned(), &Flags::default()).unwrap();
        let group = config.services[0].group.clone();
        let guest = config::member_key::parse("10.0.0.9:80").unwrap();
        let quiesced = BTreeSet::from([
            (group.clone(), config.services[0].members[1].key),
            (group.clone(), guest),
        ]);
        let desired = desired(&config, &config.gwms[0], &quiesced, 0x55);
        let state = desired.lb_state;
        assert!(!state.push && state.trust && state.health == 0x55);
        let members: Vec<_> = desired.groups[&group]
            .iter()
            .map(|(key, member)| (key.to_string(), member.quiesced))
            .collect();
        assert_eq!(
            members,
            [
                ("10.0.0.1:80".to_owned(), false),
                ("10.0.0.2:80".to_owned(), true),
                ("10.0.0.1:443".to_owned(), false),
            ]
        );
        assert_eq!(desired.groups.len(), 1);
        assert_eq!(desired.quiesced_guests, BTreeSet::from([(group, guest)]));
    }
}
