//! TLS against another implementation: OpenSSL's command line on the other side of the real GWM and of our session.
//!
//! `cargo build` must have built the binary.

mod authority;
mod dialled;
mod dialling;
mod peer;

#[path = "../gwm/client.rs"]
#[expect(dead_code, reason = "shared with the tests of the GWM, which use more")]
mod client;
#[path = "../gwm/server.rs"]
#[expect(dead_code, reason = "shared with the tests of the GWM, which use more")]
mod server;
#[path = "../gwm/wire.rs"]
#[expect(dead_code, reason = "shared with the tests of the GWM, which use more")]
mod wire;
