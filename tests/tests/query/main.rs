//! `sasp-ctl query` and `sasp-ctl decode` as processes: against the real GWM, against odd ones, and in pipes.
//!
//! `cargo build` must have built the binary.

mod asking;
mod decoding;
mod odd;
mod run;

use tests::loopback::{client, server, wire};
