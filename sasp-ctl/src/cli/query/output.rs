//! What `query` prints: tables as they come, or one JSON object at the end.

use std::time::Duration;

use serde_json::{Value, json};

use super::asker::{Heard, Raw};
use super::plan::Plan;
use crate::cli::columns::{Align, set};
use crate::cli::failure::Failure;
use crate::cli::output;
use crate::inspect::{self, Remark, inspect, json as message_json, text};
use crate::sasp::code::{Code, Type, weight_flags};
use crate::sasp::msg::{Body, GroupOf, WeightEntry};

/// So many pushes are kept for JSON; more are counted.
const PUSHES_MAX: usize = 1000;
/// They, in bytes as they came: as JSON they take many times as much.
const PUSHED_BYTES_MAX: usize = 4 << 20;
/// Bytes in a line of hex.
const HEX_LINE: usize = 16;

/// How it went, beside the weights.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Outcome {
    /// The GWM does not know the LB UID.
    UnknownUid,
    /// It does, so nothing was asked.
    NotAsked,
    /// It has refused.
    Refused {
        /// This request.
        request: Type,
        /// With this code.
        code: Code,
    },
}

/// Prints.
#[derive(Debug)]
pub(super) struct Output {
    gwm: String,
    json: bool,
    uid: String,
    object: Value,
    pushes: Vec<Value>,
    pushed_bytes: usize,
    pushes_left_out: usize,
    waits_for_pushes: bool,
}

impl Output {
    pub(super) fn new(gwm: String, plan: &Plan, json: bool) -> Self {
        Self {
            object: json!({
                "gwm": gwm,
                "uid": plan.uid,
                // Unless something else is said: there was no answer.
                "outcome": "failed",
            }),
            gwm,
            json,
            uid: plan.uid.to_string(),
            pushes: Vec::new(),
            pushed_bytes: 0,
            pushes_left_out: 0,
            waits_for_pushes: plan.push.is_some(),
        }
    }

    /// The GWM as it is shown.
    pub(super) fn gwm(&self) -> &str {
        &self.gwm
    }

    /// The code of the request that had to fail.
    pub(super) fn probe(&mut self, code: Code) {
        self.object["probe"] = json!({ "code": code.0, "code_name": code });
    }

    pub(super) fn outcome(&mut self, outcome: Outcome) {
        self.object["outcome"] = json!(match outcome {
            Outcome::UnknownUid => "unknown_uid",
            Outcome::NotAsked => "not_asked",
            Outcome::Refused { .. } => "refused",
        });
        if let Outcome::Refused { request, code } = outcome {
            self.object["refused"] = json!({
                "request": request, "code": code.0, "code_name": code,
            });
        }
    }

    /// The reply to Get Weights.
    pub(super) fn weights(&mut self, reply: &Heard) -> Result<(), Failure> {
        let Body::GetWeightsReply(weights) = &reply.body else {
            return Ok(());
        };
        let inspection = inspect(&reply.frame);
        self.object["outcome"] = json!("weights");
        self.object["interval_seconds"] = json!(weights.interval);
        self.object["groups"] = message_json::groups(&inspection).into();
        self.object["remarks"] = json!(inspection.remarks);
        if self.json {
            return Ok(());
        }
        let mut all = format!(
            "GWM {}  LB UID {}  interval {} s\n",
            self.gwm, self.uid, weights.interval
        );
        all.push_str(&tables(&weights.groups));
        all.push_str(&remarks(&inspection.remarks));
        if self.waits_for_pushes {
            all.push_str("waiting for pushes\n");
        }
        output::print(&all)
    }

