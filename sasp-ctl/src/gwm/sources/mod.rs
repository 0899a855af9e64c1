//! Where weights come from: the rules of `gwm.toml`, what they read, and how that becomes what the GWM says.
//!
//! # How the rules of a member combine
//! Each rule yields a [`Reading`]: contact (yes, no or nothing said), quiesce, a weight or a share of it, and whether
//! it is confident. Together they say:
//! * **contact** if none says no. A rule that only weighs implies contact.
//! * **quiesce** if any says so.
//! * **weight**: the smallest weight ([`reading::BASE_WEIGHT`] if no rule gives one) times the shares that agents
//!   report. Rounding leaves at least 1 of what is not 0.
//! * **confident** if all are. A source that cannot be asked turns that off and leaves contact and weight as they
//!   were; so does every rule that has heard nothing yet.
//!
//! Rules for one balancer take the place of those for all, member by member. What the operator says by hand comes
//! last.
//!
//! # Layout
//! * [`rule`]: what the operator wrote. [`reading`]: what a rule says of a member, and several together.
//! * [`engine`]: rules, readings and changes; pure. `target`: a member under a rule. `rise_fall`: how many results it
//!   takes.
//! * `agent_line`, `prometheus`, `weight_file`: what sources say, as text; pure.
//! * [`status`]: what can be told of all that.
//! * `handle`: the engine as tasks share it. `ask`: the tasks that ask. `schedule`: when.

pub mod agent_line;
mod ask;
pub mod engine;
mod handle;
pub mod prometheus;
pub mod reading;
mod rise_fall;
pub mod rule;
mod schedule;
pub mod status;
mod target;
pub mod weight_file;

pub(in crate::gwm) use ask::ask;
pub use engine::{Engine, Scope};
pub(in crate::gwm) use handle::Sources;
pub use reading::{Override, Reading};
pub use rule::Rule;
pub use target::Probed;
