//! Attaching while signals arrive: the verifier gives up when one is pending.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use nix::sys::pthread::{Pthread, pthread_kill, pthread_self};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

use crate::lab::{EDGE, Lab};

/// Far less than it takes to verify the program.
const PAUSE: Duration = Duration::from_millis(1);

static CAUGHT: AtomicU64 = AtomicU64::new(0);

extern "C" fn catch(_: i32) {
    CAUGHT.fetch_add(1, Ordering::Relaxed);
}

#[test]
fn a_stream_of_signals_does_not_keep_the_program_from_being_loaded() {
    let action = SigAction::new(
        SigHandler::Handler(catch),
        SaFlags::SA_RESTART,
        SigSet::empty(),
    );
    // SAFETY: the handler does nothing but count.
    unsafe { sigaction(Signal::SIGURG, &action) }.unwrap();
    let lab = Lab::new();
    let options = lab.options();
    let attached = AtomicBool::new(false);
    let result = lab.inside(|| {
        let loading = pthread_self();
        thread::scope(|scope| {
            scope.spawn(|| disturb(loading, &attached));
            let result = sasp_ctl::datapath::Datapath::attach(&options);
            attached.store(true, Ordering::Relaxed);
            result.map(drop)
        })
    });
    result.unwrap();
    assert!(CAUGHT.load(Ordering::Relaxed) > 0, "nobody was disturbed");
    assert!(lab.program_on(EDGE).is_some());
}

/// Sends a thread signals until it is done.
fn disturb(thread: Pthread, done: &AtomicBool) {
    while !done.load(Ordering::Relaxed) {
        pthread_kill(thread, Signal::SIGURG).unwrap();
        thread::sleep(PAUSE);
    }
}
