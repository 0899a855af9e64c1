//! `sasp-ctl`: control daemon of an XDP load balancer whose weights come from the servers themselves.
//!
//! # Layout
//! * [`sasp`]: RFC 4678, sans-io.

pub mod sasp;
