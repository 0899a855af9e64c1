//! What the tables need of the GWM's JSON; other fields are ignored, so that versions may differ.

use serde::Deserialize;

#[derive(Deserialize)]
pub(super) struct Status {
    pub(super) instance: String,
    pub(super) version: String,
    pub(super) uptime_seconds: f64,
    pub(super) listen: String,
    pub(super) config_file: Option<String>,
    pub(super) reload: Option<Reload>,
    pub(super) totals: Totals,
    pub(super) balancers: Vec<Balancer>,
    pub(super) connections: Vec<Connection>,
    pub(super) left_out: LeftOut,
    pub(super) overrides: Vec<Override>,
    pub(super) sources: Vec<Source>,
}

#[derive(Deserialize)]
pub(super) struct Reload {
    pub(super) seconds_ago: f64,
    pub(super) error: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Totals {
    pub(super) connections: usize,
    pub(super) balancers_connected: usize,
    pub(super) balancers_lost: usize,
    pub(super) groups: usize,
    pub(super) members: usize,
}

#[derive(Deserialize)]
pub(super) struct LeftOut {
    pub(super) balancers: usize,
    pub(super) groups: usize,
    pub(super) members: usize,
    pub(super) connections: usize,
}

#[derive(Deserialize)]
pub(super) struct Balancer {
    pub(super) uid: String,
    pub(super) state: String,
    pub(super) peer: String,
    pub(super) since_seconds: f64,
    pub(super) heard_seconds: Option<f64>,
    pub(super) grace_left_seconds: Option<f64>,
    pub(super) health: u8,
    pub(super) push: bool,
    pub(super) trust: bool,
    pub(super) no_change: bool,
    pub(super) members: usize,
    pub(super) groups: Vec<Group>,
}

#[derive(Deserialize)]
pub(super) struct Group {
    pub(super) group: String,
    pub(super) total: usize,
    pub(super) confident: usize,
    pub(super) quiesced: usize,
    pub(super) weight: u64,
    pub(super) members: Vec<Member>,
}

#[derive(Deserialize)]
pub(super) struct Member {
    pub(super) member: String,
    pub(super) label: String,
    pub(super) registered_by: String,
    pub(super) quiesced_by: QuiescedBy,
    pub(super) assessed_weight: u16,
    #[serde(flatten)]
    pub(super) entry: Entry,
    pub(super) sent: Option<Entry>,
}

#[derive(Deserialize)]
pub(super) struct QuiescedBy {
    pub(super) balancer: bool,
    pub(super) member: bool,
    pub(super) gwm: bool,
}

#[derive(Deserialize, PartialEq)]
pub(super) struct Entry {
    pub(super) weight: u16,
    pub(super) contact: bool,
    pub(super) confident: bool,
    pub(super) quiesced: bool,
    pub(super) state: u8,
}

#[derive(Deserialize)]
pub(super) struct Connection {
    pub(super) peer: String,
    pub(super) since_seconds: f64,
    pub(super) heard_seconds: Option<f64>,
}

#[derive(Deserialize)]
pub(super) struct Override {
    pub(super) group: String,
    pub(super) member: String,
    pub(super) uid: Option<String>,
    pub(super) weight: Option<u16>,
    pub(super) quiesced: bool,
    pub(super) seconds_ago: f64,
}

#[derive(Deserialize)]
pub(super) struct Source {
    pub(super) group: String,
    pub(super) uid: Option<String>,
    pub(super) source: String,
    pub(super) asked: String,
    pub(super) members: usize,
    pub(super) not_confident: usize,
    pub(super) down: usize,
    pub(super) left_out: usize,
    pub(super) errors: Vec<SourceError>,
}

#[derive(Deserialize)]
pub(super) struct SourceError {
    pub(super) member: String,
    pub(super) error: String,
    pub(super) seconds: f64,
}
