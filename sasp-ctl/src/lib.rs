//! `sasp-ctl`: control daemon of an XDP load balancer whose weights come from the servers themselves.
//!
//! # Layout
//! * [`config`]: text forms that files and flags share.
//! * [`sasp`]: RFC 4678, sans-io.
//! * [`balance`]: from weights to slot tables, pure.

pub mod balance;
pub mod config;
pub mod sasp;
