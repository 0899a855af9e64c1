//! A validated configuration, and every default.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use super::endpoint::GwmAddress;
use crate::balance::spec::{Globals, ServiceSpec};
use crate::datapath::{Instance, PacketLog, Sizes};
use crate::sasp::msg::Name;
use crate::tls::ClientTls;

/// Static weight of a member that names none: all are equal.
pub const WEIGHT: u16 = 1;
/// How long the GWM's last weights outlive it.
pub const HOLD: Duration = Duration::from_secs(120);
/// How long a reply may take before the connection counts as dead.
pub const TIMEOUT: Duration = Duration::from_secs(100);
/// RFC 4678 section 9.2: wait at least 20 seconds before connecting again.
pub const RETRY_MIN: Duration = Duration::from_secs(20);
/// How long a preferred GWM must have been well before it is in charge again: long enough for one that is being
/// repaired to be restarted a few times, and for z/OS to have weights that mean something.
pub const FAIL_BACK: Duration = Duration::from_secs(5 * 60);
/// Idle timeout of TCP flows, and of system-level services, which have them too.
pub const IDLE_TCP: Duration = Duration::from_secs(15 * 60);
/// Idle timeout of UDP flows.
pub const IDLE_UDP: Duration = Duration::from_secs(60);
/// Dead-band: below the coarsest step of z/OS's weights (1 in 64), above rounding.
pub const DEAD_BAND_PERMILLE: u16 = 5;
/// Flows remembered anew per second without having been seen to open: a full map of the default size is not rolled over faster than in 65 seconds, so
/// a flood of ACKs pushes out no flow that speaks once a minute. That is the idle timeout of UDP; a TCP connection that is
/// silent for longer may be forgotten under a flood.
pub const REMEMBERED_PER_SECOND: u32 = 1000;
/// Packet-too-big messages per second. A client needs one for each member's MTU; Linux sends as many ICMP messages to
/// all hosts together (icmp_msgs_per_sec).
pub const TOO_BIG_PER_SECOND: u32 = 1000;
/// Source ports of `full-nat`: below those that Linux chooses for its own connections (ip_local_port_range begins at
/// 32768), since the balancer's own sockets may share the address.
pub const FULL_NAT_PORTS: RangeInclusive<u16> = 1024..=32767;
/// Between two moves that `move_limit` allows, unless configured.
pub const MOVE_INTERVAL: Duration = Duration::from_secs(10);

/// The whole.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Config {
    /// `[balancer]`.
    pub balancer: BalancerSettings,
    /// `[[gwm]]`, the most preferred first, each address once; without one, static weights stand.
    pub gwms: Vec<GwmSettings>,
    /// What `[balancer]` says to the packet path; a reload may change it.
    pub globals: Globals,
    /// `[[service]]`, each VIP once.
    pub services: Vec<ServiceSpec>,
    /// What was accepted but deserves a word, one line each.
    pub warnings: Vec<String>,
}

/// `[balancer]`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BalancerSettings {
    /// LB UID, 1 to 64 bytes of text.
    pub uid: Name,
    /// Names pins and control socket; `None`: the first interface's name.
    pub instance: Option<Instance>,
    /// Metrics and status page.
    pub listen: Option<SocketAddr>,
    /// Seed of the flow hash. `None`: a random one, drawn when the maps are made and kept with them, so that nobody can
    /// aim many flows at one member. Twins behind ECMP or VRRP need the same one to build the same tables.
    pub hash_seed: Option<u64>,
    /// What the packet path logs.
    pub packet_log: PacketLog,
    /// Map sizes.
    pub limits: Sizes,
    /// What several GWMs come to.
    pub combine: Combine,
    /// See [`FAIL_BACK`]; matters for [`Combine::FailOver`] only.
    pub fail_back: Duration,
}

/// How the words of several GWMs become one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Combine {
    /// One is in charge, its words alone count; the others stand by.
    #[default]
    FailOver,
    /// All count: the smallest weight of each member.
    Min,
    /// All count: the mean weight of each member.
    Mean,
}

impl Combine {
    /// As the config has it; stable, `status --json` has it too.
    pub const fn name(self) -> &'static str {
        match self {
            Self::FailOver => "fail-over",
            Self::Min => "min",
            Self::Mean => "mean",
        }
    }
}

/// `[[gwm]]`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GwmSettings {
    /// Where it listens.
    pub address: GwmAddress,
    /// Lower is preferred, as in MX records; among equals the one that stands first in the file.
    pub priority: u16,
    /// Ask for weights unasked.
    pub push: bool,
    /// Let members register themselves.
    pub trust: bool,
    /// See [`HOLD`].
    pub hold: Duration,
    /// Ask for weights at most this often; a longer interval of the GWM wins. `None`: at the GWM's interval.
    pub interval: Option<Duration>,
    /// See [`TIMEOUT`].
    pub timeout: Duration,
    /// See [`RETRY_MIN`].
    pub retry_min: Duration,
    /// Local address to connect from: z/OS admits balancers by it.
    pub source: Option<IpAddr>,
    /// How it proves who it is; `None`: plain TCP.
    pub tls: Option<Arc<ClientTls>>,
}
