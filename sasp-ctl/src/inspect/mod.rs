//! SASP messages made readable: what is in them, piece by piece, and what is wrong with them.
//!
//! Unlike [`crate::sasp::codec`], which stops at the first thing that is wrong, this goes on and shows all that can be
//! told. Whether a message is right is still the codec's word alone ([`Inspection::cause`]): a GWM refuses what it
//! refuses. No sockets, files or clocks here; nothing is believed that stands in the bytes, everything is bounded.
//!
//! # Layout
//! * [`component`]: the flat sequence of components, each with its fields.
//! * [`message`]: a whole message, its groups and its remarks; `grammar` and `sense` find what is wrong or unusual.
//! * [`explain`]: names of flags, meanings of codes, sections of the RFC.
//! * [`text`] and [`json`]: the two ways to print it.
//! * [`frames`]: a byte stream into messages, going on after damage.
//! * [`conversation`]: which reply answers which request.

pub mod component;
pub mod conversation;
pub mod explain;
pub mod frames;
mod grammar;
pub mod json;
pub mod message;
mod sense;
pub mod text;

#[cfg(test)]
mod tests;

pub use component::{Component, Fields};
pub use message::{Inspection, Level, Remark, inspect};
