//! The real binary with `nat` and `full-nat`: replies come back through the balancer, and every kernel on the way takes
//! what it gets for right. VLANs are not tested here: they need a kernel module that few test machines have.

mod arms;
mod errors;
mod exchange;
mod exhaustion;
mod mixed;
mod neighbour;
mod rig;
