//! SIGTERM, SIGINT and SIGHUP as wishes to stop. The last one comes when a terminal is closed: without a word, the
//! member would stay registered.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use super::agent::Stops;

/// So many wishes may wait; more of them say nothing new.
const STOPS_QUEUED: usize = 4;

/// Catches the signals from now on, whoever waits for them.
///
/// # Errors
/// If they cannot be caught.
pub fn stops() -> io::Result<Stops> {
    let (mut terminate, mut interrupt, mut hangup) = (
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
        signal(SignalKind::hangup())?,
    );
    let (wishes, stops) = mpsc::channel(STOPS_QUEUED);
    tokio::spawn(async move {
        loop {
            let name = tokio::select! {
                _ = terminate.recv() => "SIGTERM",
                _ = interrupt.recv() => "SIGINT",
                _ = hangup.recv() => "SIGHUP",
                () = wishes.closed() => return,
            };
            let _told_already = wishes.try_send(name);
        }
    });
    Ok(stops)
}
