//! `source = "agent-check"`.

use std::time::Duration;

use super::super::super::raw::RawWeights;
use super::{keys, values};
use crate::config::ConfigError;
use crate::config::source::Source;
use crate::gwm::sources::rule::{AgentCheck, Pace};

const PACE: Pace = Pace {
    interval: Duration::from_secs(5),
    timeout: Duration::from_secs(2),
};
const FALL: u32 = 3;
/// What is sent fits into one packet.
const SEND_MAX: usize = 1024;

pub(super) fn agent_check(raw: &RawWeights, source: &Source) -> Result<AgentCheck, ConfigError> {
    let port = keys::needed(&raw.port, "port", raw, source)?;
    let send = match &raw.send {
        Some(text) if text.get_ref().len() > SEND_MAX => {
            let reason = format!("`send` is longer than {SEND_MAX} bytes: shorten it");
            return Err(source.error(text, reason));
        }
        Some(text) => text.get_ref().clone(),
        None => String::new(),
    };
    Ok(AgentCheck {
        port: values::port(port, source)?,
        send,
        pace: values::pace(raw, PACE, source)?,
        fall: values::run(&raw.fall, FALL, source)?,
    })
}
