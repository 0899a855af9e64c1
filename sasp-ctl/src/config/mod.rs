//! Text forms that configuration files and the command line share.
//!
//! # Layout
//! * [`duration`]: `"10s"`, `"2m"`.
//! * [`member_key`]: `"10.0.0.1:80"`, `"10.0.0.1:53/udp"`, `"10.0.0.1"`.

pub mod duration;
pub mod member_key;
