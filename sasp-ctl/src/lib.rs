//! `sasp-ctl`: control daemon of an XDP load balancer whose weights come from the servers themselves.
//!
//! # Layout
//! * [`sasp`]: RFC 4678, sans-io.
//! * [`balance`]: from weights to slot tables, pure.

pub mod balance;
pub mod sasp;
