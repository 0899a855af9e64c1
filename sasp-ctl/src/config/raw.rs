//! What was typed, and where. No judgement here: that a number is too large or a name unknown is said by `validate`.

use serde::Deserialize;
use toml::Spanned;

use super::table::Table;

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct RawConfig {
    #[serde(default)]
    pub(super) balancer: Table<RawBalancer>,
    #[serde(default)]
    pub(super) gwm: Vec<Spanned<Table<RawGwm>>>,
    #[serde(default)]
    pub(super) service: Vec<Spanned<Table<RawService>>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct RawBalancer {
    pub(super) uid: Option<Spanned<String>>,
    pub(super) instance: Option<Spanned<String>>,
    pub(super) listen: Option<Spanned<String>>,
    pub(super) hash_seed: Option<Spanned<i128>>,
    pub(super) packet_log: Option<Spanned<String>>,
    pub(super) combine: Option<Spanned<String>>,
    pub(super) fail_back: Option<Spanned<String>>,
    pub(super) full_nat: Option<Spanned<Table<RawFullNat>>>,
    #[serde(default)]
    pub(super) limits: Table<RawLimits>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawFullNat {
    pub(super) addresses: Vec<Spanned<String>>,
    pub(super) ports: Option<Spanned<String>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLimits {
    pub(super) services: Option<Spanned<i64>>,
    pub(super) backends: Option<Spanned<i64>>,
    pub(super) flows: Option<Spanned<i64>>,
    pub(super) translations: Option<Spanned<i64>>,
    pub(super) remembered_per_second: Option<Spanned<i64>>,
    pub(super) too_big_per_second: Option<Spanned<i64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawGwm {
    pub(super) address: Spanned<String>,
    pub(super) priority: Option<Spanned<i64>>,
    pub(super) push: Option<bool>,
    pub(super) trust: Option<Spanned<bool>>,
    pub(super) hold: Option<Spanned<String>>,
    pub(super) interval: Option<Spanned<String>>,
    pub(super) timeout: Option<Spanned<String>>,
    pub(super) retry_min: Option<Spanned<String>>,
    pub(super) source: Option<Spanned<String>>,
    pub(super) tls: Option<Spanned<Table<RawTls>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTls {
    pub(super) ca: Spanned<String>,
    pub(super) cert: Option<Spanned<String>>,
    pub(super) key: Option<Spanned<String>>,
    pub(super) server_name: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawService {
    pub(super) group: Spanned<String>,
    pub(super) vip: Spanned<String>,
    pub(super) forward: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) members: Vec<Table<RawMember>>,
    pub(super) self_registered: Option<Vec<Spanned<String>>>,
    pub(super) allow: Option<Vec<Spanned<String>>>,
    pub(super) deny: Option<Vec<Spanned<String>>>,
    pub(super) on_down: Option<Spanned<String>>,
    pub(super) track: Option<Spanned<String>>,
    pub(super) affinity: Option<Spanned<String>>,
    pub(super) all_zero: Option<Spanned<String>>,
    pub(super) quic: Option<Spanned<bool>>,
    pub(super) quic_lb: Option<Spanned<Table<RawQuicLb>>>,
    pub(super) idle: Option<Spanned<String>>,
    pub(super) dead_band: Option<Spanned<String>>,
    pub(super) slow_start: Option<Spanned<String>>,
    pub(super) move_limit: Option<Spanned<String>>,
    pub(super) move_interval: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawQuicLb {
    pub(super) config_id: Spanned<i64>,
    pub(super) server_id_length: Spanned<i64>,
}

#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
pub(super) struct RawMember {
    pub(super) address: Spanned<String>,
    pub(super) weight: Option<Spanned<i64>>,
    pub(super) forward: Option<Spanned<String>>,
    pub(super) server_id: Option<Spanned<String>>,
}
