//! `sasp_ctl::datapath` against the kernel. Needs root.

mod attach;
mod interrupted;
mod lab;
mod nexthop;
mod refuse;
mod traffic;
