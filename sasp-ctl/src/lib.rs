//! `sasp-ctl`: control daemon of an XDP load balancer whose weights come from the servers themselves.
//!
//! # Layout
//! * [`cli`]: the command line.
//! * [`config`]: the configuration file and flags, validated.
//! * [`sasp`]: RFC 4678, sans-io.
//! * [`balance`]: from weights to slot tables, pure.
//! * [`datapath`]: the only code that touches aya and netlink.
//! * [`gwm`]: the Group Workload Manager's sockets, files and log.

pub mod balance;
pub mod cli;
pub mod config;
pub mod datapath;
pub mod gwm;
pub mod sasp;
