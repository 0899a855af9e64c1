//! The balancer's state as an operator sees it. Field names are a contract: `status --json` prints them.

use serde::Serialize;

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
    /// `tcp` or `udp`.
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
    /// Its members, in the config's order.
    pub members: Vec<MemberReport>,
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
}

/// A member of a service.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct MemberReport {
    /// `ADDR:PORT`, IPv6 in brackets.
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
    /// From the config.
    pub static_weight: u16,
    /// The GWM's last word, if it counts.
    pub gwm: Option<WordReport>,
    /// The operator has quiesced it.
    pub quiesced: bool,
    /// What the rules make of all this.
    pub effective_weight: u32,
    /// The effective weight that the current table was built with; differs inside the dead band.
    pub table_weight: u32,
    /// Slots that it owns.
    pub slots: usize,
    /// The part of new flows that it ought to get, 0 to 1.
    pub share_wanted: f64,
    /// The part that it gets.
    pub share: f64,
    /// Live flows that the last sweep found remembered for it.
    pub remembered_flows: u64,
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
