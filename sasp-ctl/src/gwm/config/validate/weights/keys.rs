//! Which key belongs to which source.

use toml::Spanned;

use super::super::super::raw::RawWeights;
use crate::config::ConfigError;
use crate::config::source::Source;

/// The sources of weights.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Static,
    Probe,
    AgentCheck,
    Prometheus,
    File,
}

impl Kind {
    /// It says whether a member is there, or how much of its weight it can bear, but not what that weight is.
    pub(super) fn leaves_weights_open(self) -> bool {
        matches!(self, Self::Probe | Self::AgentCheck)
    }

    /// Keys apart from `group`, `balancer`, `source` and `members`.
    fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Static => &[],
            Self::Probe => &[
                "check", "port", "path", "host", "status", "scheme", "verify", "interval",
                "timeout", "rise", "fall",
            ],
            Self::AgentCheck => &["port", "send", "interval", "timeout", "fall"],
            Self::Prometheus => &[
                "url",
                "query",
                "label",
                "match",
                "scale",
                "offset",
                "min",
                "max",
                "interval",
                "timeout",
                "stale",
                "bearer_token_file",
                "username",
                "password_file",
            ],
            Self::File => &["path"],
        }
    }
}

/// The rule's source, if it is one and the rule has no keys of others.
pub(super) fn kind(raw: &RawWeights, source: &Source) -> Result<Kind, ConfigError> {
    let typed = raw.source.get_ref().as_str();
    let kind = match typed {
        "static" => Kind::Static,
        "probe" => Kind::Probe,
        "agent-check" => Kind::AgentCheck,
        "prometheus" => Kind::Prometheus,
        "file" => Kind::File,
        _ => {
            let reason = format!(
                "source {typed:?} is unknown: write \"static\", \"probe\", \"agent-check\", \"prometheus\" or \
                 \"file\""
            );
            return Err(source.error(&raw.source, reason));
        }
    };
    for (key, place) in raw.special_keys() {
        if !kind.keys().contains(&key) {
            let reason = format!("`{key}` has no meaning for source {typed:?}: remove it");
            return Err(source.error(&place, reason));
        }
    }
    Ok(kind)
}

/// A key without which the source cannot be.
pub(super) fn needed<'a, T>(
    value: &'a Option<Spanned<T>>,
    key: &str,
    raw: &RawWeights,
    source: &Source,
) -> Result<&'a Spanned<T>, ConfigError> {
    value.as_ref().ok_or_else(|| {
        let kind = raw.source.get_ref();
        source.error(
            &raw.source,
            format!("source {kind:?} needs the key `{key}`: add it"),
        )
    })
}
