//! The balancer's state as an operator sees it. Field names are a contract: `status --json` prints them.

use std::net::SocketAddr;

use sasp_xdp_common::abi::limits::SLOTS;
use sasp_xdp_common::parse::{TCP, UDP};
use serde::Serialize;

use super::Balancer;
use super::applied::{Applied, Shares};
use super::member::Member;
use super::service::Service;
use super::troubles::{Trouble, trouble};
use crate::balance::inputs::Word;
use crate::balance::slow_start::STEPS;
use crate::sasp::msg::{MemberKey, Name};

impl Balancer {
    /// Everything that an operator may want to see. What is left of times is as of the last call that told the time.
    pub fn report(&self) -> Report {
        let services = self.services.values();
        Report {
            services: services
                .map(|service| self::service(service, self))
                .collect(),
        }
    }

    /// Whether any service of the group has the member, configured or self-registered.
    pub fn has_member(&self, group: &Name, key: &MemberKey) -> bool {
        let services = self.services.values();
        services
            .filter(|service| service.spec.group == *group)
            .any(|service| service.members.iter().any(|member| member.key == *key))
    }
}

/// All services.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct Report {
    /// By VIP.
    pub services: Vec<ServiceReport>,
}

/// A service.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct ServiceReport {
    /// `ADDR:PORT`, IPv6 in brackets.
    pub vip: String,
    /// `tcp`, `udp`, or `any` for a system-level service.
    pub protocol: &'static str,
    /// The SASP group.
    pub group: String,
    /// Index of its table and of its retired traffic.
    pub id: u32,
    /// Where its weights come from: `gwm`, `converging`, `held` or `static`.
    pub weights: &'static str,
    /// Slots, by phase.
    pub slots: SlotsReport,
    /// Live flows that the last sweep found remembered.
    pub remembered_flows: u64,
    /// Its members, in the config's order, then those that have registered themselves.
    pub members: Vec<MemberReport>,
    /// Members that have registered themselves in vain: the first ones. Those that another service of the group has
    /// taken in are left out.
    pub turned_away: Vec<TurnedAwayReport>,
    /// How many members in all it has not taken in.
    pub turned_away_total: usize,
}

/// A member that has registered itself, and is not taken in.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct TurnedAwayReport {
    /// `ADDR:PORT`, IPv6 in brackets.
    pub address: String,
    /// Why, for machines.
    pub why: &'static str,
    /// The same for people.
    pub reason: &'static str,
}

/// The slots of a service, by phase (see `sasp_xdp_common::abi::slot`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct SlotsReport {
    /// All: 65,536.
    pub total: usize,
    /// Fresh and settled ones: a packet to them looks into the flow map.
    pub tracked: usize,
    /// Changed owner less than the idle timeout ago.
    pub fresh: usize,
    /// Some of their live flows still belong to a former owner.
    pub settled: usize,
    /// Nobody owns them: new flows are dropped.
    pub unowned: usize,
    /// `move_limit` keeps them from their new owners.
    pub to_move: usize,
}

/// A member of a service.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct MemberReport {
    /// `ADDR:PORT`, IPv6 in brackets; `ADDR` for a system-level member.
    pub address: String,
    /// Index of its backend, of its traffic too.
    pub index: u16,
    /// Generation of the index.
    pub generation: u32,
    /// `active` (gets new flows), `draining` (keeps its flows), `down` (the GWM says so) or `unresolved`.
    pub state: &'static str,
    /// Why it has this state and weight, for machines.
    pub why: &'static str,
    /// The same for people.
    pub reason: &'static str,
    /// Packets may be sent to it.
    pub usable: bool,
    /// `config`, or `self`: it has registered itself.
    pub origin: &'static str,
    /// From the config; 1 for a member that has registered itself.
    pub static_weight: u16,
    /// The GWM's last word, if it counts.
    pub gwm: Option<WordReport>,
    /// The operator has quiesced it.
    pub quiesced: bool,
    /// What the rules make of all this.
    pub effective_weight: u32,
    /// As much of this as counts now: less in a slow start.
    pub ramped_weight: f64,
    /// The weight that its slots stand for, on the scale of `ramped_weight`.
    pub applied_weight: f64,
    /// Why its slots are not those that the effective weight asks for, for machines: `move_limit`, `slow_start` or
    /// `dead_band`; `as_weighed` if they are.
    pub why_applied: &'static str,
    /// The same for people.
    pub applied_reason: String,
    /// The weight that the current table is made of, relative to the other members', on a scale of its own.
    pub table_weight: u32,
    /// Slots that it owns.
    pub slots: usize,
    /// The part of new flows that it ought to get, 0 to 1.
    pub share_wanted: f64,
    /// The part that it gets.
    pub share: f64,
    /// Live flows that the last sweep found remembered for it.
    pub remembered_flows: u64,
    /// How packets are to reach it: `dsr`, `ipip`, `gue`, `gre`, `nat` or `full-nat`.
    pub forward: &'static str,
    /// The largest IP packet of a client that fits on the way to it, in bytes; `null` if that is not checked.
    pub client_mtu: Option<u16>,
    /// Its next hop is a gateway.
    pub via_gateway: bool,
    /// What is wrong with the way to it although it is used.
    pub warning: Option<String>,
    /// The same, and what keeps packets from it, for the daemon.
    #[serde(skip)]
    pub trouble: Option<Trouble>,
    /// Live flows that `full-nat` translates to it.
    pub translated_flows: u64,
    /// Its egress interface, 0 if unresolved.
    pub ifindex: u32,
    /// Its MAC address, if resolved.
    pub mac: Option<String>,
}

