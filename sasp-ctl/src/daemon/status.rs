//! Everything that the daemon knows, as JSON. Field names are a contract: scripts read `status --json`.
//!
//! Made in two steps, because the loop must not wait for the kernel: the loop makes a `Draft` of what it knows,
//! whoever asked adds the counters.
//!
//! Top level: `instance`, `version`, `pid`, `uptime_seconds`, `lb_uid`, `config_file`, `health`, `interfaces`, `gwm`
//! (the one in charge; null without one), `gwms` (all, by priority), `combine`, `services` (with `members`), `reasons`,
//! `tables`, `translations`, `reload` (null before the first).

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use sasp_xdp_common::abi::counters::{Class, Traffic};
use serde::Serialize;

use super::translations::TranslationsStatus;
use crate::balance::model::report::{
    MemberReport, Report, ServiceReport, SlotsReport, TurnedAwayReport,
};
use crate::balance::model::troubles::Trouble;
use crate::config::Combine;
use crate::datapath::nexthop::{NextHop, NextHops, Unresolved};
use crate::datapath::{Attached, Counters};
use crate::sasp::client::Snapshot;

/// See the module.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// What the loop knows.
    #[serde(flatten)]
    pub process: Process,
    /// The data path's interfaces.
    pub interfaces: Vec<InterfaceStatus>,
    /// How well the balancer is, 0 to 127, as Set LB State tells the GWMs within ten seconds.
    pub health: u8,
    /// The GWM in charge; `null` if none is configured. With `min` and `mean` the most preferred one that is live.
    pub gwm: Option<GwmStatus>,
    /// All of them, the most preferred first.
    pub gwms: Vec<GwmStatus>,
    /// What several GWMs come to: `fail-over`, `min` or `mean`.
    pub combine: &'static str,
    /// Services, by VIP.
    pub services: Vec<ServiceStatus>,
    /// Packets by reason.
    pub reasons: ReasonsStatus,
    /// The tables written so far.
    pub tables: TablesStatus,
    /// Translations of `full-nat`.
    pub translations: TranslationsStatus,
    /// The last reload; `null` before the first.
    pub reload: Option<ReloadStatus>,
}

/// The daemon itself.
#[derive(Clone, Debug, Serialize)]
pub struct Process {
    /// Name of the balancer.
    pub instance: String,
    /// Of the daemon.
    pub version: &'static str,
    /// Of the daemon.
    pub pid: u32,
    /// Since the daemon started.
    pub uptime_seconds: f64,
    /// Who we are to the GWM.
    pub lb_uid: String,
    /// `null` if flags are all there is.
    pub config_file: Option<PathBuf>,
}

/// An interface that the program was attached to.
#[derive(Clone, Debug, Serialize)]
pub struct InterfaceStatus {
    /// Its name.
    pub name: String,
    /// Its index.
    pub ifindex: u32,
    /// `native` or `generic`.
    pub mode: String,
    /// Frames in several buffers, as jumbo frames come, are balanced too.
    pub frags: bool,
    /// `attached`, `not attached` (it has lost our program) or `gone`.
    pub state: String,
}

/// A session with a GWM.
#[derive(Clone, Debug, Serialize)]
pub struct GwmStatus {
    /// `HOST:PORT`.
    pub address: String,
    /// Lower is preferred.
    pub priority: u16,
    /// Its words count: of fail-over the one in charge, else every live one.
    pub in_charge: bool,
    /// How long it has been well, without a break; `null` if it is not.
    pub live_seconds: Option<f64>,
    /// How long `state` has lasted.
    pub since_seconds: f64,
    /// Until the next attempt to connect, in states `backoff` and `duplicate`.
    pub retry_in_seconds: Option<f64>,
    /// The protocol's own view: `state`, `last_error`, `counters` and more.
    #[serde(flatten)]
    pub session: Snapshot,
}

/// A service. Traffic counts former members too.
#[derive(Clone, Debug, Serialize)]
pub struct ServiceStatus {
    /// `ADDR:PORT`, IPv6 in brackets.
    pub vip: String,
    /// `tcp` or `udp`.
    pub protocol: &'static str,
    /// The SASP group.
    pub group: String,
    /// Index of its table.
    pub id: u32,
    /// Where its weights come from: `gwm`, `converging`, `held` or `static`.
    pub weights: &'static str,
    /// The GWMs that these come from, now or before: one, unless several are combined.
    pub gwms: Vec<String>,
    /// Slots by phase.
    pub slots: SlotsReport,
    /// Live flows that the last sweep found remembered.
    pub remembered_flows: u64,
    /// What it got.
    #[serde(flatten)]
    pub traffic: TrafficStatus,
    /// In the config's order, then those that have registered themselves.
    pub members: Vec<MemberStatus>,
    /// Members that have registered themselves in vain: the first ones.
    pub turned_away: Vec<TurnedAwayReport>,
    /// How many in all.
    pub turned_away_total: usize,
}

/// A member.
#[derive(Clone, Debug, Serialize)]
pub struct MemberStatus {
    /// The balancer's view.
    #[serde(flatten)]
    pub report: MemberReport,
    /// Why it has no next hop, or why that is of no use, if so.
    pub next_hop_error: Option<String>,
    /// The router that its packets go to; `null` if it is on the same segment.
    pub gateway: Option<IpAddr>,
    /// The largest IP packet that fits on the way to it, headers of tunnels included; `null` if it has no next hop.
    pub mtu: Option<u32>,
    /// What it got.
    #[serde(flatten)]
    pub traffic: TrafficStatus,
}

