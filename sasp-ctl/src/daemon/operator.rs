//! What the operator asks of a member. Local at once, also without a GWM; written into the backend's record, so that
//! it outlives the daemon; told to the GWMs, so that everybody sees it; one that is not connected hears it
//! when it is.

use anyhow::Result;
use serde::Serialize;

use super::clock;
use super::control::{MemberAt, Refusal};
use super::event_loop::Daemon;
use crate::balance::model::drain::Drain;
use crate::config::Config;
use crate::config::endpoint::UDP;
use crate::config::member_key;
use crate::sasp::msg::{MemberKey, Name};

/// A member was taken out or let in.
#[derive(Debug, Serialize)]
pub(super) struct Done {
    /// As the daemon names it.
    pub(super) member: String,
    /// GWMs that are connected and hear of it now.
    pub(super) told: Vec<String>,
    /// GWMs that hear of it when they are connected again.
    pub(super) told_later: Vec<String>,
}

/// How far what was asked of a member has come true.
#[derive(Debug, Serialize)]
pub(super) struct Progress {
    /// A quiesced member has no flow left; a resumed one gets new flows.
    pub(super) done: bool,
    #[serde(flatten)]
    pub(super) drain: Drain,
}

impl Daemon {
    /// Takes a member out of service or lets it back in; says which one that was, and who was told.
    pub(super) async fn operator(
        &mut self,
        at: &MemberAt,
        quiesced: bool,
    ) -> Result<Result<Done, Refusal>> {
        let (group, member) = match self.find(at) {
            Ok(found) => found,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let now_ns = clock::now_ns();
        let changes = match self.balancer.quiesce(&group, &member, quiesced, now_ns) {
            Ok(changes) => changes,
            Err(unknown) => return Ok(Err(Refusal::BadMember(unknown.to_string()))),
        };
        self.publisher.publish(changes, &mut self.stats).await?;
        let past = if quiesced { "quiesced" } else { "resumed" };
        tracing::info!(%group, %member, "{past} by the operator");
        self.tell_gwms();
        let (told, told_later) = self.links.in_reach();
        Ok(Ok(Done {
            member: member.to_string(),
            told,
            told_later,
        }))
    }

    /// How far a quiesced member is drained, or a resumed one is back.
    pub(super) fn progress(&self, at: &MemberAt, quiesced: bool) -> Result<Progress, Refusal> {
        let (group, member) = self.find(at)?;
        let drain = self.balancer.drain(&group, &member, clock::now_ns());
        let done = match quiesced {
            true => drain.is_over(),
            false => drain.slots > 0,
        };
        Ok(Progress { done, drain })
    }

    fn find(&self, at: &MemberAt) -> Result<(Name, MemberKey), Refusal> {
        find(&self.setup.config, at, |group, key| {
            self.balancer.has_member(group, key)
        })
    }
}

/// The member that is meant. `ADDR:PORT` without a protocol is the TCP member, or the UDP one if there is no other.
fn find(
    config: &Config,
    at: &MemberAt,
    exists: impl Fn(&Name, &MemberKey) -> bool,
) -> Result<(Name, MemberKey), Refusal> {
    let mut key = member_key::parse(&at.member).map_err(Refusal::BadRequest)?;
    let mut services = config.services.iter();
    let service = services.find(|service| service.group.as_bytes() == at.group.as_bytes());
    let Some(group) = service.map(|service| service.group.clone()) else {
        return Err(Refusal::BadMember(format!(
            "no service has the group {:?}: `sasp-ctl status` lists them",
            at.group
        )));
    };
    if !exists(&group, &key) && !at.member.contains('/') && key.port != 0 {
        key.protocol = UDP;
    }
    match exists(&group, &key) {
        true => Ok((group, key)),
        false => Err(Refusal::BadMember(format!(
            "group {group} has no member {}: `sasp-ctl status` lists them",
            at.member
        ))),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::{self, Flags};

    fn found(group: &str, member: &str) -> Result<String, Refusal> {
        let text = r#"
            balancer.uid = "u"
            [[service]]
            group = "DNS"
            vip = "203.0.113.10:53/udp"
            members = [ { address = "10.0.0.1:53" }, { address = "10.0.0.2:53" } ]
            [[service]]
            group = "DNS"
            vip = "203.0.113.10:53/tcp"
            members = [ { address = "10.0.0.2:53" } ]
        "#;
        let path = Path::new("edge.toml");
        let config = config::from_text(path, text.to_owned(), &Flags::default()).unwrap();
        let at = MemberAt {
            group: group.to_owned(),
            member: member.to_owned(),
        };
        let exists = |group: &Name, key: &MemberKey| {
            config.services.iter().any(|service| {
                let mut members = service.members.iter();
                service.group == *group && members.any(|member| member.key == *key)
            })
        };
        find(&config, &at, exists).map(|(group, key)| format!("{group} {key}"))
    }

    #[test]
    fn without_a_protocol_the_tcp_member_is_meant_or_the_only_one() {
        for (member, meant) in [
            ("10.0.0.1:53", "DNS 10.0.0.1:53/udp"),
            ("10.0.0.2:53", "DNS 10.0.0.2:53"),
            ("10.0.0.2:53/tcp", "DNS 10.0.0.2:53"),
            ("10.0.0.2:53/udp", "DNS 10.0.0.2:53/udp"),
        ] {
            assert_eq!(found("DNS", member).unwrap(), meant, "{member}");
        }
    }

    #[test]
    fn members_that_do_not_exist_are_refused_by_name() {
        for (group, member, words) in [
            ("WEB", "10.0.0.1:53", "no service has the group \"WEB\""),
            ("DNS", "10.0.0.9:53", "no member 10.0.0.9:53"),
            ("DNS", "10.0.0.1:53/tcp", "no member 10.0.0.1:53/tcp"),
            ("DNS", "10.0.0.1", "no member 10.0.0.1"),
            ("DNS", "nonsense", "\"nonsense\""),
        ] {
            let refused = found(group, member).unwrap_err().to_string();
            assert!(refused.contains(words), "{member}: {refused}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_another_mistake_than_what_does_not_exist() {
        for (member, is_unreadable) in [
            ("nonsense", true),
            ("10.0.0.1:99999", true),
            ("10.0.0.9:53", false),
        ] {
            let refused = found("DNS", member).unwrap_err();
            let (unreadable, unknown) = (
                matches!(refused, Refusal::BadRequest(_)),
                matches!(refused, Refusal::BadMember(_)),
            );
            assert_eq!(
                (unreadable, unknown),
                (is_unreadable, !is_unreadable),
                "{refused}"
            );
        }
    }
}
