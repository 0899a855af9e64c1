//! Builds the BPF object that `datapath` embeds (by the same code as `cargo xtask build-ebpf`).

fn main() {}
