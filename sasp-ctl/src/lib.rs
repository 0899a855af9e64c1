//! `sasp-ctl`: control daemon of an XDP load balancer whose weights come from the servers themselves.
//!
//! # Layout
//! * [`sasp`]: RFC 4678, sans-io.
//! * [`balance`]: from weights to slot tables, pure.
//! * [`datapath`]: the kernel half, the only code that touches aya and netlink.
//! * [`session`]: the balancer's connection to a GWM.
//! * [`gwm`]: the GWM: sockets, config and reloads around its state machine.
//! * [`daemon`]: the balancer: event loop, control API, metrics.
//! * [`config`]: files and flags to validated values.
//! * [`cli`]: the command line, one file a subcommand.
//! * `control`: what the control APIs of daemon and GWM share. `clock`: the packet path's.

pub mod balance;
pub mod cli;
mod clock;
pub mod config;
mod control;
pub mod daemon;
pub mod datapath;
pub mod gwm;
pub mod sasp;
pub mod session;
