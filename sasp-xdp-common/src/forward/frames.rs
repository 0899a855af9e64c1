//! Frames for the tests: clients' packets of every form, built by a library that is not ours, and where their parts
//! lie.

use etherparse::{
    IcmpEchoHeader, Icmpv4Header, Icmpv4Type, Icmpv6Header, Icmpv6Type, IpDscp, IpEcn,
    IpFragOffset, IpNumber, Ipv4Header, Ipv4Options, Ipv6FlowLabel, Ipv6FragmentHeader, Ipv6Header,
    TcpHeader, UdpHeader,
};
use proptest::prelude::*;

use crate::packet::Frame;
use crate::parse::{Network, Place};

pub(super) const CLIENT_MAC: [u8; 6] = [2, 0, 0, 0, 0, 0xc1];
pub(super) const OUR_MAC: [u8; 6] = [2, 0, 0, 0, 0, 0xb1];
pub(super) const INGRESS: u32 = 7;

/// What is inside the client's IP packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Carries {
    Tcp,
    Udp,
    UdpWithoutChecksum,
    Echo,
    /// A fragment that is none of a packet's ends.
    Fragment,
    /// TCP behind IPv4 options or an IPv6 destination option.
    Options,
    /// Some other protocol.
    Other,
}

/// A client's packet.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub(super) network: Network,
    pub(super) carries: Carries,
    /// VLAN tags, up to two.
    pub(super) tags: Vec<[u8; 4]>,
    pub(super) tos: u8,
    pub(super) identification: u16,
    pub(super) dont_fragment: bool,
    pub(super) client: [u8; 16],
    pub(super) vip: [u8; 16],
    pub(super) ports: [u16; 2],
    pub(super) payload: Vec<u8>,
    /// Bytes behind the IP packet.
    pub(super) padding: usize,
}

impl Sent {
    /// A small one.
    pub(super) fn new(network: Network, carries: Carries) -> Self {
        Self {
            network,
            carries,
            tags: Vec::new(),
            tos: 0,
            identification: 0x1234,
            dont_fragment: true,
            client: [198, 51, 100, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7],
            vip: [203, 0, 113, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 10],
            ports: [40_000, 443],
            payload: b"payload".to_vec(),
            padding: 0,
        }
    }

    fn v4(&self) -> [[u8; 4]; 2] {
        [&self.client, &self.vip].map(|address| *address.first_chunk().unwrap())
    }

    /// The transport segment, or what stands for it, and its protocol.
    fn segment(&self) -> (IpNumber, Vec<u8>) {
        let [client, vip] = self.v4();
        let ip6 = ip6(self, IpNumber::TCP, 0);
        let payload = &self.payload;
        let mut bytes = Vec::new();
        let protocol = match self.carries {
            Carries::Tcp | Carries::Options => {
                let mut tcp = TcpHeader::new(self.ports[0], self.ports[1], 1, 0xffff);
                tcp.ack = true;
                tcp.checksum = match self.network {
                    Network::V4 => tcp.calc_checksum_ipv4_raw(client, vip, payload),
                    Network::V6 => tcp.calc_checksum_ipv6(&ip6, payload),
                }
                .unwrap();
                bytes.extend(tcp.to_bytes());
                IpNumber::TCP
            }
            Carries::Udp | Carries::UdpWithoutChecksum => {
                let mut udp = UdpHeader {
                    source_port: self.ports[0],
                    destination_port: self.ports[1],
                    length: (8 + payload.len()) as u16,
                    checksum: 0,
                };
                if self.carries == Carries::Udp {
                    udp.checksum = match self.network {
                        Network::V4 => udp.calc_checksum_ipv4_raw(client, vip, payload),
                        Network::V6 => udp.calc_checksum_ipv6(&ip6, payload),
                    }
                    .unwrap();
                }
                bytes.extend(udp.to_bytes());
                IpNumber::UDP
            }
            Carries::Echo => {
                let [id, seq] = self.ports;
                let echo = IcmpEchoHeader { id, seq };
                match self.network {
                    Network::V4 => {
                        let kind = Icmpv4Type::EchoRequest(echo);
                        bytes.extend(Icmpv4Header::with_checksum(kind, payload).to_bytes());
                        IpNumber::ICMP
                    }
                    Network::V6 => {
                        let kind = Icmpv6Type::EchoRequest(echo);
                        let icmp =
                            Icmpv6Header::with_checksum(kind, self.client, self.vip, payload);
                        bytes.extend(icmp.unwrap().to_bytes());
                        IpNumber::IPV6_ICMP
                    }
                }
            }
            Carries::Fragment => IpNumber::UDP,
            Carries::Other => IpNumber(132),
        };
        bytes.extend(payload);
        (protocol, bytes)
    }

