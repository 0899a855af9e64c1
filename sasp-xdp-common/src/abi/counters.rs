//! What is counted: traffic per backend, and a number for every way a packet can take that is not a backend.

use super::crosses_maps;

/// Traffic of a backend, per CPU.
#[repr(C, align(8))]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Traffic {
    /// Packets sent to it.
    pub packets: u64,
    /// Bytes of these, from the Ethernet header on, without FCS.
    pub bytes: u64,
    /// Those of the packets that open a flow (TCP SYN without ACK, QUIC Initial).
    pub opened: u64,
    /// Zero; keeps a record inside one cache line.
    pub reserved: u64,
}

crosses_maps! { Traffic = 32 }

/// What becomes of a packet that is counted under a [`Reason`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    /// It goes on to the host's stack, untouched.
    Pass,
    /// It is dropped.
    Drop,
    /// It goes its way; something is worth a number.
    Note,
}

macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $variant:ident = $index:literal, $class:ident, $name:literal;)*) => {
        /// Why a packet was passed or dropped, or what else is worth counting. The discriminant is the counter's
        /// index and part of the ABI: never renumber.
        #[repr(u32)]
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum Reason {
            $($(#[doc = $doc])+ $variant = $index,)*
        }

        impl Reason {
            /// Every reason, in the order of its index.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// What becomes of the packet.
            #[inline(always)]
            pub const fn class(self) -> Class {
                match self { $(Self::$variant => Class::$class,)* }
            }

            /// Stable name for status and metrics.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

reasons! {
    /// Neither IPv4 nor IPv6, ARP for instance.
    NotIp = 0, Pass, "not_ip";
    /// Shorter than the headers that it claims to have.
    Truncated = 1, Pass, "truncated";
    /// IP version and EtherType disagree, or the IPv4 header claims less than 20 bytes.
    BadIpHeader = 2, Pass, "bad_ip_header";
    /// An echo request to a VIP with IPv4 options.
    Ipv4Options = 3, Pass, "ipv4_options";
    /// A later fragment, for no VIP and of no first one that was seen.
    Fragment = 4, Pass, "fragment";
    /// For no VIP, or of its link's own affairs: neither TCP nor UDP.
    OtherProtocol = 5, Pass, "other_protocol";
    /// Not for a VIP of ours; or to one, an ICMP error about no flow of ours.
    NotVip = 6, Pass, "not_vip";
    /// More VLAN tags than are looked behind.
    Vlan = 7, Pass, "vlan";
    /// For a VIP, but the lengths in its headers contradict each other or the frame.
    BadLength = 8, Drop, "bad_length";
    /// For a VIP, but its TCP header is impossible.
    BadTcpHeader = 9, Drop, "bad_tcp_header";
    /// For a VIP, from an address that nobody can answer: unspecified, loopback, multicast or broadcast, or, to be
    /// translated, the VIP itself.
    BadSource = 10, Drop, "bad_source";
    /// For a VIP whose service has no usable backend.
    NoBackend = 11, Drop, "no_backend";
    /// For a VIP whose service has no table: userspace is about to publish or has just removed it.
    NoTable = 12, Drop, "no_table";
    /// A flow that ought to be remembered could not be: the flow map refused it.
    FlowNotRemembered = 13, Note, "flow_not_remembered";
    /// A flow was remembered for the first time.
    FlowRemembered = 14, Note, "flow_remembered";
    /// A packet followed a remembered flow.
    FlowFollowed = 15, Note, "flow_followed";
    /// For a VIP, but the frame already goes to the MAC of the backend that would get it.
    AlreadySent = 16, Pass, "already_sent";
    /// More IPv6 extension headers than are looked behind, or one that hides what follows.
    ExtensionHeaders = 17, Pass, "extension_headers";
    /// For a VIP, from a client whose address the service's rules deny.
    SourceDenied = 18, Drop, "source_denied";
    /// An echo request to a VIP was answered.
    EchoAnswered = 19, Note, "echo_answered";
    /// A packet too big for the way to its backend was answered by an ICMP error.
    TooBigAnswered = 20, Note, "too_big_answered";
    /// A packet too big for the way to its backend was dropped without an answer: there were too many, or none is due.
    TooBig = 21, Drop, "too_big";
    /// A later fragment followed its first.
    FragmentFollowed = 22, Note, "fragment_followed";
    /// A later fragment for a VIP whose first was not seen.
    FragmentWithoutFirst = 23, Pass, "fragment_without_first";
    /// An ICMP error followed the flow that it quotes.
    IcmpErrorFollowed = 24, Note, "icmp_error_followed";
    /// A flow of which nobody saw the opening was not remembered: there were too many within a second.
    FlowCapped = 25, Note, "flow_capped";
    /// A QUIC packet went to the server that its connection id names.
    QuicRouted = 26, Note, "quic_routed";
    /// A reply of a member was translated back and sent to its client.
    ReplyTranslated = 27, Note, "reply_translated";
    /// No source address and port was free for a flow of `full-nat`.
    NatExhausted = 28, Drop, "nat_exhausted";
    /// In the middle of a `full-nat` flow that is not known (any more).
    NatUnknown = 29, Drop, "nat_unknown";
    /// To be translated, but its TTL or hop limit is spent.
    TtlExceeded = 30, Drop, "ttl_exceeded";
    /// A translated reply whose way on the kernel does not know, or does not forward.
    NoRouteBack = 31, Drop, "no_route_back";
    /// A translated reply whose next hop has no MAC address yet: the host's stack forwards it and asks.
    ReplyUnresolved = 32, Pass, "reply_unresolved";
    /// For a VIP, but the frame has no room for the outer header, or its form cannot be translated.
    CannotForward = 33, Drop, "cannot_forward";
}

/// Entries of the counter map; room to grow without another map layout.
pub const REASONS: usize = 64;
const _: () = assert!(Reason::ALL.len() <= REASONS);
