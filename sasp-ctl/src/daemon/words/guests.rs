//! Members that have registered themselves with a GWM: which of them are worth passing on to the balancer.
//!
//! This is only a coarse sieve, so that a GWM that lists a whole network costs nothing. Whether a member can serve a
//! VIP is for the balancer to say.

use std::collections::BTreeMap;

use ipnet::IpNet;

use crate::balance::spec::ServiceSpec;
use crate::sasp::client::MemberWeight;
use crate::sasp::msg::{MemberKey, Name};

/// More members of a group that nobody configured are a mistake, or an attack.
pub(super) const GUESTS_MAX: usize = 1024;

/// Where members of a group may come from: protocols and networks of its services.
pub(super) type Rules = Vec<(u8, IpNet)>;

/// The rules of every group that a service follows.
pub(super) fn rules(services: &[ServiceSpec]) -> BTreeMap<Name, Rules> {
    let mut rules: BTreeMap<Name, Rules> = BTreeMap::new();
    for service in services {
        let rules = rules.entry(service.group.clone()).or_default();
        let networks = service.self_registered.iter();
        rules.extend(networks.map(|network| (service.protocol, *network)));
    }
    rules
}

/// Those that the rules let in, and how many of them are too many.
pub(super) fn admit(
    rules: &Rules,
    unknown: &BTreeMap<MemberKey, MemberWeight>,
) -> (BTreeMap<MemberKey, MemberWeight>, usize) {
    let mut admitted: BTreeMap<MemberKey, MemberWeight> = unknown
        .iter()
        .filter(|(key, weight)| !weight.by_lb && is_admitted(rules, key))
        .map(|(key, weight)| (*key, *weight))
        .collect();
    let left_out = match admitted.keys().nth(GUESTS_MAX).copied() {
        Some(first) => admitted.split_off(&first).len(),
        None => 0,
    };
    (admitted, left_out)
}

fn is_admitted(rules: &Rules, key: &MemberKey) -> bool {
    rules
        .iter()
        .any(|(protocol, network)| *protocol == key.protocol && network.contains(&key.address))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> MemberKey {
        crate::config::member_key::parse(text).unwrap()
    }

    fn unknown(keys: impl IntoIterator<Item = MemberKey>) -> BTreeMap<MemberKey, MemberWeight> {
        keys.into_iter()
            .map(|key| (key, MemberWeight::default()))
            .collect()
    }

    #[test]
    fn members_come_from_the_networks_of_a_service_of_their_protocol() {
        let rules = vec![(6, "10.0.0.0/8".parse().unwrap())];
        let mut said = unknown(["10.0.0.1:80", "192.0.2.1:80", "10.0.0.1:80/udp"].map(key));
        let (admitted, left_out) = admit(&rules, &said);
        assert_eq!(
            (admitted.into_keys().collect(), left_out),
            (vec![key("10.0.0.1:80")], 0)
        );
        for weight in said.values_mut() {
            weight.by_lb = true;
        }
        let (admitted, _) = admit(&rules, &said);
        assert!(admitted.is_empty(), "what we registered once is no guest");
        assert!(
            admit(&Vec::new(), &unknown([key("10.0.0.1:80")]))
                .0
                .is_empty()
        );
    }

    #[test]
    fn a_group_has_a_limited_number_of_guests() {
        let rules = vec![(6, "10.0.0.0/8".parse().unwrap())];
        let many = (0..GUESTS_MAX as u32 + 7).map(|number| MemberKey {
            protocol: 6,
            port: 80,
            address: std::net::Ipv4Addr::from_bits(0x0a00_0000 + number).into(),
        });
        let (admitted, left_out) = admit(&rules, &unknown(many));
        assert_eq!((admitted.len(), left_out), (GUESTS_MAX, 7));
    }
}
