//! `sasp-ctl`: control daemon of an XDP load balancer whose weights come from the servers themselves.
//!
//! # Layout
//! * [`sasp`]: RFC 4678, sans-io.
//! * [`session`]: the balancer's connection to a GWM.

pub mod sasp;
pub mod session;
