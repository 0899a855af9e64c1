//! The real GWM over real sockets, spoken to in raw bytes.
//!
//! The bytes are put together by hand, not by the codec under test. `cargo build` must have built the binary.

mod abuse;
mod codes;
mod control;
mod life;
mod sources;
mod weights;

use tests::loopback::{client, running, server, wire};
