//! What `decode` prints, as it finds it: text, or one JSON object that is written piece by piece.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use pcap_file::DataLink;
use serde::Serialize;
use serde_json::{Value, json};

use super::utc;
use crate::cli::failure::Failure;
use crate::inspect::conversation::{Answer, Conversation};
use crate::inspect::explain::{self, Role};
use crate::inspect::frames::Piece;
use crate::inspect::message::{Inspection, Level, Remark};
use crate::inspect::{inspect, json, text};
use crate::sasp::code::Type;

/// So many problems are listed in JSON; more are counted.
const PROBLEMS_MAX: usize = 1000;

/// A packet's ends and time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flow {
    /// Since 1970.
    pub(super) time: Duration,
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
}

/// Where a piece was found.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Place {
    flow: Option<Flow>,
}

impl Place {
    pub(super) fn of(flow: Flow) -> Self {
        Self { flow: Some(flow) }
    }

    pub(super) fn flow(&self) -> Option<Flow> {
        self.flow
    }
}

/// Where text goes.
pub(super) type Sink = Box<dyn FnMut(&str) -> Result<(), Failure>>;

/// The output, and what its end has to say.
pub(super) struct Report {
    json: bool,
    sink: Sink,
    messages: u64,
    /// Messages that the codec refuses, and bytes that are no message.
    failed: u64,
    problems: Vec<Value>,
    problems_left_out: u64,
    /// Packets of the capture, for its end.
    pub(super) packets: u64,
    /// IP fragments, which are not put together.
    pub(super) fragments: u64,
    unknown_links: BTreeSet<u32>,
}

/// A message in JSON: where it was found, and what is in it.
#[derive(Serialize)]
struct Item<'a> {
    offset: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<SocketAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<SocketAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    answers: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cut: Option<&'a str>,
    #[serde(flatten)]
    message: json::Message<'a>,
}

impl Report {
    pub(super) fn new(json: bool, sink: Sink) -> Self {
        Self {
            json,
            sink,
            messages: 0,
            failed: 0,
            problems: Vec::new(),
            problems_left_out: 0,
            packets: 0,
            fragments: 0,
            unknown_links: BTreeSet::new(),
        }
    }

    /// Prints a piece of a stream. `port`: where the GWM listens, if it is known who sent what.
    pub(super) fn piece(
        &mut self,
        place: &Place,
        piece: &Piece,
        conversation: &mut Conversation,
        port: Option<u16>,
    ) -> Result<(), Failure> {
        match piece {
            Piece::Message { offset, bytes } => {
                let mut inspection = inspect(bytes);
                if let (Some(flow), Some(port)) = (place.flow, port) {
                    check_side(&mut inspection, flow, port);
                }
                let answer = conversation.hear(&mut inspection, place.flow.map(|flow| flow.time));
                self.message(place, *offset, &inspection, answer, None)
            }
            Piece::Cut {
                offset,
                bytes,
                told,
            } => {
                let cut = match told {
                    Some(told) => format!("only {} of {told} bytes are there", bytes.len()),
                    None => format!("only {} bytes of its header are there", bytes.len()),
                };
                self.message(place, *offset, &inspect(bytes), None, Some(&cut))
            }
            Piece::Skipped {
                offset,
                count,
                reason,
            } => self.problem(
                place.flow,
                &format!(
                    "byte {offset}: {count} bytes that are no message were skipped ({reason})"
                ),
            ),
        }
    }

    fn message(
        &mut self,
        place: &Place,
        offset: u64,
        inspection: &Inspection,
        answer: Option<Answer>,
        cut: Option<&str>,
    ) -> Result<(), Failure> {
        self.messages += 1;
        self.failed += u64::from(inspection.cause.is_some());
        if !self.json {
            return (self.sink)(&in_text(place, offset, inspection, answer, cut));
        }
        let answers = answer.map(|answer| {
            let mut value = json::kind(answer.to);
            if let Some(latency) = answer.latency {
                value["latency_seconds"] = json!(latency.as_secs_f64());
            }
            value
        });
        let item = Item {
            offset,
            time: place.flow.map(|flow| utc::format(flow.time)),
            from: place.flow.map(|flow| flow.from),
            to: place.flow.map(|flow| flow.to),
            answers,
            cut,
            message: json::message(inspection),
        };
        let item = serde_json::to_string(&item).map_err(Failure::failed)?;
        let before = match self.messages {
            1 => "{\"messages\":[\n",
            _ => ",\n",
        };
        (self.sink)(&format!("{before}{item}"))
    }

