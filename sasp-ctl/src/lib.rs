//! `sasp-ctl`: control daemon of an XDP load balancer whose weights come from the servers themselves.
//!
//! # Layout
//! * [`sasp`]: RFC 4678, sans-io.
//! * [`balance`]: from weights to slot tables, pure.
//! * [`datapath`]: the kernel half, the only code that touches aya and netlink.
//! * [`session`]: the balancer's connection to a GWM. [`tls`]: TLS on either side of SASP.
//! * [`gwm`]: the GWM: sockets, config and reloads around its state machine.
//! * [`member`]: what stands beside a server and reports about it.
//! * [`daemon`]: the balancer: event loop, control API, metrics.
//! * `watch`: news of files.
//! * [`inspect`]: messages made readable, pure.
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
pub mod inspect;
pub mod member;
pub mod sasp;
pub mod session;
pub mod tls;
pub(crate) mod watch;
