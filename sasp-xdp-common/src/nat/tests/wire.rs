//! Frames, described and built by etherparse, and where they are put through.

use etherparse::{
    IpHeaders, IpNumber, Ipv4Header, Ipv4Options, Ipv6FlowLabel, Ipv6Header, PacketBuilder,
    TcpHeader,
};

use crate::abi::backend::{Backend, USABLE};
use crate::abi::counters::Reason;
use crate::abi::service::Service;
use crate::abi::settings::{HAS_REPLIES, Settings};
use crate::family::{Family, V4, V6};
use crate::maps::host::{HostMaps, OfFamily};
use crate::maps::{FamilyMaps, WAY_FOUND, Way};
use crate::nat::{self, Forward, Translated};
use crate::packet::Frame;
use crate::parse::{Kind, Network, Place};
use crate::verdict::Verdict;

/// An address: IPv4 as `::ffff:a.b.c.d`.
pub(super) type Wide = [u8; 16];

/// Address and port.
pub(super) type End = (Wide, u16);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Content {
    Tcp {
        syn: bool,
        ack: bool,
        fin: bool,
        rst: bool,
    },
    Udp {
        checksum: bool,
    },
    Echo,
    /// An ICMP error; the payload is what it quotes.
    Error,
}

pub(super) const SYN: Content = Content::Tcp {
    syn: true,
    ack: false,
    fin: false,
    rst: false,
};
pub(super) const ACK: Content = Content::Tcp {
    syn: false,
    ack: true,
    fin: false,
    rst: false,
};
pub(super) const FIN: Content = Content::Tcp {
    syn: false,
    ack: true,
    fin: true,
    rst: false,
};
pub(super) const RST: Content = Content::Tcp {
    syn: false,
    ack: false,
    fin: false,
    rst: true,
};
pub(super) const UDP: Content = Content::Udp { checksum: true };

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Wire {
    pub(super) network: Network,
    pub(super) macs: [u8; 12],
    pub(super) tags: usize,
    /// Words of IPv4 options.
    pub(super) options: usize,
    pub(super) hops: u8,
    pub(super) from: End,
    pub(super) to: End,
    pub(super) content: Content,
    pub(super) payload: Vec<u8>,
}

impl Wire {
    pub(super) fn new<F: Family>(from: End, to: End, content: Content) -> Self {
        Self {
            network: F::NETWORK,
            macs: CLIENT_MACS,
            tags: 0,
            options: 0,
            hops: 64,
            from,
            to,
            content,
            payload: b"seven b".to_vec(),
        }
    }

