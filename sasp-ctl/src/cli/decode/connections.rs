//! The TCP connections of a capture that carry SASP.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use super::packet::Segment;
use super::reassembly::{Direction, Event};
use super::report::{Flow, Place, Report};
use crate::cli::failure::Failure;
use crate::inspect::component::starts_message;
use crate::inspect::conversation::Conversation;

/// More at one time than any GWM has balancers. The one that is silent for longest makes room.
const CONNECTIONS_MAX: usize = 1024;
/// What all connections together may keep, in bytes; then, too, the one that is silent for longest makes room.
const KEPT_MAX: usize = 64 << 20;
/// How a TLS handshake starts: its record type and the major version.
const TLS: [u8; 2] = [0x16, 0x03];

/// The lower end first, so that both directions have one key.
type Key = (SocketAddr, SocketAddr);

#[derive(Debug, Default)]
struct Connection {
    /// From the lower end, and from the higher.
    directions: [Direction; 2],
    finished: [bool; 2],
    conversation: Conversation,
    /// TLS, or closed: what still comes is of no interest.
    is_over: bool,
    /// Number of the last packet.
    last: u64,
    time: Duration,
}

pub(super) struct Connections {
    port: u16,
    table: HashMap<Key, Connection>,
    packets: u64,
    kept: usize,
}

impl Connections {
    /// `port`: where a GWM listens.
    pub(super) fn new(port: u16) -> Self {
        Self {
            port,
            table: HashMap::new(),
            packets: 0,
            kept: 0,
        }
    }

    /// Takes a segment that came at `time`.
    pub(super) fn segment(
        &mut self,
        segment: &Segment<'_>,
        time: Duration,
        report: &mut Report,
    ) -> Result<(), Failure> {
        self.packets += 1;
        let (key, side) = match segment.from <= segment.to {
            true => ((segment.from, segment.to), 0),
            false => ((segment.to, segment.from), 1),
        };
        let gwm_port = [segment.from, segment.to]
            .iter()
            .any(|end| end.port() == self.port);
        let restarts = segment.syn
            && self.table.get(&key).is_some_and(|connection| {
                connection.is_over || connection.directions[side].is_restarted_by(segment.sequence)
            });
        if restarts {
            self.end(key, report)?;
        }
        let wanted = (gwm_port && (segment.syn || !segment.payload.is_empty()))
            || starts_message(segment.payload);
        if !self.table.contains_key(&key) {
            if !wanted {
                return Ok(());
            }
            self.make_room(report)?;
        }
        let connection = self.table.entry(key).or_default();
        (connection.last, connection.time) = (self.packets, time);
        let before = connection.kept();
        let place = Place::of(Flow {
            time,
            from: segment.from,
            to: segment.to,
        });
        connection.segment(segment, side, &place, self.port, report)?;
        self.kept = (self.kept + connection.kept()).saturating_sub(before);
        if self.kept > KEPT_MAX {
            self.end_oldest(report)?;
        }
        Ok(())
    }

    /// The capture ends.
    pub(super) fn finish(mut self, report: &mut Report) -> Result<(), Failure> {
        while !self.table.is_empty() {
            self.end_oldest(report)?;
        }
        Ok(())
    }

    fn make_room(&mut self, report: &mut Report) -> Result<(), Failure> {
        match self.table.len() < CONNECTIONS_MAX {
            true => Ok(()),
            false => self.end_oldest(report),
        }
    }

    fn end_oldest(&mut self, report: &mut Report) -> Result<(), Failure> {
        let oldest = self
            .table
            .iter()
            .min_by_key(|(_, connection)| connection.last);
        match oldest.map(|(key, _)| *key) {
            Some(key) => self.end(key, report),
            None => Ok(()),
        }
    }

    fn end(&mut self, key: Key, report: &mut Report) -> Result<(), Failure> {
        let Some(mut connection) = self.table.remove(&key) else {
            return Ok(());
        };
        self.kept = self.kept.saturating_sub(connection.kept());
        connection.finish(key, self.port, report)
    }
}

impl Connection {
    fn kept(&self) -> usize {
        self.directions.iter().map(Direction::kept).sum()
    }

    fn segment(
        &mut self,
        segment: &Segment<'_>,
        side: usize,
        place: &Place,
        port: u16,
        report: &mut Report,
    ) -> Result<(), Failure> {
        if self.is_over {
            return Ok(());
        }
        let direction = &mut self.directions[side];
        if direction.is_new() && segment.payload.starts_with(&TLS) {
            self.is_over = true;
            return report.problem(
                place.flow(),
                "the connection is encrypted (TLS): what it says cannot be read from a capture",
            );
        }
        let mut sequence = segment.sequence;
        if segment.syn {
            direction.start(sequence);
            sequence = sequence.wrapping_add(1);
        }
        if !segment.payload.is_empty() {
            let events = direction.segment(sequence, segment.payload, segment.missing);
            self.report(events, place, port, report)?;
        }
        self.finished[side] |= segment.fin;
        if segment.rst || self.finished == [true, true] {
            self.is_over = true;
            let key = match side {
                0 => (segment.from, segment.to),
                _ => (segment.to, segment.from),
            };
            self.finish(key, port, report)?;
        }
        Ok(())
    }

    fn finish(&mut self, key: Key, port: u16, report: &mut Report) -> Result<(), Failure> {
        for side in [0, 1] {
            let events = self.directions[side].finish();
            let (from, to) = match side {
                0 => key,
                _ => (key.1, key.0),
            };
            let flow = Flow {
                time: self.time,
                from,
                to,
            };
            self.report(events, &Place::of(flow), port, report)?;
        }
        Ok(())
    }

    fn report(
        &mut self,
        events: Vec<Event>,
        place: &Place,
        port: u16,
        report: &mut Report,
    ) -> Result<(), Failure> {
        for event in events {
            match event {
                Event::Piece(piece) => {
                    report.piece(place, &piece, &mut self.conversation, Some(port))?;
                }
                Event::Gap(missing) => {
                    report.problem(place.flow(), &format!("{missing} bytes were not captured"))?;
                }
            }
        }
        Ok(())
    }
}
