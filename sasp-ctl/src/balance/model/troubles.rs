//! What is wrong with the ways to members although they have next hops.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::Balancer;
use super::member::Member;
use crate::balance::change::Vip;
use crate::balance::effective::Unreachable;
use crate::sasp::msg::MemberKey;

/// See the module.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trouble {
    /// It is behind a gateway, and `dsr` addresses frames to the member itself: it gets no packets.
    BehindGateway,
    /// This host has no address of its family to send tunnelled packets from: it gets none.
    NoSource,
    /// It gets packets, but hosts take for granted that larger ones fit.
    Narrow {
        /// Largest packet of a client that fits, in bytes.
        fits: u16,
        /// What ought to fit.
        least: u16,
    },
}

impl Trouble {
    /// It gets no packets.
    pub fn bars(self) -> bool {
        !matches!(self, Self::Narrow { .. })
    }

    /// For people; `gateway` is the one that its route leads through.
    pub fn text(self, gateway: Option<IpAddr>) -> String {
        match (self, gateway) {
            (Self::BehindGateway, Some(gateway)) => {
                format!("behind gateway {gateway}: dsr needs it on the same segment")
            }
            (Self::BehindGateway, None) => {
                "behind a gateway: dsr needs it on the same segment".to_owned()
            }
            (Self::NoSource, _) => {
                "this host has no address of its family to tunnel from: give its interface one"
                    .to_owned()
            }
            (Self::Narrow { fits, least }, _) => format!(
                "only {fits} bytes of a client's packet fit on the way, not even {least}: raise the MTU of its route \
                 or interface"
            ),
        }
    }
}

impl Balancer {
    /// All troubles, by VIP and member.
    pub fn troubles(&self) -> BTreeMap<(Vip, MemberKey), Trouble> {
        let mut troubles = BTreeMap::new();
        for service in self.services.values() {
            for member in &service.members {
                if let Some(trouble) = trouble(service.vip, member) {
                    troubles.insert((service.vip, member.key), trouble);
                }
            }
        }
        troubles
    }

    /// Whether some member has this address, and none that has can be sent packets although it has a next hop.
    pub fn bars(&self, address: IpAddr) -> bool {
        let services = self.services.values();
        let mut there = services
            .flat_map(|service| service.members.iter().map(|member| (service.vip, member)))
            .filter(|(_, member)| member.key.address == address)
            .peekable();
        there.peek().is_some()
            && there.all(|(vip, member)| trouble(vip, member).is_some_and(Trouble::bars))
    }
}

/// What is wrong with the way to a member of a VIP.
pub(super) fn trouble(vip: Vip, member: &Member) -> Option<Trouble> {
    let way = match member.way {
        Ok(way) => way,
        Err(Unreachable::NoNextHop) => return None,
        Err(Unreachable::BehindGateway) => return Some(Trouble::BehindGateway),
        Err(Unreachable::NoSource) => return Some(Trouble::NoSource),
    };
    // RFC 791 section 3.2, RFC 8200 section 5.
    let least = match vip {
        Vip::V4(_) => 576,
        Vip::V6(_) => 1280,
    };
    let fits = way.inner_max;
    (fits > 0 && fits < least).then_some(Trouble::Narrow { fits, least })
}
