//! The real member commands and agent against the real GWM, over real sockets, with a balancer made by hand.
//!
//! `cargo build` must have built the binary.

mod agent;
mod balancer;
mod life;
mod once;
mod tls;

use tests::loopback::{authority, client, peer, running, server, wire};
