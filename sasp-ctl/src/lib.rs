//! `sasp-ctl`: control daemon of an XDP load balancer whose weights come from the servers themselves.
//!
//! # Layout
//! * [`sasp`]: RFC 4678, sans-io.
//! * [`balance`]: from weights to slot tables, pure.
//! * [`datapath`]: the kernel half, the only code that touches aya and netlink.
//! * [`session`]: the balancer's connection to a GWM. [`tls`]: TLS on either side of SASP.
//! * [`gwm`]: the GWM: sockets, config and reloads around its state machine.
//! * [`daemon`]: the balancer: event loop, control API, metrics.
//! * `watch`: news of files.
//! * [`config`]: files and flags to validated values.
//! * [`cli`]: the command line, one file a subcommand.

pub mod balance;
pub mod cli;
pub mod config;
pub mod daemon;
pub mod datapath;
pub mod gwm;
pub mod sasp;
pub mod session;
pub mod tls;
pub(crate) mod watch;