    /// The frame, every checksum computed anew.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.macs.to_vec();
        for _ in 0..self.tags {
            bytes.extend([0x81, 0x00, 0x00, 0x07]);
        }
        let ether_type: u16 = if self.network == Network::V4 {
            0x0800
        } else {
            0x86dd
        };
        bytes.extend(ether_type.to_be_bytes());
        let mut ip = Vec::new();
        let headers = self.ip();
        let step = PacketBuilder::ip(headers);
        let (ports, payload) = ((self.from.1, self.to.1), &self.payload);
        match self.content {
            Content::Tcp { syn, ack, fin, rst } => {
                let mut tcp = TcpHeader::new(ports.0, ports.1, 0x0102_0304, 0x7fff);
                (tcp.syn, tcp.ack, tcp.fin, tcp.rst) = (syn, ack, fin, rst);
                step.tcp_header(tcp).write(&mut ip, payload).unwrap();
            }
            Content::Udp { checksum } => {
                step.udp(ports.0, ports.1).write(&mut ip, payload).unwrap();
                if !checksum {
                    let at = self.place().transport - self.place().at + 6;
                    ip[at..at + 2].fill(0);
                }
            }
            Content::Echo if self.network == Network::V4 => step
                .icmpv4_echo_request(7, 9)
                .write(&mut ip, payload)
                .unwrap(),
            Content::Echo => step
                .icmpv6_echo_request(7, 9)
                .write(&mut ip, payload)
                .unwrap(),
            Content::Error if self.network == Network::V4 => step
                .icmpv4_raw(3, 4, [0, 0, 5, 100])
                .write(&mut ip, payload)
                .unwrap(),
            Content::Error => step
                .icmpv6_raw(2, 0, [0, 0, 5, 100])
                .write(&mut ip, payload)
                .unwrap(),
        }
        bytes.extend(ip);
        bytes
    }

    fn ip(&self) -> IpHeaders {
        if self.network == Network::V4 {
            let (source, destination) = (V4::member(&self.from.0), V4::member(&self.to.0));
            let mut ip = Ipv4Header::new(0, self.hops, IpNumber::UDP, source, destination).unwrap();
            ip.identification = 0x1234;
            ip.options = Ipv4Options::try_from(&vec![1; 4 * self.options][..]).unwrap();
            return IpHeaders::Ipv4(ip, Default::default());
        }
        let ip = Ipv6Header {
            traffic_class: 0x45,
            flow_label: Ipv6FlowLabel::try_new(0x12345).unwrap(),
            hop_limit: self.hops,
            source: self.from.0,
            destination: self.to.0,
            ..Ipv6Header::default()
        };
        IpHeaders::Ipv6(ip, Default::default())
    }

    pub(super) fn frame(&self) -> Frame {
        Frame {
            bytes: self.bytes(),
            ingress_ifindex: CLIENT_SIDE,
        }
    }

    pub(super) fn place(&self) -> Place {
        let at = 14 + 4 * self.tags;
        let header = match self.network {
            Network::V4 => 20 + 4 * self.options,
            Network::V6 => 40,
        };
        let transport = match self.content {
            Content::Tcp { .. } => 20,
            _ => 8,
        };
        Place {
            network: self.network,
            at,
            transport: at + header,
            length: header + transport + self.payload.len(),
            protocol: self.protocol(),
            sealed: false,
        }
    }

    fn protocol(&self) -> u8 {
        match (self.content, self.network) {
            (Content::Tcp { .. }, _) => 6,
            (Content::Udp { .. }, _) => 17,
            (_, Network::V4) => 1,
            (_, Network::V6) => 58,
        }
    }

    /// As the packet parses: who sent it is the client.
    pub(super) fn flow<F: Translated>(&self) -> F::Flow {
        let protocol = self.place().protocol;
        let port = |port: u16| {
            if protocol == 6 || protocol == 17 {
                port
            } else {
                0
            }
        };
        let vip = F::vip(
            &F::member(&self.to.0),
            port(self.to.1).to_be_bytes(),
            protocol,
        );
        F::flow(
            &F::member(&self.from.0),
            port(self.from.1).to_be_bytes(),
            &vip,
        )
    }

    pub(super) fn kind(&self) -> Kind {
        Kind {
            opens: self.content == SYN,
            transient: self.content == RST,
        }
    }
}

pub(super) const CLIENT_SIDE: u32 = 3;
pub(super) const MEMBER_SIDE: u32 = 4;
/// Frames of clients: to us, from the client.
pub(super) const CLIENT_MACS: [u8; 12] = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 9];
/// Frames to clients.
pub(super) const BACK_MACS: [u8; 12] = [2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 1];
/// Frames to members.
pub(super) const MEMBER_MACS: [u8; 12] = [2, 0, 0, 0, 0, 5, 2, 0, 0, 0, 0, 2];

/// An address of a family, by its last byte.
pub(super) fn wide<F: Family>(net: u8, host: u8) -> Wide {
    match F::NETWORK {
        Network::V4 => [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, net, 0, host],
        Network::V6 => [0xfd, net, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, host],
    }
}

pub(super) fn vip<F: Family>() -> Wide {
    wide::<F>(0, 10)
}

/// The first address of the pool.
pub(super) fn pool<F: Family>(index: u8) -> Wide {
    wide::<F>(2, 100 + index)
}

pub(super) fn backend<F: Family>(mode: u8, host: u8, port: u16) -> Backend {
    Backend {
        flags: USABLE,
        generation: 1,
        ifindex: MEMBER_SIDE,
        macs: MEMBER_MACS,
        mode,
        address: wide::<F>(1, host),
        port,
        ..Backend::default()
    }
}

pub(super) fn service() -> Service {
    Service {
        idle_s: 100,
        ..Service::new(1, 0)
    }
}

/// Maps with a pool of this size; ways to clients are there.
pub(super) fn maps(addresses: u32, ports: u16) -> HostMaps {
    let mut maps = HostMaps::new(7);
    let mut settings = Settings {
        features: HAS_REPLIES,
        pool_port: 50_000,
        pool_ports: ports,
        pool_v4_len: addresses,
        pool_v6_len: addresses,
        ..Settings::default()
    };
    for index in 0..16 {
        settings.pool_v4[index] = V4::member(&pool::<V4>(index as u8));
        settings.pool_v6[index] = V6::member(&pool::<V6>(index as u8));
    }
    maps.settings = settings;
    maps
}

/// A family, and where the maps keep what is its.
pub(super) trait Stage: Translated {
    fn own(maps: &HostMaps) -> &OfFamily<Self>;
    fn own_mut(maps: &mut HostMaps) -> &mut OfFamily<Self>;
}

