//! `sasp-ctl query` and `sasp-ctl decode` as processes: against the real GWM, against odd ones, and in pipes.
//!
//! `cargo build` must have built the binary.

#[path = "../gwm/client.rs"]
#[expect(dead_code, reason = "the tests of the GWM use more of it")]
mod client;
#[path = "../gwm/server.rs"]
#[expect(dead_code, reason = "the tests of the GWM use more of it")]
mod server;
#[path = "../gwm/wire.rs"]
#[expect(dead_code, reason = "the tests of the GWM use more of it")]
mod wire;

mod asking;
mod decoding;
mod odd;
mod run;
