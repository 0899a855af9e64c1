//! `sasp_ctl::datapath` against the kernel. Needs root.

mod attach;
mod lab;
mod traffic;
