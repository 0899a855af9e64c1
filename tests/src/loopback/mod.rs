//! The real binary on loopback, spoken to by hand: bytes put together here, not by the codec under test. Needs no root.
//!
//! It panics where a test would; nothing else may use it.
//!
//! # Layout
//! * [`running`]: a running `sasp-ctl` and its log. [`server`]: `sasp-ctl gwm`.
//! * [`client`], [`wire`]: a peer of the GWM, and what it says.
//! * [`authority`], [`peer`]: certificates, and the other side of TLS; both by `openssl`.

pub mod authority;
pub mod client;
pub mod peer;
pub mod running;
pub mod server;
pub mod wire;

use std::time::Duration;

/// Longer than anything takes on a busy machine; only failures wait for it.
pub const PATIENCE: Duration = Duration::from_secs(20);
