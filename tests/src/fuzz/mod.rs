//! Fuzz targets: what no bytes, times or changes may ever do to what reads them. Each is a function of bytes that
//! panics if it is done.
//!
//! `tests/tests/fuzz_twins.rs` runs all of them for some seconds in every test run, with random bytes and with broken
//! pieces of what is valid. For hours, cargo-fuzz runs them from `tests/fuzz`, which only names them:
//!
//! ```text
//! cargo run -p tests --bin fuzz-seeds         # what is valid, into tests/fuzz/corpus
//! cd tests/fuzz && cargo +nightly fuzz run codec
//! ```
//!
//! A target for another reader of foreign bytes is a function here, a line in [`TARGETS`], a file of one line in
//! `tests/fuzz/fuzz_targets`, and its name in `tests/fuzz/Cargo.toml`.
//!
//! # Layout
//! * `codec`: [`codec()`], [`deframer`]. `client`: [`client_machine`]. `gwm`: [`gwm_machine`].
//!   `member`: [`member_machine`]. `config`: [`attach_config`], [`gwm_config`]. `inspect`: [`fn@inspect`].
//!   `sources`: [`agent_line`], [`prometheus_answer`], [`weights_file`].
//! * [`seeds`]: valid inputs. `supply`: bytes as decisions.

mod client;
mod codec;
mod config;
mod gwm;
mod inspect;
mod member;
pub mod seeds;
mod sources;
mod supply;

pub use client::client_machine;
pub use codec::{codec, deframer};
pub use config::{attach_config, gwm_config};
pub use gwm::gwm_machine;
pub use inspect::inspect;
pub use member::member_machine;
pub use sources::{agent_line, prometheus_answer, weights_file};

/// A target's name and body.
pub type Target = (&'static str, fn(&[u8]));

/// All targets, by the names that they have in `tests/fuzz`.
pub const TARGETS: [Target; 11] = [
    ("codec", codec),
    ("deframer", deframer),
    ("client_machine", client_machine),
    ("gwm_machine", gwm_machine),
    ("attach_config", attach_config),
    ("gwm_config", gwm_config),
    ("member_machine", member_machine),
    ("inspect", inspect),
    ("agent_line", agent_line),
    ("prometheus_answer", prometheus_answer),
    ("weights_file", weights_file),
];
