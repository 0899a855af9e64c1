//! Loading in spite of signals: the verifier gives up with `EAGAIN` when one is pending for the thread that waits for
//! it (`do_check` in kernel/bpf/verifier.c).

use aya::programs::{ProgramError, Xdp};
use nix::sys::signal::{SigSet, SigmaskHow};

/// So often a program is loaded at most; libbpf tries as often.
const TRIES: usize = 5;

/// Loads a program. Signals wait until it is done; one that cannot be made to wait, as when the process is stopped and
/// continued, makes it start again.
///
/// # Errors
/// Why the kernel refused it, or that it was disturbed every time.
pub fn load(program: &mut Xdp) -> Result<(), ProgramError> {
    let _waiting = Waiting::signals();
    persistently(|| program.load(), is_disturbed)
}

/// Signals to this thread wait as long as it lives.
#[derive(Debug)]
pub(super) struct Waiting {
    former: Option<SigSet>,
}

impl Waiting {
    /// Makes every signal wait that can be. If that fails, nothing has changed, and loading may be disturbed.
    pub(super) fn signals() -> Self {
        Self {
            former: SigSet::all().thread_swap_mask(SigmaskHow::SIG_BLOCK).ok(),
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        // It was in force before, so it is a mask that the kernel takes.
        let _ = self.former.map(|former| former.thread_set_mask());
    }
}

fn is_disturbed(error: &ProgramError) -> bool {
    match error {
        ProgramError::LoadError { io_error, .. } => io_error.raw_os_error() == Some(libc::EAGAIN),
        _ => false,
    }
}

fn persistently<E>(
    mut load: impl FnMut() -> Result<(), E>,
    is_disturbed: impl Fn(&E) -> bool,
) -> Result<(), E> {
    let mut result = load();
    for _ in 1..TRIES {
        match result {
            Err(error) if is_disturbed(&error) => result = load(),
            result => return result,
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    const DISTURBED: Result<(), bool> = Err(true);
    const REFUSED: Result<(), bool> = Err(false);

    /// How often a program is loaded that is answered for so, and what comes of it.
    fn tries(answers: &[Result<(), bool>]) -> (usize, Result<(), bool>) {
        let mut made = 0;
        let load = || {
            made += 1;
            answers[made - 1]
        };
        let result = persistently(load, |disturbed| *disturbed);
        (made, result)
    }

    #[test]
    fn a_program_is_loaded_again_if_that_was_disturbed() {
        assert_eq!(tries(&[DISTURBED, DISTURBED, Ok(())]), (3, Ok(())));
    }

    #[test]
    fn a_program_that_is_disturbed_every_time_or_refused_is_given_up() {
        assert_eq!(tries(&[DISTURBED; TRIES]), (TRIES, DISTURBED));
        assert_eq!(tries(&[REFUSED]), (1, REFUSED));
    }

    #[test]
    fn signals_wait_only_as_long_as_they_are_told_to() {
        let mask = || SigSet::thread_get_mask().expect("a mask");
        let before = mask();
        let waiting = Waiting::signals();
        assert!(mask().contains(nix::sys::signal::Signal::SIGTERM));
        drop(waiting);
        assert_eq!(mask(), before);
    }
}
