//! The real member commands and agent against the real GWM, over real sockets, with a balancer made by hand.
//!
//! `cargo build` must have built the binary.

mod agent;
mod balancer;
mod life;
mod once;
mod tls;

#[path = "../tls/authority.rs"]
mod authority;
#[path = "../gwm/client.rs"]
#[expect(dead_code, reason = "shared with the tests of the GWM, which use more")]
mod client;
#[path = "../tls/peer.rs"]
#[expect(dead_code, reason = "shared with the tests of TLS, which use more")]
mod peer;
#[path = "../gwm/server.rs"]
#[expect(dead_code, reason = "shared with the tests of the GWM, which use more")]
mod server;
#[path = "../gwm/wire.rs"]
#[expect(dead_code, reason = "shared with the tests of the GWM, which use more")]
mod wire;
