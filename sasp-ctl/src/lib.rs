//! `sasp-ctl`: control daemon of an XDP load balancer whose weights come from the servers themselves.
//!
//! # Layout
//! * [`cli`]: the command line. [`config`]: the configuration file and flags, validated.
//! * [`sasp`]: RFC 4678, sans-io. [`session`]: a session with a GWM over a real socket.
//! * [`balance`]: from weights to slot tables, pure.
//! * [`datapath`]: the only code that touches aya and netlink.
//! * [`daemon`]: the event loop, control API and metrics.
//! * [`gwm`]: the Group Workload Manager's sockets, files and log.

pub mod balance;
pub mod cli;
pub mod config;
pub mod daemon;
pub mod datapath;
pub mod gwm;
pub mod sasp;
pub mod session;