impl Stage for V4 {
    fn own(maps: &HostMaps) -> &OfFamily<V4> {
        &maps.v4
    }

    fn own_mut(maps: &mut HostMaps) -> &mut OfFamily<V4> {
        &mut maps.v4
    }
}

impl Stage for V6 {
    fn own(maps: &HostMaps) -> &OfFamily<V6> {
        &maps.v6
    }

    fn own_mut(maps: &mut HostMaps) -> &mut OfFamily<V6> {
        &mut maps.v6
    }
}

/// As userspace says that a member of `nat` answers for a VIP.
pub(super) fn serve<F: Stage>(maps: &mut HostMaps, member: End, vip: End, protocol: u8) {
    let [member, vip] = [member, vip]
        .map(|(address, port)| F::vip(&F::member(&address), port.to_be_bytes(), protocol));
    F::own_mut(maps).replies.insert(member, vip);
}

/// The member's end and ours of a flow that is translated.
pub(super) fn translation<F: Stage>(maps: &HostMaps, flow: &F::Flow) -> (End, End) {
    let other = *F::other(&F::own(maps).nat.borrow()[flow]);
    let vip = F::vip_of(&other);
    let end = |address, port| (widen::<F>(address), u16::from_be_bytes(port));
    (
        end(F::client_of(&other), F::client_port_of(&other)),
        end(F::address_of(vip), F::port_of(vip)),
    )
}

fn widen<F: Family>(address: &F::Address) -> Wide {
    match F::NETWORK {
        Network::V6 => F::widen(address),
        Network::V4 => {
            let [a, b, c, d, ..] = F::widen(address);
            [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d]
        }
    }
}

pub(super) fn way_back() -> Way {
    Way {
        answer: WAY_FOUND,
        ifindex: CLIENT_SIDE,
        macs: BACK_MACS,
    }
}

/// Puts a frame through, for a backend of index 1.
pub(super) fn forward_frame<F>(
    frame: &mut Frame,
    maps: &HostMaps,
    place: &Place,
    wire: &Wire,
    backend: &Backend,
) -> Result<(), Reason>
where
    F: Translated,
    HostMaps: FamilyMaps<F>,
{
    let (flow, kind, mut forward) = (wire.flow::<F>(), wire.kind(), Forward::default());
    nat::find::<_, _, F>(
        frame,
        maps,
        place,
        &flow,
        kind,
        service(),
        1,
        backend,
        &mut forward,
    )?;
    nat::forward::<_, F>(frame, place, &forward, backend)
}

/// Puts a client's packet through.
pub(super) fn forward<F>(maps: &HostMaps, wire: &Wire, backend: &Backend) -> Result<Vec<u8>, Reason>
where
    F: Translated,
    HostMaps: FamilyMaps<F>,
{
    let mut frame = wire.frame();
    forward_frame::<F>(&mut frame, maps, &wire.place(), wire, backend)?;
    Ok(frame.bytes)
}

/// Puts a member's packet through, if it is a reply.
pub(super) fn reply<F>(
    maps: &HostMaps,
    wire: &Wire,
) -> Option<Result<Vec<u8>, crate::verdict::Verdict>>
where
    F: Translated,
    HostMaps: FamilyMaps<F>,
{
    let mut frame = wire.frame();
    frame.ingress_ifindex = MEMBER_SIDE;
    let reply = nat::reply::<_, _, F>(&mut frame, maps, &wire.place(), &wire.flow::<F>())?;
    let nat::Reply::Done(verdict) = reply else {
        panic!("{wire:?} is too big");
    };
    Some(match verdict.ifindex() {
        Some(CLIENT_SIDE) => Ok(frame.bytes),
        _ => Err(verdict),
    })
}

/// Puts an error that is for no VIP through, step by step as the packet path does.
pub(super) fn reply_error<F>(
    frame: &mut Frame,
    maps: &HostMaps,
    (outer, quoted): (&Place, &Place),
    flow: &F::Flow,
) -> Option<Verdict>
where
    F: Translated,
    HostMaps: FamilyMaps<F>,
{
    let mut forward = Forward::default();
    let found = nat::error::find_reply::<_, _, F>(frame, maps, outer, flow, &mut forward)?;
    let way = match found.answer {
        WAY_FOUND => found,
        _ => nat::error::reply_way::<_, _, F>(frame, maps, outer, &forward)?,
    };
    let verdict = nat::error::reply::<_, _, F>(frame, maps, outer, quoted, &forward, &way);
    Some(verdict)
}
