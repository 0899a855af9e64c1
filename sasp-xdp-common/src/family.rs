//! The two address families, as types: what differs between them is named once.

use core::fmt::Debug;
use core::hash::Hash;

use crate::abi::flow::{Flow4, Flow6};
use crate::abi::fragment::{Fragment4, Fragment6};
use crate::abi::nat::{NatEntry4, NatEntry6};
use crate::abi::service::{Vip4, Vip6};

/// The types of an address family.
pub trait Family: Copy {
    /// An address, in network order.
    type Address: Key;
    /// A service's key.
    type Vip: Key;
    /// A flow's key.
    type Flow: Key;
    /// Key of a packet in fragments.
    type Fragment: Key;
    /// One way of a translated flow.
    type NatEntry: Copy + Debug;
}

/// What a map may be keyed by.
pub trait Key: Copy + Eq + Hash + Debug {}

impl<T: Copy + Eq + Hash + Debug> Key for T {}

/// IPv4.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct V4;

/// IPv6.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct V6;

impl Family for V4 {
    type Address = [u8; 4];
    type Vip = Vip4;
    type Flow = Flow4;
    type Fragment = Fragment4;
    type NatEntry = NatEntry4;
}

impl Family for V6 {
    type Address = [u8; 16];
    type Vip = Vip6;
    type Flow = Flow6;
    type Fragment = Fragment6;
    type NatEntry = NatEntry6;
}
