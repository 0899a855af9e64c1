//! What the operator asks of a member. Local at once, also without a GWM; written into the backend's record, so that
//! it outlives the daemon; told to the GWM, so that everybody sees it.

use anyhow::Result;

use super::control::{MemberAt, Refusal};
use super::event_loop::Daemon;
use super::{clock, gwm};
use crate::config::Config;
use crate::config::endpoint::{UDP, protocol_name};
use crate::config::member_key;
use crate::sasp::msg::{MemberKey, Name};

impl Daemon {
    /// Takes a member out of service or lets it back in; says which one that was.
    pub(super) async fn operator(
        &mut self,
        at: &MemberAt,
        quiesced: bool,
    ) -> Result<Result<String, Refusal>> {
        let (group, member) = match find(&self.setup.config, at) {
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
        self.tell_gwm();
        Ok(Ok(member.to_string()))
    }

    /// Whether no flow is left at a quiesced member, or a resumed one gets new flows.
    pub(super) fn progress(&self, at: &MemberAt, quiesced: bool) -> Result<bool, Refusal> {
        let (group, member) = find(&self.setup.config, at)?;
        let address = std::net::SocketAddr::new(member.address, member.port).to_string();
        let protocol = protocol_name(member.protocol);
        let report = self.balancer.report();
        Ok(report
            .services
            .iter()
            .filter(|service| service.group == group.to_string() && service.protocol == protocol)
            .all(|service| {
                let mut members = service.members.iter();
                let Some(member) = members.find(|member| member.address == address) else {
                    return true;
                };
                if !quiesced {
                    return member.slots > 0;
                }
                // While slots are fresh, flows that are not remembered yet may still belong to it.
                member.slots == 0 && member.remembered_flows == 0 && service.slots.fresh == 0
            }))
    }

    /// Passes what is wanted now to the session.
    pub(super) fn tell_gwm(&mut self) {
        if let Some(link) = &mut self.link {
            link.set_desired(gwm::desired(&self.setup.config, &self.balancer.quiesced()));
        }
    }
}

/// The member that is meant. `ADDR:PORT` without a protocol is the TCP member, or the UDP one if there is no other.
fn find(config: &Config, at: &MemberAt) -> Result<(Name, MemberKey), Refusal> {
    let mut key = member_key::parse(&at.member).map_err(Refusal::BadMember)?;
    let members: Vec<_> = config
        .services
        .iter()
        .filter(|service| service.group.as_bytes() == at.group.as_bytes())
        .collect();
    let Some(group) = members.first().map(|service| service.group.clone()) else {
        return Err(Refusal::BadMember(format!(
            "no service has the group {:?}: `sasp-ctl status` lists them",
            at.group
        )));
    };
    let exists = |key: &MemberKey| {
        let mut all = members.iter().flat_map(|service| &service.members);
        all.any(|member| member.key == *key)
    };
    if !exists(&key) && !at.member.contains('/') && key.port != 0 {
        key.protocol = UDP;
    }
    match exists(&key) {
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

    fn found(group: &str, member: &str) -> Result<String, String> {
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
        match find(&config, &at) {
            Ok((group, key)) => Ok(format!("{group} {key}")),
            Err(refusal) => Err(refusal.to_string()),
        }
    }

    #[test]
    fn without_a_protocol_the_tcp_member_is_meant_or_the_only_one() {
        for (member, meant) in [
            ("10.0.0.1:53", "DNS 10.0.0.1:53/udp"),
            ("10.0.0.2:53", "DNS 10.0.0.2:53"),
            ("10.0.0.2:53/tcp", "DNS 10.0.0.2:53"),
            ("10.0.0.2:53/udp", "DNS 10.0.0.2:53/udp"),
        ] {
            assert_eq!(found("DNS", member).as_deref(), Ok(meant), "{member}");
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
            let refused = found(group, member).unwrap_err();
            assert!(refused.contains(words), "{member}: {refused}");
        }
    }
}
