//! wip

pub mod config;
