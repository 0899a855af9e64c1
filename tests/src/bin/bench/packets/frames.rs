//! The frames of the cases, and what each must lead to: a benchmark of the wrong way is worth nothing.

use sasp_xdp_common::abi::bench::{FRAME, Template};

use super::world::{NO_PORT, VIP4, VIP6, WAYS, Way};

const XDP_PASS: u32 = 2;
const XDP_TX: u32 = 3;
const ACK: u8 = 0x10;
const SYN: u8 = 0x02;

/// A frame with TCP flags to a port.
type Frame = fn(u8, u16) -> Template;

/// One row.
pub(super) struct Case {
    pub(super) name: String,
    /// The XDP action that the program must return.
    pub(super) verdict: u32,
    pub(super) template: Template,
    /// Nanoseconds that it may take.
    pub(super) target_ns: Option<u32>,
}

/// What the reference program is measured with.
pub(super) fn reference() -> Case {
    Case {
        name: "reference".into(),
        verdict: XDP_TX,
        template: v4(ACK, WAYS[0].port),
        target_ns: None,
    }
}

const FAMILIES: [(&str, Frame); 2] = [("IPv4", v4), ("IPv6", v6)];

/// All rows of the benchmark.
pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for way in WAYS {
        for family in FAMILIES {
            sent(&way, family, &mut cases);
        }
    }
    for (family, frame) in FAMILIES {
        let template = Template {
            flows: 65_536,
            ..frame(ACK, NO_PORT)
        };
        cases.push(Case {
            name: format!("PASS, {family}"),
            verdict: XDP_PASS,
            template,
            target_ns: Some(30),
        });
    }
    cases
}

fn sent(way: &Way, (family, frame): (&str, Frame), cases: &mut Vec<Case>) {
    for (kind, flags) in [("established", ACK), ("new", SYN)] {
        for flows in [1, 65_536, 500_000] {
            let template = Template {
                flows,
                ..frame(flags, way.port)
            };
            cases.push(Case {
                name: format!("{}, {family}, {kind}, {flows} flows", way.name),
                verdict: XDP_TX,
                template,
                target_ns: target_ns(way, flags, flows),
            });
        }
    }
}

/// The best balancer that was measured takes more than twice as long.
fn target_ns(way: &Way, flags: u8, flows: u64) -> Option<u32> {
    match way.name {
        "DSR" => Some(60),
        "IPIP" | "IPIP over IPv6" if flags == ACK && flows == 1 => Some(70),
        "IPIP" | "IPIP over IPv6" => Some(75),
        _ => None,
    }
}

fn v4(flags: u8, port: u16) -> Template {
    let mut frame = [0; FRAME];
    frame[12..16].copy_from_slice(&[0x08, 0x00, 0x45, 0]);
    frame[16..18].copy_from_slice(&((FRAME - 14) as u16).to_be_bytes());
    frame[22..24].copy_from_slice(&[64, 6]);
    frame[26..30].copy_from_slice(&[192, 0, 2, 1]);
    frame[30..34].copy_from_slice(&VIP4);
    frame[36..38].copy_from_slice(&port.to_be_bytes());
    frame[46..48].copy_from_slice(&[0x50, flags]);
    Template {
        frame,
        address_at: 27,
        port_at: 34,
        flows: 1,
    }
}

fn v6(flags: u8, port: u16) -> Template {
    let mut frame = [0; FRAME];
    frame[12..15].copy_from_slice(&[0x86, 0xdd, 0x60]);
    frame[18..20].copy_from_slice(&((FRAME - 54) as u16).to_be_bytes());
    frame[20..22].copy_from_slice(&[6, 64]);
    frame[22..26].copy_from_slice(&[0x20, 1, 0xd, 0xb8]);
    frame[38..54].copy_from_slice(&VIP6);
    frame[56..58].copy_from_slice(&port.to_be_bytes());
    frame[66..68].copy_from_slice(&[0x50, flags]);
    Template {
        frame,
        address_at: 34,
        port_at: 54,
        flows: 1,
    }
}
