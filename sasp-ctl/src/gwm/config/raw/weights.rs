//! `[[weights]]` as typed: every key that any source has.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use toml::Spanned;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::gwm::config) struct RawWeights {
    pub(in crate::gwm::config) balancer: Option<Spanned<String>>,
    pub(in crate::gwm::config) group: Spanned<String>,
    pub(in crate::gwm::config) source: Spanned<String>,
    pub(in crate::gwm::config) members: Option<Spanned<RawMembers>>,
    pub(in crate::gwm::config) check: Option<Spanned<String>>,
    pub(in crate::gwm::config) port: Option<Spanned<i64>>,
    pub(in crate::gwm::config) path: Option<Spanned<String>>,
    pub(in crate::gwm::config) host: Option<Spanned<String>>,
    pub(in crate::gwm::config) status: Option<Spanned<String>>,
    pub(in crate::gwm::config) scheme: Option<Spanned<String>>,
    pub(in crate::gwm::config) verify: Option<Spanned<bool>>,
    pub(in crate::gwm::config) interval: Option<Spanned<String>>,
    pub(in crate::gwm::config) timeout: Option<Spanned<String>>,
    pub(in crate::gwm::config) rise: Option<Spanned<i64>>,
    pub(in crate::gwm::config) fall: Option<Spanned<i64>>,
    pub(in crate::gwm::config) send: Option<Spanned<String>>,
    pub(in crate::gwm::config) url: Option<Spanned<String>>,
    pub(in crate::gwm::config) query: Option<Spanned<String>>,
    pub(in crate::gwm::config) label: Option<Spanned<String>>,
    #[serde(rename = "match")]
    pub(in crate::gwm::config) matching: Option<Spanned<String>>,
    pub(in crate::gwm::config) scale: Option<Spanned<f64>>,
    pub(in crate::gwm::config) offset: Option<Spanned<f64>>,
    pub(in crate::gwm::config) min: Option<Spanned<i64>>,
    pub(in crate::gwm::config) max: Option<Spanned<i64>>,
    pub(in crate::gwm::config) stale: Option<Spanned<String>>,
    pub(in crate::gwm::config) bearer_token_file: Option<Spanned<String>>,
    pub(in crate::gwm::config) username: Option<Spanned<String>>,
    pub(in crate::gwm::config) password_file: Option<Spanned<String>>,
}

/// Members with weights, or without.
pub(in crate::gwm::config) enum RawMembers {
    Weighed(BTreeMap<Spanned<String>, Spanned<i64>>),
    Listed(Vec<Spanned<String>>),
}

impl<'de> Deserialize<'de> for RawMembers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TableOrArray)
    }
}

struct TableOrArray;

impl<'de> Visitor<'de> for TableOrArray {
    type Value = RawMembers;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table of weights or an array of members")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        BTreeMap::deserialize(MapAccessDeserializer::new(map)).map(RawMembers::Weighed)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(seq)).map(RawMembers::Listed)
    }
}

impl RawWeights {
    /// The keys that are there and belong to some sources only, by name, with the place of their values.
    pub(in crate::gwm::config) fn special_keys(&self) -> Vec<(&'static str, Spanned<()>)> {
        fn place<T>(value: &Option<Spanned<T>>) -> Option<Spanned<()>> {
            value.as_ref().map(|value| Spanned::new(value.span(), ()))
        }
        let keys = [
            ("check", place(&self.check)),
            ("port", place(&self.port)),
            ("path", place(&self.path)),
            ("host", place(&self.host)),
            ("status", place(&self.status)),
            ("scheme", place(&self.scheme)),
            ("verify", place(&self.verify)),
            ("interval", place(&self.interval)),
            ("timeout", place(&self.timeout)),
            ("rise", place(&self.rise)),
            ("fall", place(&self.fall)),
            ("send", place(&self.send)),
            ("url", place(&self.url)),
            ("query", place(&self.query)),
            ("label", place(&self.label)),
            ("match", place(&self.matching)),
            ("scale", place(&self.scale)),
            ("offset", place(&self.offset)),
            ("min", place(&self.min)),
            ("max", place(&self.max)),
            ("stale", place(&self.stale)),
            ("bearer_token_file", place(&self.bearer_token_file)),
            ("username", place(&self.username)),
            ("password_file", place(&self.password_file)),
        ];
        keys.into_iter()
            .filter_map(|(name, place)| Some((name, place?)))
            .collect()
    }
}
