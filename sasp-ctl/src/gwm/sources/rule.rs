//! Rules as the operator wrote them, validated.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use crate::sasp::msg::{MemberKey, Name};

/// One `[[weights]]` rule.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Rule {
    /// The balancer that it is for; `None`: every one that no rule names for the same member.
    pub balancer: Option<Name>,
    /// The group.
    pub group: Name,
    /// The members.
    pub members: Members,
    /// Where what is said of them comes from.
    pub source: Source,
}

impl Rule {
    /// How much it counts in "so many rules": by member, as far as they are named.
    pub fn count(&self) -> usize {
        match (&self.source, &self.members) {
            (Source::Static(weights), _) => weights.len(),
            (_, Members::Listed(members)) => members.len(),
            (_, Members::Registered) => 1,
        }
    }

    /// What it has in common with rules that differ from it in their members at most.
    pub(super) fn question(&self) -> (Option<&Name>, &Name, &Source) {
        (self.balancer.as_ref(), &self.group, &self.source)
    }
}

/// The members of a rule.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Members {
    /// These, registered or not.
    Listed(BTreeSet<MemberKey>),
    /// Whoever is registered in the group.
    Registered,
}

/// Where a rule's readings come from.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Source {
    /// Weights that stand in the rule.
    Static(BTreeMap<MemberKey, u16>),
    /// Connections to the member.
    Probe(Probe),
    /// The member's agent, in HAProxy's agent-check protocol.
    AgentCheck(AgentCheck),
    /// A Prometheus server.
    Prometheus(Prometheus),
    /// A file of weights.
    File(PathBuf),
}

impl Source {
    /// As `source = "…"` has it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Static(_) => "static",
            Self::Probe(_) => "probe",
            Self::AgentCheck(_) => "agent-check",
            Self::Prometheus(_) => "prometheus",
            Self::File(_) => "file",
        }
    }

    /// What is asked.
    pub fn asked(&self) -> Asked {
        match self {
            Self::Static(_) => Asked::Nothing,
            Self::Probe(_) | Self::AgentCheck(_) => Asked::EachMember,
            Self::Prometheus(_) | Self::File(_) => Asked::Once,
        }
    }
}

/// What a source is asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Asked {
    /// It has said everything.
    Nothing,
    /// Each member by itself.
    EachMember,
    /// One question for all members.
    Once,
}

/// What is asked, for people.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Static(_) => f.write_str("static"),
            Self::Probe(probe) => {
                f.write_str(match &probe.check {
                    Check::Tcp => "probe tcp",
                    Check::Http(http) if http.tls.is_some() => "probe https",
                    Check::Http(_) => "probe http",
                })?;
                match probe.port {
                    Some(port) => write!(f, " port {port}"),
                    None => Ok(()),
                }
            }
            Self::AgentCheck(agent) => write!(f, "agent-check port {}", agent.port),
            Self::Prometheus(prometheus) => write!(f, "prometheus {}", prometheus.url),
            Self::File(path) => write!(f, "file {}", path.display()),
        }
    }
}

/// How often something is asked, and how long it may take.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Pace {
    /// From one question to the next.
    pub interval: Duration,
    /// From question to answer.
    pub timeout: Duration,
}

/// `source = "probe"`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Probe {
    /// What has to succeed.
    pub check: Check,
    /// Port to connect to; `None`: the member's own.
    pub port: Option<u16>,
    /// How often.
    pub pace: Pace,
    /// Successes in a row after which a member that was down is up.
    pub rise: u32,
    /// Failures in a row after which a member that was up is down.
    pub fall: u32,
}

/// What has to succeed for a member to be up.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Check {
    /// A TCP connection is accepted.
    Tcp,
    /// A GET request is answered with one of some status codes.
    Http(HttpCheck),
}

/// The request of `check = "http"` and its good answers.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct HttpCheck {
    /// Path and query.
    pub path: String,
    /// The Host header, and the name that a certificate is checked for; `None`: the address.
    pub host: Option<String>,
    /// Good status codes.
    pub status: Vec<RangeInclusive<u16>>,
    /// HTTPS.
    pub tls: Option<Verify>,
}

/// Whether certificates are checked.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Verify {
    /// Against the system's roots.
    Roots,
    /// Any will do.
    Nothing,
}

/// `source = "agent-check"`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct AgentCheck {
    /// The agent's port on the member's address.
    pub port: u16,
    /// What is sent after connecting.
    pub send: String,
    /// How often.
    pub pace: Pace,
    /// Failures in a row after which what the agent said last is not stood behind any more.
    pub fall: u32,
}

/// `source = "prometheus"`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Prometheus {
    /// The server, without `/api/v1/query`.
    pub url: String,
    /// The instant query.
    pub query: String,
    /// The label that names the member.
    pub label: String,
    /// How the label's value names it.
    pub matching: Matching,
    /// Weight = `scale` × value + `offset`.
    pub scale: Finite,
    /// See `scale`.
    pub offset: Finite,
    /// Weights outside are moved to the nearer end.
    pub bounds: (u16, u16),
    /// How often.
    pub pace: Pace,
    /// How old a sample may be.
    pub stale: Duration,
    /// Who asks.
    pub auth: Auth,
}

/// How a label's value names a member.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Matching {
    /// `ADDR:PORT`.
    AddressAndPort,
    /// `ADDR`, or `ADDR:PORT` of something else on the same host.
    Address,
}

/// How to say who asks. Files are read anew for each question, so that tokens may rotate.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Auth {
    /// Not at all.
    Nobody,
    /// A bearer token in a file.
    Bearer(PathBuf),
    /// A user name, and a password in a file.
    Basic(String, PathBuf),
}

/// A number that is no NaN and not infinite.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Finite(f64);

impl Finite {
    /// `None` unless it is finite.
    pub fn new(number: f64) -> Option<Self> {
        number.is_finite().then_some(Self(number))
    }

    pub(super) fn value(self) -> f64 {
        self.0
    }
}

/// Without NaN, equality is an equivalence.
impl Eq for Finite {}

impl Hash for Finite {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // -0.0 equals 0.0; the sum is 0.0 of both.
        (self.0 + 0.0).to_bits().hash(state);
    }
}