/// Traffic since the data path was attached.
#[derive(Clone, Copy, Default, Debug, Serialize)]
pub struct TrafficStatus {
    /// Packets.
    pub packets: u64,
    /// Bytes of these, from the Ethernet header on.
    pub bytes: u64,
    /// Flows opened.
    pub opened: u64,
}

/// Packets by reason; all reasons, zero or not.
#[derive(Clone, Default, Debug, Serialize)]
pub struct ReasonsStatus {
    /// Passed to the host.
    pub pass: BTreeMap<&'static str, u64>,
    /// Dropped.
    pub drop: BTreeMap<&'static str, u64>,
    /// Neither; worth a number.
    pub note: BTreeMap<&'static str, u64>,
}

/// The tables written so far.
#[derive(Clone, Copy, Default, Debug, Serialize)]
pub struct TablesStatus {
    /// Tables.
    pub published: u64,
    /// What writing the last batch of changes took, in seconds.
    pub last_publish_seconds: f64,
}

/// A reload.
#[derive(Clone, Debug, Serialize)]
pub struct ReloadStatus {
    /// When.
    pub seconds_ago: f64,
    /// Why nothing was changed, if so.
    pub error: Option<String>,
}

/// A [`Status`] without counters.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) process: Process,
    pub(super) interfaces: Vec<Attached>,
    pub(super) health: u8,
    pub(super) gwms: Vec<GwmStatus>,
    pub(super) combine: Combine,
    /// Whose words a group's are.
    pub(super) sources: BTreeMap<String, Vec<String>>,
    pub(super) report: Report,
    pub(super) hops: Arc<NextHops>,
    pub(super) translations: TranslationsStatus,
    pub(super) tables: TablesStatus,
    pub(super) reload: Option<ReloadStatus>,
}

impl Draft {
    /// Adds the counters.
    pub(super) fn finish(self, counters: &Counters) -> Status {
        let backends: HashMap<_, _> = counters.backends.iter().copied().collect();
        let retired: HashMap<_, _> = counters.retired.iter().copied().collect();
        let services = self.report.services.into_iter().map(|report| {
            let retired = retired.get(&report.id).copied();
            let gwms = self.sources.get(&report.group).cloned().unwrap_or_default();
            service(report, gwms, &backends, retired, &self.hops)
        });
        let in_charge = self.gwms.iter().find(|gwm| gwm.in_charge);
        Status {
            process: self.process,
            interfaces: self.interfaces.into_iter().map(interface).collect(),
            health: self.health,
            gwm: in_charge.or(self.gwms.first()).cloned(),
            gwms: self.gwms,
            combine: self.combine.name(),
            services: services.collect(),
            reasons: reasons(counters),
            tables: self.tables,
            translations: self.translations,
            reload: self.reload,
        }
    }
}

fn interface(attached: Attached) -> InterfaceStatus {
    InterfaceStatus {
        name: attached.name,
        ifindex: attached.ifindex,
        mode: attached.mode.to_string(),
        frags: attached.frags,
        state: attached.state.to_string(),
    }
}

fn service(
    report: ServiceReport,
    gwms: Vec<String>,
    backends: &HashMap<u16, Traffic>,
    retired: Option<Traffic>,
    hops: &NextHops,
) -> ServiceStatus {
    let mut total = TrafficStatus::default();
    total.add(retired.unwrap_or_default());
    let members = report.members.into_iter().map(|member| {
        let counted = backends.get(&member.index).copied().unwrap_or_default();
        total.add(counted);
        let mut traffic = TrafficStatus::default();
        traffic.add(counted);
        let hop = hop(&member.address, hops);
        let found = hop.and_then(|hop| hop.ok());
        let gateway = found.and_then(|hop| hop.gateway);
        MemberStatus {
            next_hop_error: next_hop_error(hop, member.trouble, gateway),
            gateway,
            mtu: found.map(|hop| hop.mtu),
            report: member,
            traffic,
        }
    });
    let members = members.collect();
    ServiceStatus {
        vip: report.vip,
        protocol: report.protocol,
        group: report.group,
        id: report.id,
        weights: report.weights,
        gwms,
        slots: report.slots,
        remembered_flows: report.remembered_flows,
        traffic: total,
        members,
        turned_away: report.turned_away,
        turned_away_total: report.turned_away_total,
    }
}

/// What is known of the way to a member, by its name.
fn hop(member: &str, hops: &NextHops) -> Option<Result<NextHop, Unresolved>> {
    let address = match member.parse::<SocketAddr>() {
        Ok(address) => address.ip(),
        Err(_) => member.parse().ok()?,
    };
    hops.get(&address).copied()
}

fn next_hop_error(
    hop: Option<Result<NextHop, Unresolved>>,
    trouble: Option<Trouble>,
    gateway: Option<IpAddr>,
) -> Option<String> {
    match hop? {
        Err(error) => Some(error.to_string()),
        Ok(_) => trouble
            .filter(|trouble| trouble.bars())
            .map(|trouble| trouble.text(gateway)),
    }
}

fn reasons(counters: &Counters) -> ReasonsStatus {
    let mut reasons = ReasonsStatus::default();
    for (reason, count) in &counters.reasons {
        let class = match reason.class() {
            Class::Pass => &mut reasons.pass,
            Class::Drop => &mut reasons.drop,
            Class::Note => &mut reasons.note,
        };
        class.insert(reason.name(), *count);
    }
    reasons
}

impl TrafficStatus {
    fn add(&mut self, traffic: Traffic) {
        self.packets += traffic.packets;
        self.bytes += traffic.bytes;
        self.opened += traffic.opened;
    }
}

#[cfg(test)]
pub(super) mod tests;
