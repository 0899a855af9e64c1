//! The frames of the cases, and what each must lead to: a benchmark of the wrong way is worth nothing.

use sasp_xdp_common::abi::bench::{FRAME, Template};

use super::world::{
    FEW, FULL_NAT, FULL_NAT_ONE, MANY, MEMBER_PORT, NAT, NO_PORT, SERVICES, SOURCE, SOURCE_PORT,
    TRACKED, VIP4, VIP6, WAYS, Way, member,
};

const XDP_DROP: u32 = 1;
const XDP_PASS: u32 = 2;
const XDP_TX: u32 = 3;
const XDP_REDIRECT: u32 = 4;
const FIN: u8 = 0x01;
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
    /// What each flow sends before.
    pub(super) before: Option<Template>,
    /// Translation is configured, with a pool of so many ports.
    pub(super) pool_ports: Option<u16>,
}

impl Case {
    fn new(name: impl Into<String>, verdict: u32, template: Template) -> Self {
        Self {
            name: name.into(),
            verdict,
            template,
            target_ns: None,
            before: None,
            pool_ports: None,
        }
    }

    const fn target(mut self, ns: u32) -> Self {
        self.target_ns = Some(ns);
        self
    }

    const fn pool(mut self, ports: u16) -> Self {
        self.pool_ports = Some(ports);
        self
    }

    const fn after(mut self, template: Template) -> Self {
        self.before = Some(template);
        self
    }
}

/// What the reference program is measured with.
pub(super) fn reference() -> Case {
    Case::new("reference", XDP_TX, v4(ACK, WAYS[0].port))
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
        let template = flows(MANY_FLOWS, frame(ACK, NO_PORT));
        cases.push(Case::new(format!("PASS, {family}"), XDP_PASS, template).target(30));
        cases.push(
            Case::new(format!("PASS, {family}, beside nat"), XDP_PASS, template).pool(POOL_PORTS),
        );
    }
    cases.extend(other_worlds());
    cases.extend(other_frames());
    cases.extend(translated());
    cases
}

const MANY_FLOWS: u64 = 65_536;
/// Flows of `full-nat`, and ports in its pool: so few that each flow finds one.
const NAT_FLOWS: u64 = 4096;
const POOL_PORTS: u16 = 60_000;

const fn flows(flows: u64, template: Template) -> Template {
    Template { flows, ..template }
}

/// Other tables than those of [`WAYS`].
fn other_worlds() -> impl Iterator<Item = Case> {
    let sizes = [FEW, MANY].into_iter().map(|way| {
        let name = format!("{}, IPv4", way.name);
        Case::new(name, XDP_TX, flows(MANY_FLOWS, v4(ACK, way.port))).target(60)
    });
    // Each flow asks for another service: its port is the service's.
    let each = Template {
        port_at: 36,
        ..flows(SERVICES, v4(ACK, 0))
    };
    let services = Case::new("DSR, 500 services, IPv4", XDP_TX, each).target(60);
    let tracked = FAMILIES.into_iter().map(|(family, frame)| {
        let name = format!("{}, {family}, remembered", TRACKED.name);
        let template = flows(NAT_FLOWS, frame(ACK, TRACKED.port));
        Case::new(name, XDP_TX, template).after(template)
    });
    sizes.chain([services]).chain(tracked)
}

/// Frames that the short way does not know, or that go nowhere.
fn other_frames() -> [Case; 5] {
    let [dsr, ipip, ..] = WAYS;
    let mut too_long = v4(ACK, dsr.port);
    too_long.frame[17] += 1;
    [
        Case::new("VLAN, DSR, IPv4", XDP_TX, tagged(v4(ACK, dsr.port))),
        Case::new("VLAN, IPIP, IPv4", XDP_TX, tagged(v4(ACK, ipip.port))),
        Case::new("ICMP error, DSR, IPv4", XDP_TX, icmp_error(dsr.port)),
        Case::new("bad TCP header, IPv4", XDP_DROP, v4(SYN | FIN, dsr.port)),
        Case::new("bad length, IPv4", XDP_DROP, too_long),
    ]
}

