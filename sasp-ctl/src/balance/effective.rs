//! From the GWM's words to effective weights: the rules of RFC 4678 section 5.3 and the ladder GWM's weights → last
//! weights → static weights → equal ones. One pure function over the members of a service.

use super::inputs::Word;
use super::spec::{AllZero, OnDown};

/// What is known of a member.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Candidate {
    /// From the config.
    pub static_weight: u16,
    /// The GWM's word that counts; `None`: it has not spoken of the member, or no longer does.
    pub word: Option<Word>,
    /// Why packets cannot be sent to it, if they cannot.
    pub unreachable: Option<Unreachable>,
    /// Quiesced by the operator at this balancer.
    pub quiesced: bool,
    /// What a health check of our own says, if there is one.
    pub healthy: Option<bool>,
}

/// Why a member cannot be sent packets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unreachable {
    /// It has no next hop.
    NoNextHop,
    /// It is behind a gateway, and `dsr` addresses frames to the member itself.
    BehindGateway,
    /// A tunnel to it would have no source: this host has no address of its family.
    NoSource,
}

impl Unreachable {
    const fn why(self) -> Why {
        match self {
            Self::NoNextHop => Why::Unresolved,
            Self::BehindGateway => Why::BehindGateway,
            Self::NoSource => Why::NoSource,
        }
    }
}

/// What becomes of a member.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Outcome {
    /// Relative to the other members; 0: no new flows.
    pub weight: u32,
    /// Packets of its old flows still go to it.
    pub usable: bool,
    /// Why.
    pub why: Why,
}

macro_rules! whys {
    ($($(#[doc = $doc:literal])+ $variant:ident, $state:literal, $name:literal, $text:literal;)*) => {
        /// Why a member has its effective weight.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum Why {
            $($(#[doc = $doc])+ $variant,)*
        }

        impl Why {
            /// `active`, `draining`, `down` or `unresolved`: what an operator asks first. Stable.
            pub const fn state(self) -> &'static str {
                match self { $(Self::$variant => $state,)* }
            }

            /// Stable name, for machines.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The same for people.
            pub const fn text(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }
    };
}

whys! {
    /// The GWM's weight.
    GwmWeight, "active", "gwm_weight", "weight from GWM";
    /// The GWM's last weight, within the hold time.
    Held, "active", "held", "held: last weight from GWM";
    /// The GWM's last weight, since it converges and is not confident of any yet.
    Converging, "active", "converging", "converging: last weight from GWM";
    /// Static weight: no GWM, or it has been silent for longer than the hold time.
    StaticNoGwm, "active", "static_no_gwm", "static weight: no word from GWM";
    /// Static weight: the GWM is not confident of any member in contact.
    StaticNotConfident, "active", "static_not_confident", "static weight: GWM not confident of any";
    /// Static weight: the GWM has only begun to look.
    StaticConverging, "active", "static_converging", "static weight: converging";
    /// All weights are 0, so all count alike.
    EqualAllZero, "active", "equal_all_zero", "equal weight: all weights are 0";
    /// Its weight is 0 and others' is not, or nobody may share.
    WeightZero, "draining", "weight_zero", "weight 0";
    /// Quiesced by the operator at this balancer.
    OperatorQuiesced, "draining", "operator_quiesced", "quiesced by operator";
    /// Quiesced, says the GWM.
    GwmQuiesced, "draining", "gwm_quiesced", "quiesced by GWM";
    /// The GWM is not confident of it, but of others.
    NotConfident, "draining", "not_confident", "not confident, others are";
    /// The GWM has not spoken of it, and is confident of others.
    Absent, "draining", "absent", "absent from GWM reply";
    /// The GWM has no contact with it, without being confident, and others are better.
    ContactUnsure, "draining", "contact_unsure", "no contact, GWM not confident";
    /// Our own health check says that it is down, and the GWM does not know.
    Unhealthy, "draining", "unhealthy", "health check failed, GWM not confident";
    /// The GWM is confident that it has no contact.
    NoContact, "down", "no_contact", "no contact";
    /// It has no next hop.
    Unresolved, "unresolved", "unresolved", "next hop unresolved";
    /// It is behind a gateway, which its mode cannot cross.
    BehindGateway, "unresolved", "behind_gateway", "behind a gateway";
    /// The balancer has no address of its family to send from.
    NoSource, "unresolved", "no_source", "no address to send from";
}

/// Where the words come from, for the reason shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Source {
    /// The GWM, now.
    Live,
    /// The GWM, before: it converges and is not confident of any member yet.
    Converging,
    /// The GWM, before.
    Held,
    /// Nobody: words do not count.
    #[default]
    Gone,
}

impl Source {
    /// Stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Live => "gwm",
            Self::Converging => "converging",
            Self::Held => "held",
            Self::Gone => "static",
        }
    }
}

