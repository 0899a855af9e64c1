//! One request for every balancer and group, and what came of each.

use std::collections::BTreeMap;

use super::driver::Driver;
use super::log::Log;
use super::{Settings, words};
use crate::sasp::code::Code;
use crate::sasp::member::{Condition, Event, Pair, Presence, Registration, Wanted};
use crate::sasp::msg::MemberKey;

/// What is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// To be registered.
    Register,
    /// Not to be registered any more.
    Deregister,
    /// Another condition, for a member that is registered.
    Set(Condition),
}

impl Action {
    fn wanted(self) -> Wanted {
        match self {
            Self::Register => Wanted {
                presence: Presence::Registered,
                condition: None,
            },
            Self::Deregister => Wanted::GONE,
            Self::Set(condition) => Wanted::where_registered(condition),
        }
    }
}

/// What came of it for one pair: a line either way.
type Outcome = Result<String, String>;

/// Asks, and gives one line for everything that was done to `done` as it comes.
/// With `wait`, what may be done later is tried again, as long as it takes.
///
/// # Errors
/// What was not done, all in one line; or the error of `done`, as it is.
pub async fn run<E>(
    settings: Settings,
    action: Action,
    wait: bool,
    mut done: impl FnMut(&str) -> Result<(), E>,
) -> Result<(), Error<E>> {
    let settings = Settings {
        member: crate::sasp::member::Config {
            registered_by_others: true,
            refresh: None,
            ..settings.member
        },
        ..settings
    };
    let key = settings.member.key;
    let mut log = Log::new(key, settings.target.to_string());
    let gwm = settings.target.to_string();
    let is_plain = settings.target.tls.is_none();
    let mut driver = Driver::new(settings, action.wanted());
    let mut outcomes: BTreeMap<Pair, Outcome> = BTreeMap::new();
    while outcomes.len() < driver.agent().pairs() {
        driver.turn().await;
        while let Some(event) = driver.poll_event() {
            let lost = match &event {
                Event::VersionRefused { .. } => words::refused(&event),
                Event::Lost { reason, .. } if !wait => Some(words::lost(reason, is_plain)),
                _ => None,
            };
            if let Some(reason) = lost {
                let asked = driver.agent().pairs() - outcomes.len();
                let rest = match outcomes.len() {
                    0 => String::new(),
                    _ => format!(" ({asked} of {} not asked)", driver.agent().pairs()),
                };
                return Err(Error::Failed(in_one_line(
                    outcomes.into_values(),
                    Some(format!("GWM {gwm}: {reason}{rest}")),
                )));
            }
            match outcome(&event, key, wait) {
                // Over a new connection everything is said again, also what was done and told before.
                Some((pair, _)) if outcomes.contains_key(&pair) => {}
                Some((pair, outcome)) => {
                    if let Ok(line) = &outcome {
                        done(line).map_err(Error::Output)?;
                    }
                    outcomes.insert(pair, outcome);
                }
                None => log.event(&event),
            }
        }
    }
    match outcomes.values().all(Result::is_ok) {
        true => Ok(()),
        false => Err(Error::Failed(in_one_line(outcomes.into_values(), None))),
    }
}

/// Why not everything was done.
#[derive(Debug)]
pub enum Error<E> {
    /// One line.
    Failed(String),
    /// What was done could not be told.
    Output(E),
}

fn in_one_line(outcomes: impl Iterator<Item = Outcome>, last: Option<String>) -> String {
    let failures: Vec<_> = outcomes.filter_map(Result::err).chain(last).collect();
    failures.join("; ")
}

/// What an event says about its pair, if that is the end of it.
fn outcome(event: &Event, key: MemberKey, wait: bool) -> Option<(Pair, Outcome)> {
    let (pair, outcome) = match event {
        Event::Registered { pair, how } => {
            let already = match how {
                Registration::Already => " already",
                Registration::New | Registration::Renewed => "",
            };
            (
                pair,
                Ok(format!("{key} is registered{already} in {pair}\n")),
            )
        }
        Event::Deregistered { pair, code } => {
            let line = match *code {
                Code::SUCCESS => format!("{key} is deregistered from {pair}\n"),
                code => format!("{key} was not registered in {pair}: {code}\n"),
            };
            (pair, Ok(line))
        }
        Event::Told { pair, condition } => {
            let what = match condition.quiesced {
                true => "is quiesced",
                false => "takes new work",
            };
            (pair, Ok(format!("{key} {what} in {pair}\n")))
        }
        Event::NotRegistered { pair, code } => {
            let request = crate::sasp::code::Type::SET_MEMBER_STATE_REQUEST;
            (pair, Err(words::refusal(pair, request, *code)))
        }
        Event::Refused {
            pair,
            request,
            code,
        } => (pair, Err(words::refusal(pair, *request, *code))),
        Event::Waiting {
            pair,
            request,
            code,
            ..
        } if !wait => (pair, Err(words::refusal(pair, *request, *code))),
        _ => return None,
    };
    Some((pair.clone(), outcome))
}