/// The GWM's word on a member (RFC 4678 section 5.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct WordReport {
    /// The GWM can reach it.
    pub contact: bool,
    /// It wants no new flows.
    pub quiesce: bool,
    /// The GWM stands behind the weight.
    pub confident: bool,
    /// Registered by the balancer; else by itself.
    pub registered_by_lb: bool,
    /// The raw weight.
    pub weight: u16,
    /// Opaque.
    pub state: u8,
}

fn service(service: &Service, balancer: &Balancer) -> ServiceReport {
    let phases = service.slots.phases();
    let mut owned = vec![0; usize::from(u16::MAX) + 1];
    for slot in service.slots.table() {
        owned[usize::from(slot.cur())] += 1;
    }
    let members = service.members.iter();
    let (totals, shares) = (Totals::new(service), Shares::new(service));
    let refused = service.refused.members.iter();
    ServiceReport {
        vip: service.spec.vip.to_string(),
        protocol: protocol(service.spec.protocol),
        group: service.spec.group.to_string(),
        id: service.id,
        weights: service.source.name(),
        slots: SlotsReport {
            total: SLOTS,
            tracked: phases.fresh + phases.settled,
            fresh: phases.fresh,
            settled: phases.settled,
            unowned: phases.unowned,
            to_move: service.left_to_move,
        },
        remembered_flows: service.remembered,
        members: members
            .map(|member| {
                let slots = owned[usize::from(member.index)];
                let applied = Applied::new(service, &shares, member, slots, balancer.now_ns);
                self::member(service, member, slots, &totals, applied)
            })
            .collect(),
        turned_away: refused
            .filter(|(key, _)| !balancer.has_member(&service.spec.group, key))
            .map(|(key, why)| TurnedAwayReport {
                address: address(key),
                why: why.name(),
                reason: why.text(),
            })
            .collect(),
        turned_away_total: service.refused.total,
    }
}

/// Sums over the members of a service.
struct Totals {
    effective: u64,
    ramped: f64,
}

impl Totals {
    fn new(service: &Service) -> Self {
        let members = service.members.iter();
        Self {
            effective: members
                .clone()
                .map(|member| u64::from(member.outcome.weight))
                .sum(),
            ramped: members.map(ramped).sum(),
        }
    }
}

/// As much of a member's weight as counts now.
fn ramped(member: &Member) -> f64 {
    f64::from(member.outcome.weight) * f64::from(member.steps) / f64::from(STEPS)
}

fn member(
    service: &Service,
    member: &Member,
    slots: usize,
    totals: &Totals,
    applied: Applied,
) -> MemberReport {
    let way = member.way.ok();
    let trouble = trouble(service.vip, member);
    let client_mtu = way.map(|way| way.inner_max).filter(|mtu| *mtu > 0);
    let outcome = member.outcome;
    let share = ratio(slots as u64, SLOTS as u64);
    MemberReport {
        address: address(&member.key),
        index: member.index,
        generation: member.generation,
        state: outcome.why.state(),
        why: outcome.why.name(),
        reason: outcome.why.text(),
        usable: outcome.usable,
        origin: if member.self_registered {
            "self"
        } else {
            "config"
        },
        static_weight: member.static_weight,
        gwm: member.word.map(word),
        quiesced: member.quiesced,
        effective_weight: outcome.weight,
        ramped_weight: hundredths(ramped(member)),
        applied_weight: hundredths(share * totals.ramped),
        why_applied: applied.name(),
        applied_reason: applied.text(),
        table_weight: member.table_weight,
        slots,
        share_wanted: ratio(outcome.weight.into(), totals.effective),
        share,
        remembered_flows: member.remembered,
        translated_flows: member.translated,
        forward: member.forward.name(),
        client_mtu,
        via_gateway: member.next_hop.is_some_and(|hop| hop.via_gateway),
        warning: trouble
            .filter(|trouble| !trouble.bars())
            .map(|trouble| trouble.text(None)),
        trouble,
        ifindex: way.map_or(0, |way| way.ifindex),
        mac: way.map(|way| mac(&way.macs)),
    }
}

/// Rounded to what people read.
fn hundredths(weight: f64) -> f64 {
    (weight * 100.0).round() / 100.0
}

fn word(word: Word) -> WordReport {
    WordReport {
        contact: word.contact,
        quiesce: word.quiesce,
        confident: word.confident,
        registered_by_lb: word.by_lb,
        weight: word.weight,
        state: word.state,
    }
}

/// 0 of nothing is 0.
fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}

fn protocol(number: u8) -> &'static str {
    match number {
        TCP => "tcp",
        UDP => "udp",
        _ => "any",
    }
}

/// Without a port if it is a system-level member.
fn address(key: &MemberKey) -> String {
    match key.port {
        0 => key.address.to_string(),
        port => SocketAddr::new(key.address, port).to_string(),
    }
}

/// The destination of the two MAC addresses.
fn mac(macs: &[u8; 12]) -> String {
    let [a, b, c, d, e, f, ..] = macs;
    format!("{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}")
}
