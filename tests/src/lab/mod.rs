//! A site in network namespaces: clients, an edge, members with real nginx, a GWM. Needs root.
//!
//! Everything that is made here is owned by a value and goes when it is dropped, also when a test panics. What a killed
//! run left behind is removed by the next one: names carry the process id of their maker.
//!
//! # Layout
//! * [`name`]: names that no other run uses, and the removal of what dead runs left.
//! * [`namespace`]: a network namespace.
//! * [`process`]: a process that ends with its owner.
//! * [`site`]: the hosts and the segment between them.
//! * [`xdp_pass`]: what veth needs for native XDP.
//! * [`pins`]: a bpffs of its own.
//! * [`nginx`], [`agent`], [`gwm`], [`balancer`]: what runs on the hosts.
//! * [`config`]: the balancer's config file.
//! * [`farm`]: all of that together.
//! * [`notify`]: hears when a daemon is ready.
//! * [`status`]: what the balancer says of itself.
//! * [`http`]: a client, and load. [`steady`]: connections that stay open.
//! * [`tunnel_end`]: what members behind tunnels need where the kernel has no tunnel devices.
//! * [`servers`]: small servers for what nginx does not speak. [`ping`]: ICMP echo.
//! * [`counters`]: what a host's kernel has counted.
//! * [`judge`]: whether shares are as asked.
//! * [`injector`]: frames of a test's own making.
//! * [`wait`]: waiting for what gives no event.

pub mod agent;
pub mod balancer;
pub mod config;
pub mod counters;
pub mod farm;
pub mod gwm;
pub mod http;
pub mod injector;
pub mod judge;
pub mod name;
pub mod namespace;
pub mod nginx;
pub mod notify;
pub mod ping;
pub mod pins;
pub mod process;
pub mod servers;
pub mod site;
pub mod status;
pub mod steady;
pub mod tunnel_end;
pub mod wait;
pub mod xdp_pass;
