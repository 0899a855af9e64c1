//! TLS against another implementation: OpenSSL's command line on the other side of the real GWM and of our session.
//!
//! `cargo build` must have built the binary.

mod dialled;
mod dialling;

use tests::loopback::{authority, peer, server, wire};
