//! What servers, Prometheus and files tell a GWM about weights: taken, or refused in words that help.

use sasp_ctl::gwm::sources::{agent_line::AgentLine, prometheus, weight_file};

/// Bytes as a line of HAProxy's agent-check protocol.
///
/// # Panics
/// If a refusal says nothing, or a share is none.
pub fn agent_line(data: &[u8]) {
    match AgentLine::parse(data) {
        Ok(said) => assert!(said.percent.is_none_or(|percent| percent <= 256)),
        Err(reason) => is_a_line(&reason),
    }
}

/// Bytes as Prometheus's answer to a query.
///
/// # Panics
/// If a refusal says nothing.
pub fn prometheus_answer(data: &[u8]) {
    if let Err(reason) = prometheus::parse(data, "instance") {
        is_a_line(&reason);
    }
}

/// Bytes as a file of weights.
///
/// # Panics
/// If a refusal says nothing, or the same weights in another order are others.
pub fn weights_file(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    match weight_file::parse(text) {
        Ok(lines) => {
            let mut reversed: Vec<_> = text.lines().collect();
            reversed.reverse();
            assert_eq!(weight_file::parse(&reversed.join("\n")), Ok(lines));
        }
        Err(reason) => is_a_line(&reason),
    }
}

fn is_a_line(reason: &str) {
    assert!(!reason.trim().is_empty());
    assert!(!reason.contains('\n'), "{reason:?} is more than a line");
}
