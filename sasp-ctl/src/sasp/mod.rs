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
#![forbid(unsafe_code)]

pub mod client;
pub mod code;
pub mod codec;
pub mod frame;
pub mod gwm;
pub mod member;
pub mod msg;

#[cfg(test)]
mod tests;