/// Whether a word makes its member one that the rules prefer over all others.
pub fn is_confident(word: &Word) -> bool {
    word.contact && word.confident && !word.quiesce
}

/// Whether a word says that its member is not there.
pub fn is_down(word: &Word) -> bool {
    !word.contact && word.confident
}

/// How the GWM's flags sort a member, the better first (RFC 4678 section 5.3).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    /// Contact and confident.
    Confident,
    /// Contact, or unknown to the GWM; or our own health check stands in for the contact.
    NotConfident,
    /// No contact, but the GWM is not sure either.
    Unsure,
    /// Out, whatever the others are.
    Out(Why),
}

/// The outcome of each candidate, in their order.
pub fn effective(
    source: Source,
    all_zero: AllZero,
    on_down: OnDown,
    candidates: &[Candidate],
) -> Vec<Outcome> {
    let classes: Vec<Class> = candidates
        .iter()
        .map(|candidate| classify(source, candidate))
        .collect();
    let best = [Class::Confident, Class::NotConfident, Class::Unsure]
        .into_iter()
        .find(|class| classes.contains(class));
    let heard = candidates.iter().any(|candidate| candidate.word.is_some());
    let from_best = |(candidate, &class): (&Candidate, &Class)| {
        (Some(class) == best).then(|| weigh(source, heard, class, candidate))
    };
    let nobody_weighs = candidates
        .iter()
        .zip(&classes)
        .filter_map(from_best)
        .all(|(weight, _)| weight == 0);
    candidates
        .iter()
        .zip(&classes)
        .map(|(candidate, &class)| {
            let (weight, why) = match from_best((candidate, &class)) {
                Some(_) if nobody_weighs && all_zero == AllZero::Equal => (1, Why::EqualAllZero),
                Some((0, _)) => (0, Why::WeightZero),
                Some(weighed) => weighed,
                None => (0, second_best(class, candidate)),
            };
            let gone = why == Why::NoContact && on_down == OnDown::Rehash;
            Outcome {
                weight,
                usable: candidate.unreachable.is_none() && !gone,
                why,
            }
        })
        .collect()
}

fn classify(source: Source, candidate: &Candidate) -> Class {
    let word = candidate.word.filter(|_| source != Source::Gone);
    if let Some(unreachable) = candidate.unreachable {
        return Class::Out(unreachable.why());
    }
    // Before the quiesced ones: flows of a member that is known to be down may be rehashed.
    if word.is_some_and(|word| is_down(&word)) {
        return Class::Out(Why::NoContact);
    }
    if candidate.quiesced {
        return Class::Out(Why::OperatorQuiesced);
    }
    let Some(word) = word else {
        return Class::NotConfident;
    };
    if word.quiesce {
        return Class::Out(Why::GwmQuiesced);
    }
    match (word.contact, word.confident, candidate.healthy) {
        (true, true, _) => Class::Confident,
        (true, false, _) | (false, _, Some(true)) => Class::NotConfident,
        (false, _, Some(false)) => Class::Out(Why::Unhealthy),
        (false, _, None) => Class::Unsure,
    }
}

/// Weight and reason of a member of the best class that there is.
fn weigh(source: Source, heard: bool, class: Class, candidate: &Candidate) -> (u32, Why) {
    if class == Class::Confident {
        let weight = candidate.word.map_or(0, |word| word.weight);
        let why = match source {
            Source::Converging => Why::Converging,
            Source::Held => Why::Held,
            Source::Live | Source::Gone => Why::GwmWeight,
        };
        return (weight.into(), why);
    }
    let why = match source {
        Source::Converging => Why::StaticConverging,
        Source::Live | Source::Held if heard => Why::StaticNotConfident,
        Source::Live | Source::Held | Source::Gone => Why::StaticNoGwm,
    };
    (candidate.static_weight.into(), why)
}

/// Why a member of another class than the best gets nothing.
fn second_best(class: Class, candidate: &Candidate) -> Why {
    match class {
        Class::Out(why) => why,
        Class::Unsure => Why::ContactUnsure,
        _ if candidate.word.is_none() => Why::Absent,
        _ => Why::NotConfident,
    }
}

#[cfg(test)]
mod tests;
