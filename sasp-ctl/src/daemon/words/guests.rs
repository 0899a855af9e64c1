//! Members that have registered themselves with a GWM: which of them are worth passing on to the balancer.
//!
//! This is a coarse sieve, so that a GWM that lists a whole network costs little, and so that the weights of members
//! that nobody takes in do not count when several GWMs are combined. Whether a member can serve a VIP is for the
//! balancer to say; it also hears of those that cannot, to show them.

use std::collections::{BTreeMap, BTreeSet};

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

/// Members that registered themselves.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Guests {
    /// Those that the rules let in.
    pub(super) admitted: BTreeMap<MemberKey, MemberWeight>,
    /// Others, in a group that lets some in.
    pub(super) strangers: BTreeMap<MemberKey, MemberWeight>,
    /// How many of those that the rules would let in are too many.
    pub(super) left_out: usize,
}

/// Sorts what a GWM says of members that are not in the config. Where there is not room for all, those that were
/// admitted `before` stay: whoever registers members by the thousand does not drive out those that serve.
pub(super) fn sort(
    rules: &Rules,
    unknown: &BTreeMap<MemberKey, MemberWeight>,
    before: &BTreeSet<MemberKey>,
) -> Guests {
    if rules.is_empty() {
        return Guests::default();
    }
    let (registered, strangers): (BTreeMap<_, _>, BTreeMap<_, _>) = unknown
        .iter()
        .filter(|(_, weight)| !weight.by_lb)
        .map(|(key, weight)| (*key, *weight))
        .partition(|(key, _)| is_admitted(rules, key));
    let all = registered.len();
    let (stay, come): (BTreeMap<_, _>, BTreeMap<_, _>) = registered
        .into_iter()
        .partition(|(key, _)| before.contains(key));
    let admitted: BTreeMap<_, _> = stay.into_iter().chain(come).take(GUESTS_MAX).collect();
    Guests {
        left_out: all - admitted.len(),
        admitted,
        strangers: strangers.into_iter().take(GUESTS_MAX).collect(),
    }
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
        let nobody = BTreeSet::new();
        let mut said = unknown(["10.0.0.1:80", "192.0.2.1:80", "10.0.0.1:80/udp"].map(key));
        let guests = sort(&rules, &said, &nobody);
        let keys = |members: BTreeMap<MemberKey, _>| members.into_keys().collect::<Vec<_>>();
        assert_eq!(keys(guests.admitted), [key("10.0.0.1:80")]);
        assert_eq!(
            keys(guests.strangers),
            [key("192.0.2.1:80"), key("10.0.0.1:80/udp")]
        );
        assert_eq!(
            sort(&Vec::new(), &said, &nobody),
            Guests::default(),
            "nobody may"
        );
        for weight in said.values_mut() {
            weight.by_lb = true;
        }
        let ours = sort(&rules, &said, &nobody);
        assert_eq!(ours, Guests::default(), "what we registered is no guest");
    }

    /// More than there is room for, from this address on.
    fn many(first: u32) -> impl Iterator<Item = MemberKey> {
        (0..GUESTS_MAX as u32 + 7).map(move |number| MemberKey {
            protocol: 6,
            port: 80,
            address: std::net::Ipv4Addr::from_bits(first + number).into(),
        })
    }

    #[test]
    fn a_flood_of_guests_drives_out_none_that_was_there() {
        let rules = vec![(6, "10.0.0.0/8".parse().unwrap())];
        let served = key("10.255.0.1:80");
        let said = unknown(many(0x0a00_0000).chain([served]));
        let guests = sort(
            &rules,
            &said,
            &BTreeSet::from([served, key("10.255.0.2:80")]),
        );
        assert!(guests.admitted.contains_key(&served));
        assert_eq!((guests.admitted.len(), guests.left_out), (GUESTS_MAX, 8));
        let guests = sort(&rules, &said, &BTreeSet::new());
        assert!(
            !guests.admitted.contains_key(&served),
            "the first ones come in"
        );
    }

    #[test]
    fn a_group_has_a_limited_number_of_guests() {
        let rules = vec![(6, "10.0.0.0/8".parse().unwrap())];
        let guests = sort(
            &rules,
            &unknown(many(0x0a00_0000).chain(many(0x0b00_0000))),
            &BTreeSet::new(),
        );
        assert_eq!((guests.admitted.len(), guests.left_out), (GUESTS_MAX, 7));
        assert_eq!(guests.strangers.len(), GUESTS_MAX);
    }
}
