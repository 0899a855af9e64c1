//! `sasp-ctl`: control daemon of an XDP load balancer whose weights come from the servers themselves.
//!
//! # Layout
//! * [`sasp`]: RFC 4678, sans-io.
//! * [`balance`]: from weights to slot tables, pure.
//! * [`datapath`]: loads, pins, writes and reads the kernel half; next hops.

pub mod balance;
pub mod datapath;
pub mod sasp;
