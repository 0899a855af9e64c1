//! Which members that have registered themselves at the GWM a service takes in (RFC 4678 section 7.1: Registration
//! flag 0; the allow-list is ours).

use super::inputs::Word;
use super::spec::ServiceSpec;
use crate::sasp::msg::MemberKey;

/// A service takes in at most so many, besides those of its config.
pub const MOST: usize = 1024;

/// The weight of such a member when the GWM's does not count. The config has none for it.
pub const STATIC_WEIGHT: u16 = 1;

/// Why one is not taken in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TurnedAway {
    /// Its address is not on the list.
    NotAllowed,
    /// Forwarding leaves ports as they are, and it has another one than the VIP; or one of the two has every port.
    OtherPort,
    /// Forwarding translates addresses, and it has another family's than the VIP.
    OtherFamily,
    /// `nat` translates its replies to another VIP already.
    Translated,
    /// Its address is that of a VIP: what is sent there comes back here.
    OwnVip,
    /// TCP is not UDP.
    OtherProtocol,
    /// There are [`MOST`] already.
    TooMany,
    /// The map of backends is full.
    NoRoom,
}

impl TurnedAway {
    /// Stable name, for machines.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotAllowed => "not_allowed",
            Self::OtherPort => "other_port",
            Self::OtherFamily => "other_family",
            Self::Translated => "translated",
            Self::OwnVip => "own_vip",
            Self::OtherProtocol => "other_protocol",
            Self::TooMany => "too_many",
            Self::NoRoom => "no_room",
        }
    }

    /// The same for people.
    pub const fn text(self) -> &'static str {
        match self {
            Self::NotAllowed => "its address is not in `self_registered`",
            Self::OtherPort => "its port is not that of the VIP",
            Self::OtherFamily => "its address family is not that of the VIP",
            Self::Translated => "its replies are translated to another VIP",
            Self::OwnVip => "its address is a VIP of this balancer",
            Self::OtherProtocol => "its protocol is not that of the VIP",
            Self::TooMany => "the service has 1024 such members already",
            Self::NoRoom => "no backend is free: raise `limits.backends` under [balancer]",
        }
    }
}

/// Whether `word` is about a member that has registered itself.
pub fn registered_itself(word: &Word) -> bool {
    !word.by_lb
}

/// Whether a service may take the member in, as far as that depends on the two alone.
pub fn judge(spec: &ServiceSpec, key: &MemberKey) -> Result<(), TurnedAway> {
    let mut allowed = spec.self_registered.iter();
    if !allowed.any(|net| net.contains(&key.address)) {
        return Err(TurnedAway::NotAllowed);
    }
    if key.protocol != spec.member_protocol() {
        return Err(TurnedAway::OtherProtocol);
    }
    let port = spec.vip.port();
    let translates = spec.forward.translates();
    let fits = translates && key.port != 0 && port != 0;
    if key.port != port && !fits {
        return Err(TurnedAway::OtherPort);
    }
    if translates && key.address.is_ipv4() != spec.vip.is_ipv4() {
        return Err(TurnedAway::OtherFamily);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
