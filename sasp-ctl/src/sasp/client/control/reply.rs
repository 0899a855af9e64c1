//! What a return code changes in what the GWM is known to have.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use super::{super::requests::Request, Control, Told};
use crate::sasp::saturate::Later as _;
use crate::sasp::{
    code::Code,
    msg::{MemberKey, Name},
};

/// A refused registration is tried again after this time: an operator of the GWM may have allowed it.
const RETRY_REFUSED: Duration = Duration::from_secs(300);
/// A GWM that accepts Set LB State and then does not know us, so often in a row, will not get better.
const FORGOTTEN_MAX: u8 = 3;
/// Refused polls in a row, and no weights meanwhile, after which what the GWM once said is stale: the session counts as
/// lost, and with it the hold time begins.
const VAIN_POLLS_MAX: u8 = 3;

/// What a reply means for the session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in super::super) enum Outcome {
    /// Done, or dealt with by the next requests.
    Fine,
    /// Refused; the session goes on.
    Refused,
    /// Refused, and there is no session without it.
    Fatal,
}

impl Control {
    /// Takes the reply to `request`. Weights in it go through [`Control::hear`] before.
    pub(in super::super) fn answered(
        &mut self,
        request: &Request,
        code: Code,
        now: Instant,
    ) -> Outcome {
        match request {
            Request::SetLbState(state) => {
                if self.told.is_some_and(|told| told.trust) && !state.trust {
                    self.known = None;
                }
                self.told = (code == Code::SUCCESS).then_some(*state);
                if self.told.is_some() {
                    Outcome::Fine
                } else {
                    Outcome::Fatal
                }
            }
            Request::GetWeights => self.weights_answered(code),
            Request::Register { group, members } => {
                self.registration_answered(group, members, code, now)
            }
            Request::Deregister { group, members } => {
                self.deregistration_answered(group, members, code)
            }
            // How a farewell is answered ends the session in any case: the caller reports it.
            Request::DeregisterAll => Outcome::Fine,
            Request::SetMemberState { group, quiesced } => {
                self.member_state_answered(group, quiesced, code)
            }
        }
    }

    fn weights_answered(&mut self, code: Code) -> Outcome {
        let forgot = matches!(code, Code::UNKNOWN_GROUP | Code::UNKNOWN_LB);
        let Some(known) = &self.known else {
            if forgot {
                self.known = Some(BTreeMap::new());
            }
            return match code {
                Code::SUCCESS | Code::UNKNOWN_GROUP | Code::UNKNOWN_LB => Outcome::Fine,
                _ => Outcome::Fatal,
            };
        };
        if code == Code::SUCCESS {
            self.vain_polls = 0;
            return Outcome::Fine;
        }
        // That it knows nothing of ours is no refusal as long as there is nothing to know.
        let in_vain = !forgot || known.values().any(|members| !members.is_empty());
        if forgot {
            // In mid-session: with the groups, the GWM has forgotten our flags.
            self.told = None;
            self.known = Some(BTreeMap::new());
        }
        self.vain_polls = self.vain_polls.saturating_add(u8::from(in_vain));
        match (self.vain_polls, forgot) {
            (VAIN_POLLS_MAX.., _) => Outcome::Fatal,
            (_, true) => Outcome::Fine,
            (_, false) => Outcome::Refused,
        }
    }

    fn registration_answered(
        &mut self,
        group: &Name,
        members: &[MemberKey],
        code: Code,
        now: Instant,
    ) -> Outcome {
        match (code, members) {
            (Code::SUCCESS, _) => {
                self.forgotten = 0;
                self.know(group, members);
                for key in members {
                    self.quiesced.remove(&(group.clone(), *key));
                }
                Outcome::Fine
            }
            (Code::MEMBER_ALREADY_REGISTERED, [_]) => {
                self.know(group, members);
                Outcome::Fine
            }
            // All of the request was refused because of one: ask which, then go one by one.
            (Code::MEMBER_ALREADY_REGISTERED, _) => {
                let asked = self.contested.contains_key(group);
                self.contested.insert(group.clone(), asked);
                if !asked {
                    self.known = None;
                }
                Outcome::Fine
            }
            (Code::UNKNOWN_LB, _) => self.forgotten(),
            _ => {
                self.refused.insert(group.clone(), now.later(RETRY_REFUSED));
                Outcome::Refused
            }
        }
    }

    fn deregistration_answered(
        &mut self,
        group: &Name,
        members: &[MemberKey],
        code: Code,
    ) -> Outcome {
        match (code, members) {
            (Code::UNKNOWN_LB, _) => return self.forgotten(),
            // All of the request was refused because of one.
            (Code::UNKNOWN_MEMBER, [_, _, ..]) => {
                self.contested.insert(group.clone(), true);
                return Outcome::Fine;
            }
            _ => {}
        }
        if let Some(known) = &mut self.known {
            match members {
                [] => drop(known.remove(group)),
                members => {
                    if let Some(known) = known.get_mut(group) {
                        known.retain(|key| !members.contains(key));
                    }
                }
            }
        }
        match code {
            Code::SUCCESS | Code::UNKNOWN_MEMBER | Code::UNKNOWN_GROUP => {
                self.quiesced.retain(|(of, key), _| {
                    let is_gone = of == group && (members.is_empty() || members.contains(key));
                    !is_gone
                });
                Outcome::Fine
            }
            _ => Outcome::Refused,
        }
    }

    /// Also after a refusal this counts as told: the next connection tells it again.
    fn member_state_answered(
        &mut self,
        group: &Name,
        quiesced: &[(MemberKey, bool)],
        code: Code,
    ) -> Outcome {
        // All of the request was refused because of one.
        if let (Code::UNKNOWN_MEMBER, [_, _, ..]) = (code, quiesced) {
            self.contested.insert(group.clone(), true);
            return Outcome::Fine;
        }
        for (key, quiesced) in quiesced {
            let member = (group.clone(), *key);
            match (quiesced, code) {
                (true, _) => drop(self.quiesced.insert(member, Told::Quiesced)),
                (false, Code::SUCCESS) => drop(self.quiesced.remove(&member)),
                (false, _) => drop(self.quiesced.insert(member, Told::ResumedInVain)),
            }
        }
        match code {
            Code::SUCCESS => Outcome::Fine,
            Code::UNKNOWN_LB => self.forgotten(),
            _ => Outcome::Refused,
        }
    }

    fn know(&mut self, group: &Name, members: &[MemberKey]) {
        if let Some(known) = &mut self.known {
            known.entry(group.clone()).or_default().extend(members);
        }
    }

    /// The GWM does not know us: start from nothing, but not for ever.
    fn forgotten(&mut self) -> Outcome {
        self.told = None;
        self.known = Some(BTreeMap::new());
        self.forgotten = self.forgotten.saturating_add(1);
        if self.forgotten < FORGOTTEN_MAX {
            Outcome::Fine
        } else {
            Outcome::Fatal
        }
    }
}
