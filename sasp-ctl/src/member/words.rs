//! What a refusal means for the one who runs the server, and what to do about it.

use crate::sasp::code::{Code, Type};
use crate::sasp::member::{Event, Lost, Pair};

/// Why the GWM said no, with its code by name, and what to do. One line.
pub(super) fn refusal(pair: &Pair, request: Type, code: Code) -> String {
    let advice = advice(request, code);
    format!(
        "{pair}: {request} refused: {code} ({:#04x}): {advice}",
        code.0
    )
}

fn advice(request: Type, code: Code) -> &'static str {
    match code {
        Code::UNKNOWN_GROUP if request == Type::REGISTRATION_REQUEST => {
            "give by --group a group that the balancer has registered or that the GWM defines, and by --uid the balancer \
             that has it"
        }
        Code::UNKNOWN_MEMBER if request == Type::REGISTRATION_REQUEST => {
            "see in the GWM's log which member it means: one that registers cannot be known yet"
        }
        Code::NOT_ACCEPTED => {
            "let the balancer trust its members (trust = true in its configuration), and see in the GWM's log whether \
             its policy admits this member"
        }
        Code::LB_NOT_CONTACTED | Code::UNKNOWN_LB => {
            "the balancer has not contacted this GWM: see that it runs and that --uid is its LB UID, and retry in 20 s \
             or more (--wait does)"
        }
        Code::UNKNOWN_MEMBER | Code::UNKNOWN_GROUP => "register the member first",
        Code::INVALID_GROUP => {
            "see in the GWM's log whether a limit is reached or the group mixes system-level and other members"
        }
        Code::INVALID_LB_UID => "give the balancer's LB UID by --uid, 1 to 64 bytes",
        Code::EMPTY_GROUP_NAME => "give the group's name by --group",
        Code::NOT_UNDERSTOOD => {
            "see in the GWM's log what it does not understand; names must be printable UTF-8"
        }
        _ => "see in the GWM's log why",
    }
}

/// Why there is no connection any more, and what to do where the reason alone does not tell.
pub(super) fn lost(reason: &Lost, is_plain: bool) -> String {
    match (reason, is_plain) {
        (Lost::Closed, true) => format!(
            "{reason}: it may not admit this host's address, or want TLS (--tls-ca); its log tells"
        ),
        (Lost::Closed, false) => {
            format!("{reason}: it may not admit this host's address or certificate; its log tells")
        }
        _ => reason.to_string(),
    }
}

/// What a version that the GWM does not speak means.
pub(super) fn version(version: u8) -> String {
    format!(
        "the GWM speaks version {version} of SASP, we speak {} only: use a GWM that does",
        crate::sasp::code::VERSION
    )
}

/// What an event refuses, in one line, if it does.
pub(super) fn refused(event: &Event) -> Option<String> {
    match event {
        Event::Refused {
            pair,
            request,
            code,
        } => Some(refusal(pair, *request, *code)),
        Event::VersionRefused { version: theirs } => Some(version(*theirs)),
        _ => None,
    }
}
