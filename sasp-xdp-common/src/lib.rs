//! What the XDP program and its userspace share: the map layouts ([`abi`]) and every decision about a packet that
//! needs no kernel.
//!
//! The same code runs in the kernel, on an `XdpContext` and BPF maps, and on the host, on byte slices and plain
//! collections: the host's is the reference model that tests hold against the kernel's.
//!
//! # Layout
//! * [`abi`]: map names, keys, values, counters, limits.
//! * [`packet`], [`word`]: bounds-checked access to a frame; loads that the BPF target does not split into bytes.
//! * [`family`]: IPv4 and IPv6, as types.
//! * [`parse`]: from a frame to the flow that it belongs to.
//! * [`hash`]: from a flow to a slot.
//! * [`checksum`]: one's complement sums, and corrections of them.
//! * [`choose`]: from a slot and what is remembered to a backend.
//! * [`forward`]: rewriting a frame for a backend.
//! * [`nat`]: translating a frame for a member, and back.
//! * [`maps`]: what the pipeline asks of the maps.
//! * [`pipeline`]: all of these in a row.
//! * [`verdict`]: what comes of it, as a number that fits a register.
#![cfg_attr(not(any(test, feature = "user")), no_std)]
#![cfg_attr(
    target_arch = "bpf",
    expect(unstable_features, reason = "inline assembly for BPF is not stable"),
    feature(asm_experimental_arch)
)]

pub mod abi;
pub mod checksum;
pub mod choose;
pub mod family;
pub mod forward;
pub mod hash;
pub mod maps;
pub mod nat;
pub mod packet;
pub mod parse;
pub mod pipeline;
pub mod verdict;
pub mod word;
