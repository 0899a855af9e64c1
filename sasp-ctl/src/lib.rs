//! `sasp-ctl`: control daemon of an XDP load balancer whose weights come from the servers themselves.
//!
//! # Layout
//! * [`config`]: text forms that files and flags share.
//! * [`sasp`]: RFC 4678, sans-io.

pub mod config;
pub mod sasp;
