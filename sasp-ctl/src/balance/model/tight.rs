//! Ways to members on which not everything fits that clients may send: a tunnel's headers, or a smaller MTU. Clients are
//! told what does fit, which costs each of them a packet; where such answers are filtered it costs the connection.

use std::collections::BTreeMap;

use super::Balancer;
use super::member::Member;
use super::troubles::trouble;
use crate::balance::spec::Forward;

/// What the members behind an interface have in common.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Tight {
    /// The egress interface.
    pub ifindex: u32,
    /// Largest packet of a client that fits, in bytes.
    pub fits: u16,
    /// Largest packet that may come, in bytes.
    pub comes: u32,
    /// The MTU that the egress interface would need, in bytes.
    pub needed: u32,
    forward: Forward,
}

impl Tight {
    fn new(member: &Member) -> Option<Self> {
        let (way, hop) = (member.way.ok()?, member.next_hop?);
        let tight = way.inner_max > 0 && u32::from(way.inner_max) < hop.clients_mtu;
        tight.then_some(Self {
            ifindex: way.ifindex,
            fits: way.inner_max,
            comes: hop.clients_mtu,
            needed: hop.clients_mtu.saturating_add(way.outer_len.into()),
            forward: member.forward,
        })
    }

    /// For people: `interface` is the egress one's name, so many members are behind it.
    pub fn text(&self, interface: &str, members: usize) -> String {
        let plural = if members == 1 { "" } else { "s" };
        format!(
            "{members} {} member{plural} behind {interface}: clients are told {}, as {} do not fit; raise the MTU of \
             {interface} and of routes there to {}",
            self.forward.name(),
            self.fits,
            self.comes,
            self.needed
        )
    }
}

impl Balancer {
    /// All such ways, with the number of members; those that are worse than tight have a trouble instead.
    pub fn tight(&self) -> BTreeMap<Tight, usize> {
        let mut found = BTreeMap::new();
        for service in self.services.values() {
            let fine = |member: &&Member| trouble(service.vip, member).is_none();
            for tight in service.members.iter().filter(fine).filter_map(Tight::new) {
                *found.entry(tight).or_default() += 1;
            }
        }
        found
    }
}
