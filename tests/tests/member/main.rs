//! The real member commands and agent against the real GWM, over real sockets, with a balancer made by hand.
//!
//! `cargo build` must have built the binary.

#[expect(dead_code, reason = "the GWM's own tests use more of it")]
#[path = "../gwm/client.rs"]
mod client;
#[expect(dead_code, reason = "the GWM's own tests use more of it")]
#[path = "../gwm/server.rs"]
mod server;
#[expect(dead_code, reason = "the GWM's own tests use more of it")]
#[path = "../gwm/wire.rs"]
mod wire;

mod agent;
mod balancer;
mod life;
mod once;
