//! `sasp_ctl::datapath` against the kernel. Needs root.

mod attach;
mod interrupted;
mod lab;
mod refuse;
mod traffic;
