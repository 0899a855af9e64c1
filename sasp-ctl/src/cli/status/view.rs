//! What the table needs of the daemon's JSON; other fields are ignored, so that versions may differ.

use std::collections::BTreeMap;

use serde::Deserialize;

#[derive(Deserialize)]
pub(super) struct Status {
    pub(super) instance: String,
    pub(super) version: String,
    pub(super) lb_uid: String,
    pub(super) uptime_seconds: f64,
    pub(super) interfaces: Vec<Interface>,
    pub(super) health: u8,
    pub(super) gwms: Vec<Gwm>,
    pub(super) combine: String,
    pub(super) services: Vec<Service>,
    pub(super) reasons: Reasons,
    #[serde(default)]
    pub(super) translations: Translations,
    pub(super) reload: Option<Reload>,
}

#[derive(Deserialize)]
pub(super) struct Interface {
    pub(super) name: String,
    pub(super) mode: String,
    #[serde(default)]
    pub(super) frags: bool,
    pub(super) state: String,
}

/// Those of `full-nat`.
#[derive(Default, Deserialize)]
pub(super) struct Translations {
    pub(super) ipv4: u64,
    pub(super) ipv6: u64,
    pub(super) limit: u64,
    pub(super) pool: Option<Pool>,
}

#[derive(Deserialize)]
pub(super) struct Pool {
    pub(super) addresses: Vec<String>,
    pub(super) first_port: u16,
    pub(super) last_port: u16,
}

#[derive(Deserialize)]
pub(super) struct Gwm {
    pub(super) address: String,
    pub(super) in_charge: bool,
    pub(super) state: String,
    pub(super) since_seconds: f64,
    pub(super) retry_in_seconds: Option<f64>,
    pub(super) last_error: Option<String>,
    pub(super) duplicate_uid: bool,
}

#[derive(Deserialize)]
pub(super) struct Reload {
    pub(super) seconds_ago: f64,
    pub(super) error: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Service {
    pub(super) vip: String,
    pub(super) protocol: String,
    pub(super) group: String,
    pub(super) weights: String,
    pub(super) gwms: Vec<String>,
    pub(super) slots: Slots,
    pub(super) remembered_flows: u64,
    pub(super) packets: u64,
    pub(super) bytes: u64,
    pub(super) opened: u64,
    pub(super) members: Vec<Member>,
    #[serde(default)]
    pub(super) turned_away: Vec<TurnedAway>,
}

/// A member that has registered itself in vain.
#[derive(Deserialize)]
pub(super) struct TurnedAway {
    pub(super) address: String,
    pub(super) reason: String,
}

#[derive(Deserialize)]
pub(super) struct Slots {
    pub(super) total: u64,
    pub(super) tracked: u64,
    pub(super) fresh: u64,
    pub(super) settled: u64,
    pub(super) unowned: u64,
}

#[derive(Deserialize)]
pub(super) struct Member {
    pub(super) address: String,
    pub(super) state: String,
    pub(super) reason: String,
    pub(super) next_hop_error: Option<String>,
    #[serde(default)]
    pub(super) forward: String,
    #[serde(default)]
    pub(super) gateway: Option<String>,
    #[serde(default)]
    pub(super) warning: Option<String>,
    pub(super) static_weight: u16,
    pub(super) gwm: Option<Word>,
    pub(super) effective_weight: u32,
    pub(super) applied_weight: f64,
    pub(super) why_applied: String,
    pub(super) applied_reason: String,
    pub(super) origin: String,
    pub(super) share_wanted: f64,
    pub(super) share: f64,
    pub(super) slots: u64,
    pub(super) packets: u64,
    pub(super) bytes: u64,
    pub(super) opened: u64,
    pub(super) remembered_flows: u64,
}

#[derive(Deserialize)]
pub(super) struct Word {
    pub(super) weight: u16,
}

/// Counts of packets by reason.
#[derive(Deserialize)]
pub(super) struct Reasons {
    pub(super) pass: BTreeMap<String, u64>,
    pub(super) drop: BTreeMap<String, u64>,
    pub(super) note: BTreeMap<String, u64>,
}