    /// Something that could not be decoded.
    pub(super) fn problem(&mut self, flow: Option<Flow>, text: &str) -> Result<(), Failure> {
        self.failed += 1;
        if !self.json {
            return (self.sink)(&format!("{}! {text}\n\n", heading(flow)));
        }
        if self.problems.len() == PROBLEMS_MAX {
            self.problems_left_out += 1;
            return Ok(());
        }
        let mut problem = json!({ "text": text });
        if let Some(flow) = flow {
            problem["time"] = json!(utc::format(flow.time));
            problem["from"] = json!(flow.from);
            problem["to"] = json!(flow.to);
        }
        self.problems.push(problem);
        Ok(())
    }

    /// Packets of a kind that cannot be looked into; said once.
    pub(super) fn unknown_link(&mut self, link: DataLink) -> Result<(), Failure> {
        match self.unknown_links.insert(link.into()) {
            true => self.problem(
                None,
                &format!("packets of link type {link:?} cannot be read: capture on an Ethernet, loopback or `any` interface"),
            ),
            false => Ok(()),
        }
    }

    /// The end of a capture.
    pub(super) fn finish_capture(mut self, port: u16) -> Result<(), Failure> {
        if self.fragments > 0 {
            let text = format!("{} IP fragments were not put together", self.fragments);
            self.problem(None, &text)?;
        }
        let (packets, none) = (self.packets, self.messages == 0 && self.failed == 0);
        self.finish()?;
        match none {
            true => Err(Failure::Failed(format!(
                "no SASP in {packets} packets: none of a connection with port {port}, or that starts like SASP (--port names another)"
            ))),
            false => Ok(()),
        }
    }

    /// The end.
    pub(super) fn finish(mut self) -> Result<(), Failure> {
        if self.json {
            let start = match self.messages {
                0 => "{\"messages\":[",
                _ => "\n",
            };
            let problems = Value::Array(self.problems);
            (self.sink)(&format!(
                "{start}],\"problems\":{problems},\"problems_left_out\":{}}}\n",
                self.problems_left_out
            ))?;
        }
        match self.failed {
            0 => Ok(()),
            1 => Err(Failure::Failed(
                "one thing could not be decoded: see the output".to_owned(),
            )),
            failed => Err(Failure::Failed(format!(
                "{failed} things could not be decoded: see the output"
            ))),
        }
    }
}

/// Whether the sender may send such a message.
fn check_side(inspection: &mut Inspection, flow: Flow, port: u16) {
    let from_gwm = match (flow.from.port() == port, flow.to.port() == port) {
        (true, false) => true,
        (false, true) => false,
        // The ports do not tell.
        _ => return,
    };
    let Some(role) = inspection.kind().and_then(explain::role) else {
        return;
    };
    if from_gwm == (role == Role::Request) {
        let side = if from_gwm { "GWM" } else { "client" };
        inspection.remarks.push(Remark {
            level: Level::Wrong,
            offset: None,
            text: format!("the {side} sends what only its peer may send"),
        });
    }
}

fn heading(flow: Option<Flow>) -> String {
    flow.map(|flow| format!("{}  {} > {}  ", utc::format(flow.time), flow.from, flow.to))
        .unwrap_or_default()
}

fn in_text(
    place: &Place,
    offset: u64,
    inspection: &Inspection,
    answer: Option<Answer>,
    cut: Option<&str>,
) -> String {
    let mut all = match place.flow {
        None => format!("byte {offset}  "),
        flow => heading(flow),
    };
    all.push_str(&text::title(inspection));
    if let Some(answer) = answer {
        all.push_str(&format!(", {}", answered(answer)));
    }
    all.push('\n');
    if let Some(cut) = cut {
        all.push_str(&format!("  ! cut off: {cut}\n"));
    }
    for line in text::lines(inspection) {
        all.push_str(&line);
        all.push('\n');
    }
    all.push('\n');
    all
}

fn answered(answer: Answer) -> String {
    let to: Type = answer.to;
    match answer.latency {
        Some(latency) => format!(
            "answers {to} after {:.3} ms",
            latency.as_secs_f64() * 1000.0
        ),
        None => format!("answers {to}"),
    }
}
