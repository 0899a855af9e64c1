//! The answer of a Prometheus server to an instant query, and the weights that it means.
//!
//! Higher load has to mean a lower weight more often than not: that is a negative `scale` with an `offset`.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Deserialize;

use super::rule::{Matching, Prometheus};
use crate::sasp::msg::MemberKey;

/// One element of the vector.
#[derive(Clone, PartialEq, Debug)]
pub struct Sample {
    /// The value of the rule's label; `None` if it has no such label.
    pub label: Option<String>,
    /// The value.
    pub value: f64,
    /// When it was taken, in seconds since 1970.
    pub time: f64,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    status: String,
    #[serde(default)]
    error: String,
    data: Option<Data>,
}

#[derive(Deserialize)]
struct Data {
    #[serde(rename = "resultType")]
    result_type: String,
    result: serde_json::Value,
}

#[derive(Deserialize)]
struct Series {
    #[serde(default)]
    metric: HashMap<String, String>,
    value: (f64, String),
}

/// Reads the body of an answer.
///
/// # Errors
/// If it is none, says that the query failed, or holds no vector.
pub fn parse(body: &[u8], label: &str) -> Result<Vec<Sample>, String> {
    let answer: Answer = serde_json::from_slice(body)
        .map_err(|error| format!("the answer is no Prometheus answer: {error}"))?;
    if answer.status != "success" {
        return Err(format!("the query failed: {}", one_line(&answer.error)));
    }
    let data = answer.data.ok_or("the answer has no data")?;
    if data.result_type != "vector" {
        return Err(format!(
            "the result is a {} and not a vector: write an instant query",
            one_line(&data.result_type)
        ));
    }
    let series: Vec<Series> = serde_json::from_value(data.result)
        .map_err(|error| format!("the result is no vector: {error}"))?;
    series.into_iter().map(|one| sample(one, label)).collect()
}

fn sample(mut series: Series, label: &str) -> Result<Sample, String> {
    let (time, text) = series.value;
    // Rust reads Prometheus' "NaN", "+Inf" and "-Inf" as well.
    let value = text
        .parse()
        .map_err(|_| format!("the value {:?} is no number", one_line(&text)))?;
    Ok(Sample {
        label: series.metric.remove(label),
        value,
        time,
    })
}

/// Server text in a line of ours.
fn one_line(text: &str) -> String {
    let printable = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().take(200).map(printable).collect()
}

/// Which sample is whose.
pub(super) struct Found<'a> {
    by_socket: HashMap<SocketAddr, Vec<&'a Sample>>,
    by_address: HashMap<IpAddr, Vec<&'a Sample>>,
    now: SystemTime,
}

/// A weight, and how old the sample is that it was made of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Weighed {
    pub(super) weight: u16,
    pub(super) age: Duration,
}

impl<'a> Found<'a> {
    pub(super) fn new(samples: &'a [Sample], now: SystemTime) -> Self {
        let mut found = Self {
            by_socket: HashMap::new(),
            by_address: HashMap::new(),
            now,
        };
        for sample in samples {
            let Some(label) = &sample.label else { continue };
            let socket = label.parse::<SocketAddr>().ok();
            let bare = label.trim_start_matches('[').trim_end_matches(']');
            let address = socket
                .map(|socket| socket.ip())
                .or_else(|| bare.parse().ok());
            if let Some(socket) = socket {
                let socket = SocketAddr::new(socket.ip().to_canonical(), socket.port());
                found.by_socket.entry(socket).or_default().push(sample);
            }
            if let Some(address) = address {
                let samples = found.by_address.entry(address.to_canonical()).or_default();
                samples.push(sample);
            }
        }
        found
    }

    /// A member's weight, or why there is none that can be relied on.
    pub(super) fn weight(&self, rule: &Prometheus, member: &MemberKey) -> Result<Weighed, String> {
        let (samples, name) = match rule.matching {
            Matching::AddressAndPort => {
                let socket = SocketAddr::new(member.address, member.port);
                (self.by_socket.get(&socket), socket.to_string())
            }
            Matching::Address => (
                self.by_address.get(&member.address),
                member.address.to_string(),
            ),
        };
        let of = format!("{}=\"{name}\"", rule.label);
        match samples.map_or(&[][..], Vec::as_slice) {
            [] => Err(format!("no sample has {of}")),
            [sample] => {
                let age = self
                    .age(sample, rule.stale)
                    .map_err(|why| format!("the sample with {of} {why}"))?;
                let weight = to_weight(rule, sample.value)
                    .ok_or_else(|| format!("the value with {of} is {}", sample.value))?;
                Ok(Weighed { weight, age })
            }
            more => Err(format!(
                "{} samples have {of}: aggregate them in the query",
                more.len()
            )),
        }
    }

    /// A clock that is ahead of ours makes samples of age 0, unless it is ahead by more than samples may be old.
    fn age(&self, sample: &Sample, stale: Duration) -> Result<Duration, String> {
        let now = self.now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let age = now.as_secs_f64() - sample.time;
        if age.is_nan() || age.abs() > stale.as_secs_f64() {
            return Err(format!("is {age:.0} s old, more than {stale:?}"));
        }
        Ok(Duration::try_from_secs_f64(age).unwrap_or_default())
    }
}

/// `scale` × value + `offset`, rounded, within the bounds; `None` for what is no number.
fn to_weight(rule: &Prometheus, value: f64) -> Option<u16> {
    let weight = rule.scale.value() * value + rule.offset.value();
    let (min, max) = rule.bounds;
    // `as` saturates, which the bounds do anyway.
    weight
        .is_finite()
        .then(|| (weight.round() as u16).clamp(min, max))
}

#[cfg(test)]
mod tests;
