//! The project's build knowledge that two programs share: the `cargo xtask` command line and the
//! build script of `sasp-ctl`, which must make the same BPF object.
//!
//! It depends on nothing of ours, so that everything of ours may depend on it.
//!
//! # Layout
//! * [`workspace`]: where things are
//! * [`toolchain`]: which Rust compiles for the BPF target
//! * [`linker`]: which `bpf-linker` links it, and for which LLVM
//! * [`environment`]: what a cargo within cargo must not inherit
//! * [`ebpf`]: the build itself
//! * [`object`]: what a good BPF object must and must not contain

pub mod ebpf;
pub mod environment;
pub mod linker;
pub mod object;
pub mod toolchain;
pub mod workspace;
