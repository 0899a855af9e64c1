//! The real GWM over real sockets, spoken to in raw bytes.
//!
//! The bytes are put together here by hand, not by the codec under test. `cargo build` must have built the binary.

mod abuse;
mod client;
mod codes;
mod control;
mod life;
mod server;
mod sources;
mod weights;
mod wire;
