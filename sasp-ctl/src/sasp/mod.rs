//! The Server/Application State Protocol, RFC 4678: codec, framing and the actors' state machines.
//!
//! Sans-io: bytes and instants come in, bytes and events go out.
//! No sockets, clocks, tasks or unsafe code here; `session` and `gwm` move the bytes.
//!
//! # Layout
//! * [`code`]: every number on the wire, each once.
//! * [`msg`]: the messages as Rust values, and how each looks on the wire.
//! * [`codec`]: whole messages to bytes and back.
//! * [`frame`]: a byte stream into messages.
//! * [`client`]: the balancer's side of a session.
//! * [`gwm`]: the Group Workload Manager.
//! * [`member`]: the side of a member that reports about itself.
//!
//! # Panics
//! None: no bytes, times or settings make this code panic. The lints below hold for every module here; `saturate`
//! has the arithmetic that they ask for.
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::unreachable,
        clippy::todo,
        clippy::unimplemented,
        clippy::string_slice,
        clippy::get_unwrap,
        clippy::unwrap_in_result,
        clippy::panic_in_result_fn,
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        clippy::cast_sign_loss
    )
)]

pub mod client;
pub mod code;
pub mod codec;
pub mod frame;
pub mod gwm;
pub mod member;
pub mod msg;
mod saturate;
mod waits;

#[cfg(test)]
mod tests;
