//! `sasp_ctl::datapath` against the kernel. Needs root.

mod attach;
mod bpffs;
mod disturbed;
mod flows;
mod interrupted;
mod lab;
mod lookups;
mod memory;
mod nexthop;
mod packet_log;
mod refuse;
mod traffic;
mod upkeep;
