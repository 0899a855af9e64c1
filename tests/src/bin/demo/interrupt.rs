//! Ctrl-C: noticed between two steps of the display, so that everything is dropped in order.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, Result};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

static CAUGHT: AtomicBool = AtomicBool::new(false);

/// Somebody wants us to end.
#[derive(Debug)]
pub(crate) struct Interrupted;

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("interrupted")
    }
}

impl std::error::Error for Interrupted {}

/// From now on Ctrl-C, a closed terminal and a plain `kill` are only noted.
pub(crate) fn listen() -> Result<()> {
    // System calls go on after the signal: nothing half-built has to be told from something broken.
    let action = SigAction::new(
        SigHandler::Handler(note),
        SaFlags::SA_RESTART,
        SigSet::empty(),
    );
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        // SAFETY: the handler stores into an atomic and does nothing else.
        unsafe { sigaction(signal, &action) }.context("cannot listen for Ctrl-C")?;
    }
    Ok(())
}

/// An error if one of them has come.
pub(crate) fn check() -> Result<()> {
    if CAUGHT.load(Ordering::Relaxed) {
        return Err(Interrupted.into());
    }
    Ok(())
}

extern "C" fn note(_: nix::libc::c_int) {
    CAUGHT.store(true, Ordering::Relaxed);
}
