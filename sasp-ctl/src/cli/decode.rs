//! `sasp-ctl decode`: the SASP in a hex dump or a capture, message by message, with what is wrong with each.
//!
//! It reads a capture as a stream and keeps no more than what is still incomplete, so a file may be larger than
//! memory, or a pipe. Nothing is decrypted: TLS is recognised and named.

mod capture;
mod connections;
mod hexdump;
mod packet;
mod reassembly;
mod report;
mod utc;

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::failure::Failure;
use super::output;
use crate::inspect::component::starts_message;
use crate::inspect::conversation::Conversation;
use crate::inspect::frames::Frames;
use crate::sasp::code::PORT;
use capture::{Capture, Magic};
use connections::Connections;
use packet::Seen;
use report::{Place, Report};

/// As much text, or bare bytes, as are read; captures have no limit.
const TEXT_MAX: u64 = 64 << 20;

/// Show the SASP messages in a hex dump or a capture, and what is wrong with them
///
/// Hex digits may be plain, or as `xxd`, `hexdump -C`, Wireshark and `sasp-ctl query --raw` print them. A capture is
/// pcap or pcapng. Exit code 1 if anything could not be decoded; the rest is printed all the same.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// Hex digits, a file with a capture or a hex dump, or `-`: either of them from standard input
    #[arg(required = true, value_name = "HEX|-|FILE")]
    input: Vec<String>,
    /// TCP port of the GWM in a capture; other connections are shown if they start like SASP
    #[arg(long, value_name = "PORT", default_value_t = PORT)]
    port: u16,
    /// Print one JSON object with stable names
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let report = Report::new(args.json, Box::new(output::print));
    match args.input.as_slice() {
        [dash] if dash == "-" => read("standard input", io::stdin().lock(), args.port, report),
        [path] if Path::new(path).exists() => {
            let file = File::open(path).map_err(|error| unreadable(path, &error))?;
            read(path, file, args.port, report)
        }
        parts => {
            let text = parts.join(" ");
            let bytes = hexdump::parse(&text).map_err(|reason| {
                Failure::Usage(match parts {
                    [one] if one.contains(['.', '/']) => format!("no such file: {one}"),
                    _ => format!("{reason}; give hex digits, a file or - for standard input"),
                })
            })?;
            stream(&bytes, report)
        }
    }
}

fn unreadable(what: &str, error: &io::Error) -> Failure {
    Failure::Failed(format!("cannot read {what}: {error}"))
}

/// A capture, a hex dump or bare SASP: by its first bytes.
fn read(what: &str, mut from: impl Read, port: u16, report: Report) -> Result<(), Failure> {
    let mut head = Vec::new();
    let failed = |error: io::Error| unreadable(what, &error);
    from.by_ref()
        .take(4)
        .read_to_end(&mut head)
        .map_err(failed)?;
    if let Some(magic) = Magic::of(&head) {
        let whole = head.as_slice().chain(from);
        let capture = Capture::open(magic, whole)
            .map_err(|reason| Failure::Failed(format!("cannot read {what}: {reason}")))?;
        return packets(capture, port, report);
    }
    let mut bytes = head;
    from.take(TEXT_MAX)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if bytes.len() as u64 >= TEXT_MAX {
        return Err(Failure::Failed(format!(
            "{what} is no capture and longer than {} MiB: split it",
            TEXT_MAX >> 20
        )));
    }
    if starts_message(&bytes) {
        return stream(&bytes, report);
    }
    let text = String::from_utf8(bytes).map_err(|_| {
        Failure::Failed(format!(
            "{what} is neither a pcap or pcapng file nor a hex dump nor SASP itself"
        ))
    })?;
    let bytes = hexdump::parse(&text)
        .map_err(|reason| Failure::Failed(format!("{what} is no hex dump: {reason}")))?;
    stream(&bytes, report)
}

/// Bytes of one connection, both directions mixed.
fn stream(bytes: &[u8], mut report: Report) -> Result<(), Failure> {
    let mut frames = Frames::default();
    let mut conversation = Conversation::default();
    frames.push(bytes);
    while let Some(piece) = frames.next_at_end() {
        report.piece(&Place::default(), &piece, &mut conversation, None)?;
    }
    report.finish()
}

fn packets(mut capture: Capture<impl Read>, port: u16, mut report: Report) -> Result<(), Failure> {
    let mut connections = Connections::new(port);
    while let Some(packet) = capture.next_packet() {
        let packet = match packet {
            Ok(packet) => packet,
            Err(reason) => {
                report.problem(None, &format!("the capture ends here: {reason}"))?;
                break;
            }
        };
        report.packets += 1;
        match packet::segment(packet.link, &packet.data) {
            Ok(Seen::Segment(segment)) => {
                connections.segment(&segment, packet.time, &mut report)?
            }
            Ok(Seen::Fragment) => report.fragments += 1,
            Ok(Seen::Other) => {}
            Err(link) => report.unknown_link(link)?,
        }
    }
    connections.finish(&mut report)?;
    report.finish_capture(port)
}

#[cfg(test)]
mod tests;
