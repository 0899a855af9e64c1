//! Time to build a service's table from weights, without writing it into a map.

use std::net::Ipv4Addr;

use sasp_ctl::balance::maglev::{Weighted, owners};
use sasp_ctl::sasp::msg::MemberKey;

use crate::report::{Report, best_ns};

pub(crate) fn run(report: &Report) {
    for members in [3, 100, 1000] {
        let equal = build(members, |_| 10);
        report.row(&format!("table of {members} members, equal weights"), equal);
        let mixed = build(members, |member| 1 + u32::from(member) * 7919 % 64);
        report.row(
            &format!("table of {members} members, weights 1 to 64"),
            mixed,
        );
    }
}

fn build(members: u16, weight: impl Fn(u16) -> u32) -> f64 {
    let members: Vec<Weighted> = (1..=members)
        .map(|index| Weighted {
            key: MemberKey {
                protocol: 6,
                port: 80,
                address: Ipv4Addr::from(0x0a00_0000 + u32::from(index)).into(),
            },
            index,
            weight: weight(index),
        })
        .collect();
    best_ns(5, 10, || owners(&members, 1))
}