    /// The IP packet alone.
    pub(super) fn packet(&self) -> Vec<u8> {
        let (protocol, segment) = self.segment();
        let mut bytes = Vec::new();
        match self.network {
            Network::V4 => {
                let [client, vip] = self.v4();
                let mut ip =
                    Ipv4Header::new(segment.len() as u16, 61, protocol, client, vip).unwrap();
                ip.dscp = IpDscp::try_new(self.tos >> 2).unwrap();
                ip.ecn = IpEcn::try_new(self.tos & 3).unwrap();
                ip.identification = self.identification;
                ip.dont_fragment = self.dont_fragment;
                match self.carries {
                    Carries::Fragment => {
                        ip.more_fragments = true;
                        ip.fragment_offset = IpFragOffset::try_new(185).unwrap();
                    }
                    // Four no-operations and the end of the list.
                    Carries::Options => {
                        ip.options = Ipv4Options::try_from(&[1, 1, 1, 1, 0, 0, 0, 0][..]).unwrap();
                        ip.set_payload_len(segment.len()).unwrap();
                    }
                    _ => {}
                }
                ip.header_checksum = ip.calc_header_checksum();
                ip.write(&mut bytes).unwrap();
            }
            Network::V6 => match self.carries {
                Carries::Fragment => {
                    let ip = ip6(self, IpNumber::IPV6_FRAGMENTATION_HEADER, 8 + segment.len());
                    ip.write(&mut bytes).unwrap();
                    let offset = IpFragOffset::try_new(185).unwrap();
                    Ipv6FragmentHeader::new(protocol, offset, true, 99)
                        .write(&mut bytes)
                        .unwrap();
                }
                Carries::Options => {
                    let ip = ip6(self, IpNumber::IPV6_DESTINATION_OPTIONS, 8 + segment.len());
                    ip.write(&mut bytes).unwrap();
                    // One option that pads.
                    bytes.extend([protocol.0, 0, 1, 4, 0, 0, 0, 0]);
                }
                _ => ip6(self, protocol, segment.len())
                    .write(&mut bytes)
                    .unwrap(),
            },
        }
        bytes.extend(segment);
        bytes
    }

    /// Where it lies in its frame.
    pub(super) fn place(&self) -> Place {
        let header = match (self.network, self.carries) {
            (Network::V4, Carries::Options) => 28,
            (Network::V4, _) => 20,
            (Network::V6, Carries::Options | Carries::Fragment) => 48,
            (Network::V6, _) => 40,
        };
        let at = 14 + 4 * self.tags.len();
        Place {
            network: self.network,
            at,
            transport: at + header,
            length: self.packet().len(),
            protocol: self.segment().0.0,
            sealed: false,
        }
    }

    /// The frame.
    pub(super) fn frame(&self) -> Frame {
        let mut bytes = [OUR_MAC, CLIENT_MAC].concat();
        bytes.extend(self.tags.concat());
        bytes.extend(match self.network {
            Network::V4 => [0x08, 0x00],
            Network::V6 => [0x86, 0xdd],
        });
        bytes.extend(self.packet());
        bytes.extend(vec![0xaa; self.padding]);
        Frame {
            bytes,
            ingress_ifindex: INGRESS,
        }
    }
}

fn ip6(sent: &Sent, next_header: IpNumber, payload: usize) -> Ipv6Header {
    Ipv6Header {
        traffic_class: sent.tos,
        flow_label: Ipv6FlowLabel::try_new(0xabcde).unwrap(),
        payload_length: payload as u16,
        next_header,
        hop_limit: 61,
        source: sent.client,
        destination: sent.vip,
    }
}

/// Any number of tags that may be.
pub(super) fn tags() -> impl Strategy<Value = Vec<[u8; 4]>> {
    prop_oneof![
        Just(vec![]),
        any::<[u8; 2]>().prop_map(|[a, b]| vec![[0x81, 0, a, b]]),
        any::<[u8; 4]>().prop_map(|[a, b, c, d]| vec![[0x88, 0xa8, a, b], [0x81, 0, c, d]]),
    ]
}

prop_compose! {
    /// Any packet.
    pub(super) fn sent()(
        network in prop_oneof![Just(Network::V4), Just(Network::V6)],
        carries in prop_oneof![
            Just(Carries::Tcp),
            Just(Carries::Udp),
            Just(Carries::UdpWithoutChecksum),
            Just(Carries::Echo),
            Just(Carries::Fragment),
            Just(Carries::Options),
            Just(Carries::Other),
        ],
        tags in tags(),
        (tos, identification, dont_fragment) in any::<(u8, u16, bool)>(),
        (client, vip, ports) in any::<([u8; 16], [u8; 16], [u16; 2])>(),
        payload in proptest::collection::vec(any::<u8>(), 0..200),
        padding in 0_usize..20,
    ) -> Sent {
        Sent {
            network, carries, tags, tos, identification, dont_fragment, client, vip, ports, payload, padding,
        }
    }
}