    /// A Send Weights that came so long after pushes were asked for.
    pub(super) fn push(&mut self, push: &Heard, after: Duration) -> Result<(), Failure> {
        let Body::SendWeights(weights) = &push.body else {
            return Ok(());
        };
        if !self.json {
            let inspection = inspect(&push.frame);
            let mut all = format!("push after {:.3} s\n", after.as_secs_f64());
            all.push_str(&tables(&weights.groups));
            all.push_str(&remarks(&inspection.remarks));
            return output::print(&all);
        }
        let bytes = self.pushed_bytes.saturating_add(push.frame.len());
        if self.pushes.len() == PUSHES_MAX || bytes > PUSHED_BYTES_MAX {
            self.pushes_left_out += 1;
            return Ok(());
        }
        self.pushed_bytes = bytes;
        let inspection = inspect(&push.frame);
        self.pushes.push(json!({
            "after_seconds": after.as_secs_f64(),
            "groups": message_json::groups(&inspection),
            "remarks": inspection.remarks,
        }));
        Ok(())
    }

    /// The end: the JSON object, and the bytes if they were kept.
    pub(super) fn finish(&mut self, raw: &[Raw], left_out: usize) -> Result<(), Failure> {
        if !self.json {
            return output::print(&raw_text(raw, left_out));
        }
        if self.waits_for_pushes {
            self.object["pushes"] = Value::Array(std::mem::take(&mut self.pushes));
            self.object["pushes_left_out"] = json!(self.pushes_left_out);
        }
        if !raw.is_empty() {
            let messages = raw.iter().map(|raw| {
                json!({
                    "from": if raw.sent { "query" } else { "gwm" },
                    "type": inspect(&raw.bytes).kind(),
                    "hex": hex::encode(&raw.bytes),
                })
            });
            self.object["raw"] = messages.collect();
            self.object["raw_left_out"] = json!(left_out);
        }
        output::print(&format!("{}\n", self.object))
    }
}

fn tables(groups: &[GroupOf<WeightEntry>]) -> String {
    if groups.is_empty() {
        return "no groups\n".to_owned();
    }
    groups.iter().map(table).collect()
}

fn table(group: &GroupOf<WeightEntry>) -> String {
    let title = format!("group {}\n", group.group.name);
    if group.items.is_empty() {
        return title + "  no members\n";
    }
    let head = [
        "MEMBER",
        "WEIGHT",
        "CONTACT",
        "CONFIDENT",
        "QUIESCED",
        "REGISTERED BY",
        "STATE",
        "LABEL",
    ];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(group.items.iter().map(row));
    use Align::{Left, Right};
    title + &set(&rows, &[Left, Right, Left, Left, Left, Left, Left, Left], 2)
}

fn row(entry: &WeightEntry) -> Vec<String> {
    let flag = |bit: u8, yes: &str, no: &str| match entry.flags & bit != 0 {
        true => yes.to_owned(),
        false => no.to_owned(),
    };
    vec![
        entry.member.key.to_string(),
        entry.weight.to_string(),
        flag(weight_flags::CONTACT, "yes", "no"),
        flag(weight_flags::CONFIDENT, "yes", "no"),
        flag(weight_flags::QUIESCE, "yes", "no"),
        flag(weight_flags::REGISTERED_BY_LB, "balancer", "member"),
        format!("{:#04x}", entry.state),
        entry.member.label.to_string(),
    ]
}

fn remarks(remarks: &[Remark]) -> String {
    let line = |remark: &Remark| format!("! {}: {}\n", remark.level, remark.text);
    remarks.iter().map(line).collect()
}

/// Messages in lines that `sasp-ctl decode` reads.
fn raw_text(raw: &[Raw], left_out: usize) -> String {
    let mut all = String::new();
    for Raw { sent, bytes } in raw {
        let way = if *sent { "sent" } else { "came" };
        let title = text::title(&inspect::inspect(bytes));
        all.push_str(&format!("# {way}, {} bytes: {title}\n", bytes.len()));
        for (line, bytes) in bytes.chunks(HEX_LINE).enumerate() {
            let digits: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            all.push_str(&format!("{:04x}  {}\n", line * HEX_LINE, digits.join(" ")));
        }
    }
    if left_out > 0 {
        all.push_str(&format!("# {left_out} more messages were not kept\n"));
    }
    all
}

#[cfg(test)]
mod tests;
