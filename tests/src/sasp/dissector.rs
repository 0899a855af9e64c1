//! What tshark, Wireshark's command line, reads in a capture.
//!
//! It walks by counts and checks neither Lengths nor component types: whoever uses this must compare every field.

use std::{
    io::Write as _,
    net::Ipv6Addr,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Map, Value};

use super::capture::Capture;

/// Its tree node for a whole member has the name of the address inside.
const ADDRESS: &str = "sasp.memdatacomp.ip";
const ADDRESS_LEN: u64 = 16;

/// One field of a message.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Field {
    /// Where it begins, in bytes from the header's first.
    pub at: u64,
    /// Bytes; bits of one byte are fields of their own.
    pub length: u64,
    /// Wireshark's name.
    pub name: String,
    /// Numbers and bits in decimal, addresses as IPv6, text as it is.
    pub value: String,
}

/// One message, as tshark sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Dissected {
    /// Its bytes, in hex.
    pub bytes: String,
    /// Its fields in order; text of length zero is none.
    pub fields: Vec<Field>,
}

/// Everything that tshark says about a capture.
#[derive(Debug, Default)]
pub struct Dissection {
    /// In the order of their last bytes.
    pub messages: Vec<Dissected>,
    /// Malformed packets and expert items, by their texts or names.
    pub complaints: Vec<String>,
}

/// Lets tshark read a capture.
///
/// # Errors
/// If tshark is missing, fails, or writes what we do not understand.
pub fn dissect(capture: &Capture) -> Result<Dissection> {
    let mut child = Command::new("tshark")
        .args(["-n", "-r", "-", "-T", "json", "-x", "--no-duplicate-keys"])
        // Without the details of other protocols.
        .args(["-J", "sasp"])
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot run tshark, `cargo xtask setup` installs it")?;
    let mut stdin = child.stdin.take().context("tshark has no stdin")?;
    // Both at once: it writes before it has read all.
    let (written, output) = std::thread::scope(|scope| {
        let writer = scope.spawn(move || stdin.write_all(capture.bytes()));
        let output = child.wait_with_output();
        (writer.join().expect("writing does not panic"), output)
    });
    let output = output.context("cannot read from tshark")?;
    ensure!(
        output.status.success(),
        "tshark failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    written.context("tshark has not read all")?;
    let packets: Vec<Value> =
        serde_json::from_slice(&output.stdout).context("tshark's output is not JSON")?;
    let mut dissection = Dissection::default();
    for packet in &packets {
        let layers = packet["_source"]["layers"]
            .as_object()
            .context("tshark gives no layers")?;
        dissection.complaints.extend(complaints(layers));
        let whole = each(layers.get("sasp_raw"), is_raw);
        let inside = each(layers.get("sasp"), Value::is_object);
        for (raw, tree) in whole.into_iter().zip(inside) {
            dissection.messages.push(message(raw, tree)?);
        }
    }
    Ok(dissection)
}

/// What stands under a key: nothing, a thing, or an array of such things if there are several.
fn each(value: Option<&Value>, is_one: impl Fn(&Value) -> bool) -> Vec<&Value> {
    match value {
        None => vec![],
        Some(one) if is_one(one) => vec![one],
        Some(several) => several.as_array().into_iter().flatten().collect(),
    }
}

/// True for `[hex, position, length, mask, type]`.
fn is_raw(value: &Value) -> bool {
    value[0].is_string()
}

/// Their text if they have one, else their name.
fn complaints(layers: &Map<String, Value>) -> Vec<String> {
    let mut found = Vec::new();
    visit(layers, &mut |tree| {
        for name in ["_ws.malformed", "_ws.expert"] {
            found.extend(tree.get(name).map(|complaint| {
                let text = complaint["_ws.expert.message"].as_str();
                text.unwrap_or(name).to_owned()
            }));
        }
    });
    found
}

/// Calls `inspect` for a tree and all trees inside.
fn visit(tree: &Map<String, Value>, inspect: &mut impl FnMut(&Map<String, Value>)) {
    inspect(tree);
    for value in tree.values() {
        for inner in each(Some(value), Value::is_object) {
            if let Some(inner) = inner.as_object() {
                visit(inner, inspect);
            }
        }
    }
}

fn message(raw: &Value, tree: &Value) -> Result<Dissected> {
    let (hex, start, _) = unpack(raw).context("tshark gives no bytes of a message")?;
    let mut fields = Vec::new();
    let tree = tree.as_object().context("tshark gives no fields")?;
    visit(tree, &mut |tree| {
        for (name, shown) in tree {
            let raws = each(tree.get(&format!("{name}_raw")), is_raw);
            let places = raws.into_iter().filter_map(unpack);
            let values = each(Some(shown), Value::is_string);
            fields.extend(places.zip(values).map(|((_, at, length), value)| Field {
                at: at - start,
                length,
                name: name_of_old(name).to_owned(),
                value: canonical(value.as_str().unwrap_or_default()),
            }));
        }
    });
    fields.retain(|field| field.name != ADDRESS || field.length == ADDRESS_LEN);
    fields.sort();
    Ok(Dissected {
        bytes: hex.to_owned(),
        fields,
    })
}

fn unpack(raw: &Value) -> Option<(&str, u64, u64)> {
    Some((raw[0].as_str()?, raw[1].as_u64()?, raw[2].as_u64()?))
}

/// Debian 12's Wireshark (4.0) has one name for all types, newer ones have three.
fn name_of_old(name: &str) -> &str {
    match name {
        "sasp.type" | "sasp.wtentry.datacomp" => "sasp.msg.type",
        name => name,
    }
}

/// The same for all versions and bases.
fn canonical(shown: &str) -> String {
    let hex = shown.strip_prefix("0x");
    if let Some(Ok(number)) = hex.map(|digits| u32::from_str_radix(digits, 16)) {
        return number.to_string();
    }
    match (shown, shown.parse::<Ipv6Addr>()) {
        ("True", _) => "1".to_owned(),
        ("False", _) => "0".to_owned(),
        (_, Ok(address)) => address.to_string(),
        (text, Err(_)) => text.to_owned(),
    }
}
