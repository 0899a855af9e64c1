//! The promise of the data path with real TCP: of thousands of connections that are open, none to a living member
//! breaks, whatever happens to weights, members and the daemon.
//!
//! What happens is random. A failure prints its seed; `SASP_PROMISE_SEED` makes the same things happen again, though
//! not at the same moments.

mod crowd;
mod dice;
mod echo;
mod exchange;
mod rig;
mod turmoil;
mod twins;
