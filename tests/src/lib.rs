//! What the tests, the demo and the benchmarks stand on.
//!
//! # Layout
//! * [`fixtures`]: packets and map contents in, verdicts and packets out; run on the host and in the kernel.
//! * [`object`]: the BPF objects.
//! * [`fuzz`]: bodies of the fuzz targets.
//! * [`lab`]: network namespaces with real servers, a real GWM and the real balancer.
//! * [`loopback`]: the real GWM and members on loopback, spoken to by hand.
//! * [`sasp`]: SASP messages through an independent dissector.

pub mod fixtures;
pub mod fuzz;
pub mod lab;
pub mod loopback;
pub mod object;
pub mod sasp;