fn translated() -> [Case; 5] {
    let nat = v4(ACK, NAT.port);
    let full_nat = |flags| flows(NAT_FLOWS, v4(flags, FULL_NAT.port));
    let one = v4(SYN, FULL_NAT_ONE.port);
    [
        Case::new("nat, IPv4, 1 flows", XDP_TX, nat),
        Case::new("nat, IPv4, 65536 flows", XDP_TX, flows(MANY_FLOWS, nat)),
        Case::new("nat, IPv4, reply", XDP_REDIRECT, reply_to_client()).pool(POOL_PORTS),
        Case::new("full-nat, IPv4, 4096 flows", XDP_TX, full_nat(ACK))
            .pool(POOL_PORTS)
            .after(full_nat(SYN)),
        Case::new("full-nat, IPv4, reply", XDP_TX, reply_to_source())
            .pool(1)
            .after(one),
    ]
}

fn sent(way: &Way, (family, frame): (&str, Frame), cases: &mut Vec<Case>) {
    for (kind, flags) in [("established", ACK), ("new", SYN)] {
        for flows in [1, 65_536, 500_000] {
            let name = format!("{}, {family}, {kind}, {flows} flows", way.name);
            let template = self::flows(flows, frame(flags, way.port));
            cases.push(Case {
                target_ns: target_ns(way, flags, flows),
                ..Case::new(name, XDP_TX, template)
            });
        }
    }
}

/// What a packet may cost; other ways have no target.
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

/// With a VLAN tag, and as much less behind it.
fn tagged(mut template: Template) -> Template {
    const TAG: [u8; 4] = [0x81, 0, 0, 100];
    let frame = &mut template.frame;
    frame.copy_within(12..FRAME - TAG.len(), 12 + TAG.len());
    frame[12..16].copy_from_slice(&TAG);
    frame[20..22].copy_from_slice(&((FRAME - 14 - TAG.len()) as u16).to_be_bytes());
    Template {
        address_at: template.address_at + 4,
        port_at: template.port_at + 4,
        ..template
    }
}

/// A router's "fragmentation needed" about a packet from the VIP to a client.
fn icmp_error(port: u16) -> Template {
    let mut frame = v4(ACK, port).frame;
    frame[23] = 1;
    frame[34..].fill(0);
    frame[34..36].copy_from_slice(&[3, 4]);
    frame[42..44].copy_from_slice(&[0x45, 0]);
    frame[44..46].copy_from_slice(&1500_u16.to_be_bytes());
    frame[50..52].copy_from_slice(&[64, 6]);
    frame[54..58].copy_from_slice(&VIP4);
    frame[58..62].copy_from_slice(&[192, 0, 2, 1]);
    frame[62..64].copy_from_slice(&port.to_be_bytes());
    Template {
        frame,
        address_at: 59,
        port_at: 64,
        flows: 1,
    }
}

/// From the member of `nat` to a client.
fn reply_to_client() -> Template {
    let mut template = v4(ACK, 0);
    template.frame[26..30].copy_from_slice(&member(0));
    template.frame[30..34].copy_from_slice(&[192, 0, 2, 1]);
    template.frame[34..36].copy_from_slice(&MEMBER_PORT.to_be_bytes());
    Template {
        address_at: 31,
        port_at: 36,
        ..template
    }
}

/// From the only member of a `full-nat` service to the only port of the pool.
fn reply_to_source() -> Template {
    let mut template = v4(ACK, SOURCE_PORT);
    template.frame[26..30].copy_from_slice(&member(0));
    template.frame[30..34].copy_from_slice(&SOURCE);
    template.frame[34..36].copy_from_slice(&MEMBER_PORT.to_be_bytes());
    // Bytes that say nothing are varied instead: the payload's last.
    Template {
        address_at: 60,
        port_at: 62,
        ..template
    }
}
