//! The whole conversation: probe, register, ask, listen, deregister.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, sleep, timeout_at};

use super::advice;
use super::asker::{Asker, Heard};
use super::output::{Outcome, Output};
use super::plan::{self, Plan};
use crate::cli::failure::Failure;
use crate::sasp::code::{Code, FLAG_LB, Reason, Type, lb_flags};
use crate::sasp::msg::{
    Body, DeregistrationRequest, GetWeightsRequest, Group, GroupOf, Member, Name,
    RegistrationRequest, SetLbStateRequest,
};

/// As healthy as a balancer can be (RFC 4678 section 7.6.1).
const HEALTH: u8 = 0x7f;

/// One visit to a GWM.
pub(super) struct Visit<'a, S> {
    plan: &'a Plan,
    asker: Asker<S>,
    output: Output,
    /// A registration is on its way or was done, so it must be undone.
    registered: bool,
}

impl<'a, S: AsyncRead + AsyncWrite + Unpin> Visit<'a, S> {
    pub(super) fn new(plan: &'a Plan, asker: Asker<S>, output: Output) -> Self {
        Self {
            plan,
            asker,
            output,
            registered: false,
        }
    }

    /// Asks. May be dropped at any time; then [`Visit::clean_up`] still undoes what was registered.
    ///
    /// # Errors
    /// One line: why weights could not be asked for, or were not given.
    pub(super) async fn run(&mut self) -> Result<(), Failure> {
        let plan = self.plan;
        if plan.probes {
            match self.probe().await? {
                Code::UNKNOWN_LB if plan.members.is_empty() => {
                    self.output.outcome(Outcome::UnknownUid);
                    return Err(Failure::Failed(format!(
                        "the GWM {} does not know LB UID {}: no balancer has spoken to it under this UID, or it has forgotten it",
                        self.output.gwm(),
                        plan.uid
                    )));
                }
                Code::UNKNOWN_LB => {}
                code => return Err(self.not_asked(code)),
            }
        }
        if !plan.members.is_empty() {
            self.register().await?;
            sleep(plan.settle).await;
        }
        let reply = self.asker.ask(get_weights(&plan.uid, &plan.groups)).await?;
        self.accept(&reply, Type::GET_WEIGHTS_REQUEST)?;
        self.output.weights(&reply)?;
        match plan.push {
            Some(time) => self.listen(time).await,
            None => Ok(()),
        }
    }

    /// Asks for what does not exist; see the module of the command.
    async fn probe(&mut self) -> Result<Code, Failure> {
        let nobodys = plan::nobodys_group();
        let groups = [nobodys.clone(), nobodys];
        let reply = self.asker.ask(get_weights(&self.plan.uid, &groups)).await?;
        let code = code(&reply.body);
        self.output.probe(code);
        Ok(code)
    }

    /// Codes that say something of the UID mean that the GWM knows it; the others are refusals of any request.
    fn not_asked(&mut self, code: Code) -> Failure {
        match code {
            Code::SUCCESS | Code::DUPLICATE_GROUP | Code::UNKNOWN_GROUP => {
                self.output.outcome(Outcome::NotAsked);
                Failure::Failed(advice::in_use(self.output.gwm(), self.plan, code))
            }
            _ => self.refused(Type::GET_WEIGHTS_REQUEST, code),
        }
    }

    fn refused(&mut self, request: Type, code: Code) -> Failure {
        self.output.outcome(Outcome::Refused { request, code });
        Failure::Failed(advice::refused(self.output.gwm(), request, code, self.plan))
    }

    fn accept(&mut self, reply: &Heard, request: Type) -> Result<(), Failure> {
        match code(&reply.body) {
            Code::SUCCESS => Ok(()),
            code => Err(self.refused(request, code)),
        }
    }

    async fn register(&mut self) -> Result<(), Failure> {
        let request = Body::RegistrationRequest(RegistrationRequest {
            flags: FLAG_LB,
            groups: self.members(),
        });
        // Before it is sent: if no reply comes, it may have been done.
        self.registered = true;
        let reply = self.asker.ask(request).await?;
        let accepted = self.accept(&reply, Type::REGISTRATION_REQUEST);
        self.registered = accepted.is_ok();
        accepted
    }

    /// Asks for pushes and shows them for so long.
    async fn listen(&mut self, time: Duration) -> Result<(), Failure> {
        let request = Body::SetLbStateRequest(SetLbStateRequest {
            lb_uid: self.plan.uid.clone(),
            health: HEALTH,
            flags: lb_flags::PUSH,
        });
        let reply = self.asker.ask(request).await?;
        self.accept(&reply, Type::SET_LB_STATE_REQUEST)?;
        let start = Instant::now();
        while let Ok(push) = timeout_at(start + time, self.asker.push()).await {
            self.output.push(&push?, start.elapsed())?;
        }
        Ok(())
    }

    /// Deregisters what was registered.
    ///
    /// # Errors
    /// One line, if the GWM did not confirm it.
    pub(super) async fn clean_up(&mut self) -> Result<(), Failure> {
        if !std::mem::take(&mut self.registered) {
            return Ok(());
        }
        let request = Body::DeregistrationRequest(DeregistrationRequest {
            flags: FLAG_LB,
            reason: Reason::PURPOSEFUL,
            groups: self.members(),
        });
        let reply = self.asker.ask(request).await?;
        self.accept(&reply, Type::DEREGISTRATION_REQUEST)
    }

    /// Prints the end and says how it went: the first thing that failed.
    ///
    /// # Errors
    /// As given, or what was registered is still there.
    pub(super) async fn finish(
        mut self,
        done: Result<(), Failure>,
        cleaned_up: Result<(), Failure>,
    ) -> Result<(), Failure> {
        self.asker.close().await;
        let (raw, left_out) = self.asker.raw();
        self.output.finish(raw, left_out)?;
        let left_behind = match cleaned_up {
            Err(Failure::Failed(line)) => format!(
                "the members may still be registered until the GWM forgets LB UID {}: {line}",
                self.plan.uid
            ),
            other => return done.and(other),
        };
        Err(match done {
            Ok(()) => Failure::Failed(left_behind),
            Err(Failure::Failed(line)) => Failure::Failed(format!("{line}; {left_behind}")),
            Err(failure) => failure,
        })
    }

    fn members(&self) -> Vec<GroupOf<Member>> {
        let of = |(name, keys): (&Name, &Vec<_>)| GroupOf {
            group: Group {
                lb_uid: self.plan.uid.clone(),
                name: name.clone(),
            },
            items: keys
                .iter()
                .map(|key| Member {
                    key: *key,
                    label: Name::default(),
                })
                .collect(),
        };
        self.plan.members.iter().map(of).collect()
    }
}

/// Get Weights for groups; for all, if none is named.
fn get_weights(uid: &Name, groups: &[Name]) -> Body {
    let all = [Name::default()];
    let names = if groups.is_empty() { &all } else { groups };
    let groups = names.iter().map(|name| Group {
        lb_uid: uid.clone(),
        name: name.clone(),
    });
    Body::GetWeightsRequest(GetWeightsRequest {
        groups: groups.collect(),
    })
}

/// The code of a reply. Only replies come here: [`Asker::ask`] has seen to that.
fn code(reply: &Body) -> Code {
    reply.code().unwrap_or(Code::NOT_UNDERSTOOD)
}

#[cfg(test)]
mod tests;
