//! Who a peer is, as its certificate says, and rules about it.
//!
//! Plain data: that the certificate is good is the driver's word.

use std::net::IpAddr;

use ipnet::IpNet;

use super::refusal::Refusal;

/// Who a verified certificate says that a peer is.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Identity {
    /// The subject's common names and the DNS names.
    pub names: Vec<String>,
    /// The IP addresses.
    pub addresses: Vec<IpAddr>,
}

impl Identity {
    /// Whether the peer has this name, written like this but for the case of ASCII letters. A wildcard stands for
    /// itself only.
    pub fn is_called(&self, name: &str) -> bool {
        self.names
            .iter()
            .any(|known| known.eq_ignore_ascii_case(name))
    }

    /// Whether the peer has this address.
    pub fn is_at(&self, address: IpAddr) -> bool {
        self.addresses
            .iter()
            .any(|known| known.to_canonical() == address.to_canonical())
    }
}

/// What a peer must have to be the one that is meant.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct PeerRule {
    /// Networks that it connects from; empty: any.
    pub sources: Vec<IpNet>,
    /// A name in its certificate; `None`: it needs none.
    pub certificate: Option<String>,
}

impl PeerRule {
    /// Code 0x11 for whoever is somebody else.
    pub(super) fn admits(
        &self,
        source: IpAddr,
        identity: Option<&Identity>,
    ) -> Result<(), Refusal> {
        let source = source.to_canonical();
        let within = self.sources.iter().any(|net| net.contains(&source));
        Refusal::SourceNotAllowed.unless(self.sources.is_empty() || within)?;
        match (&self.certificate, identity) {
            (None, _) => Ok(()),
            (Some(_), None) => Err(Refusal::NoCertificate),
            (Some(name), Some(identity)) => {
                Refusal::OtherCertificate.unless(identity.is_called(name))
            }
        }
    }
}

/// For whom some peers may speak as members.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MemberRule {
    /// Those peers.
    pub peer: PeerRule,
    /// Addresses of the members for which they may speak.
    pub addresses: Vec<IpNet>,
}

impl MemberRule {
    /// Whether it lets this peer speak for a member with that address.
    pub(super) fn admits(
        &self,
        source: IpAddr,
        identity: Option<&Identity>,
        member: IpAddr,
    ) -> bool {
        let member = member.to_canonical();
        self.addresses.iter().any(|net| net.contains(&member))
            && self.peer.admits(source, identity).is_ok()
    }
}
