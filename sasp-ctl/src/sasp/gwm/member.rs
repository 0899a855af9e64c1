//! One registered member and the weight entry that is made of it.

use std::fmt;

use super::weights::Assessment;
use crate::sasp::code::{FLAG_LB, weight_flags};
use crate::sasp::msg::{Member, MemberKey, Name, WeightEntry};

/// Who set something or registered someone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Speaker {
    /// The load balancer.
    Balancer,
    /// The member itself.
    Member,
}

impl Speaker {
    /// The sender of a request with these flags.
    pub(super) fn of(flags: u8) -> Self {
        if flags & FLAG_LB == 0 {
            Self::Member
        } else {
            Self::Balancer
        }
    }
}

impl fmt::Display for Speaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Balancer => "balancer",
            Self::Member => "member",
        })
    }
}

/// The changing part of a Weight Entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Shown {
    pub(super) state: u8,
    pub(super) flags: u8,
    pub(super) weight: u16,
}

/// A registered member.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Registered {
    pub(super) label: Name,
    pub(super) by: Speaker,
    /// Opaque state byte, of whoever wrote last.
    pub(super) state: u8,
    /// The balancer and the member quiesce separately: a member that only publishes its opaque state must not
    /// undo what the balancer's operator did (RFC 4678 section 9.3 step 4 sends flags 0 for that).
    pub(super) quiesced_by_balancer: bool,
    pub(super) quiesced_by_member: bool,
    pub(super) assessment: Assessment,
    /// What this balancer's connection was told last.
    pub(super) sent: Option<Shown>,
}

impl Registered {
    pub(super) fn new(label: Name, by: Speaker, assessment: Assessment) -> Self {
        Self {
            label,
            by,
            state: 0,
            quiesced_by_balancer: false,
            quiesced_by_member: false,
            assessment,
            sent: None,
        }
    }

    /// What a weight entry says of it now.
    pub(super) fn shown(&self) -> Shown {
        let quiesced =
            self.quiesced_by_balancer || self.quiesced_by_member || self.assessment.quiesce;
        let bit = |on: bool, bit: u8| if on { bit } else { 0 };
        Shown {
            state: self.state,
            flags: bit(self.assessment.contact, weight_flags::CONTACT)
                | bit(quiesced, weight_flags::QUIESCE)
                | bit(self.by == Speaker::Balancer, weight_flags::REGISTERED_BY_LB)
                | bit(self.assessment.confident, weight_flags::CONFIDENT),
            // RFC 4678 sections 5.3, 5.4 and 9.1 want 0, the example in 9.3 shows another weight.
            weight: if quiesced { 0 } else { self.assessment.weight },
        }
    }

    /// The entry to send, noted as sent; `None` if it must be left out.
    pub(super) fn report(&mut self, key: MemberKey, changed_only: bool) -> Option<WeightEntry> {
        let shown = self.shown();
        if changed_only && self.sent == Some(shown) {
            return None;
        }
        self.sent = Some(shown);
        Some(WeightEntry {
            member: Member {
                key,
                label: self.label.clone(),
            },
            state: shown.state,
            flags: shown.flags,
            weight: shown.weight,
        })
    }
}
