//! What was typed, and where. No judgement here.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use crate::config::table::Table;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawConfig {
    pub(super) listen: Option<Spanned<String>>,
    pub(super) interval: Option<Spanned<String>>,
    pub(super) grace: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) members_only_from_own_address: bool,
    pub(super) tls: Option<Spanned<Table<RawTls>>>,
    #[serde(default)]
    pub(super) limits: Table<RawLimits>,
    #[serde(default)]
    pub(super) balancer: Vec<Table<RawBalancer>>,
    #[serde(default)]
    pub(super) member: Vec<Spanned<Table<RawMember>>>,
    #[serde(default)]
    pub(super) weights: Vec<Table<RawWeights>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLimits {
    pub(super) connections: Option<Spanned<i64>>,
    pub(super) balancers: Option<Spanned<i64>>,
    pub(super) groups: Option<Spanned<i64>>,
    pub(super) members: Option<Spanned<i64>>,
    pub(super) members_total: Option<Spanned<i64>>,
    pub(super) message_bytes: Option<Spanned<i64>>,
    pub(super) reply_bytes: Option<Spanned<i64>>,
    pub(super) uid_bytes: Option<Spanned<i64>>,
    pub(super) first_message: Option<Spanned<String>>,
    pub(super) idle: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawBalancer {
    pub(super) uid: Spanned<String>,
    pub(super) sources: Option<Spanned<Vec<Spanned<String>>>>,
    pub(super) certificate: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawMember {
    pub(super) certificate: Option<Spanned<String>>,
    pub(super) sources: Option<Spanned<Vec<Spanned<String>>>>,
    pub(super) addresses: Spanned<Vec<Spanned<String>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTls {
    pub(super) cert: Spanned<String>,
    pub(super) key: Spanned<String>,
    pub(super) ca: Spanned<String>,
    pub(super) client_certificates: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawWeights {
    pub(super) balancer: Option<Spanned<String>>,
    pub(super) group: Spanned<String>,
    pub(super) source: Spanned<String>,
    pub(super) members: Spanned<BTreeMap<Spanned<String>, Spanned<i64>>>,
}
