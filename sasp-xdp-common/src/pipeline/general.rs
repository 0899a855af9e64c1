//! The general way: any frame.
//!
//! In the kernel its steps are functions of their own, so that the verifier looks at each with few states and the
//! stack of one is gone before the next begins.

use super::deliver::{self, Job};
use super::{foreign, fragment, icmp, service, stay};
use crate::abi::counters::Reason;
use crate::abi::service::Service;
use crate::family::{Family, V4, V6};
use crate::maps::{FamilyMaps, Maps};
use crate::nat::Translated;
use crate::packet::Packet;
use crate::parse::header::{self, Header, Headers};
use crate::parse::{self, Kind, Network, TCP, UDP};
use crate::verdict::Verdict;

/// Balances one frame, whatever it is.
#[cfg_attr(target_arch = "bpf", inline(never))]
pub fn general<P, M>(packet: &mut P, maps: &M) -> Verdict
where
    P: Packet,
    M: Maps + FamilyMaps<V4> + FamilyMaps<V6>,
{
    match header::network(packet) {
        Ok((Network::V4, at)) => of_family::<P, M, V4>(packet, maps, at),
        Ok((Network::V6, at)) => of_family::<P, M, V6>(packet, maps, at),
        Err(reason) => stay(maps, reason),
    }
}

#[cfg_attr(target_arch = "bpf", inline(never))]
fn of_family<P, M, F>(packet: &mut P, maps: &M, at: usize) -> Verdict
where
    P: Packet,
    M: Maps + FamilyMaps<F>,
    F: Headers + Translated,
{
    let mut header = match F::header(packet, at) {
        Ok(header) => header,
        Err(reason) => return stay(maps, reason),
    };
    if header.part.is_later() {
        return fragment::later::<P, M, F>(packet, maps, &header);
    }
    if header.place.protocol == F::ICMP {
        let verdict = icmp::icmp::<P, M, F>(packet, maps, &header);
        if !verdict.is_slow() {
            return verdict;
        }
    }
    if let Err(reason) = header.read_ports(packet) {
        return stay(maps, reason);
    }
    let Some(service) = service::of::<M, F>(maps, F::vip_of(&header.flow)) else {
        return foreign::foreign::<P, M, F>(packet, maps, &header);
    };
    match judge::<P, F>(packet, &header, service) {
        Ok(kind) => {
            let job = Job {
                header,
                service,
                kind,
                quoted: header.place,
                error: false,
            };
            deliver::deliver::<P, M, F>(packet, maps, &job)
        }
        Err(reason) => stay(maps, reason),
    }
}

/// Checks a packet to a VIP and tells what it does to its flow.
#[inline(always)]
fn judge<P, F>(packet: &P, header: &Header<F>, service: Service) -> Result<Kind, Reason>
where
    P: Packet,
    F: Family,
{
    if F::is_bad_source(F::client_of(&header.flow)) {
        return Err(Reason::BadSource);
    }
    let place = &header.place;
    if place.protocol == TCP || place.protocol == UDP {
        let (at, length, more) = (place.transport, header.payload(), header.part.more);
        return parse::kind(packet, at, length, place.protocol, service, more);
    }
    if header.payload() > packet.len().wrapping_sub(place.transport) {
        return Err(Reason::BadLength);
    }
    Ok(Kind::default())
}
