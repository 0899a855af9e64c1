//! What shall be asked, from the flags.

use std::collections::BTreeMap;
use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use super::Args;
use crate::cli::failure::Failure;
use crate::config::member_key;
use crate::sasp::msg::{MemberKey, Name};

/// A valid command line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Plan {
    pub(super) uid: Name,
    /// None: all groups.
    pub(super) groups: Vec<Name>,
    /// To be registered and deregistered, by group.
    pub(super) members: BTreeMap<Name, Vec<MemberKey>>,
    pub(super) settle: Duration,
    /// Find out first whether the GWM knows the UID, and leave it alone if it does.
    pub(super) probes: bool,
    pub(super) push: Option<Duration>,
}

impl Plan {
    /// # Errors
    /// Names that are too long for the protocol, members that are none, flags that contradict each other.
    pub(super) fn of(args: &Args) -> Result<Self, Failure> {
        if args.push.is_some() && args.members.is_empty() && !args.take_over {
            return Err(Failure::Usage(
                "--push needs a UID of its own or one to take over: give --member or --take-over"
                    .to_owned(),
            ));
        }
        let mut members = BTreeMap::<Name, Vec<MemberKey>>::new();
        for text in &args.members {
            let (group, key) = member(text)?;
            members.entry(group).or_default().push(key);
        }
        let uid = match &args.uid {
            Some(uid) => name("--uid", uid)?,
            None => name("--uid", &format!("sasp-ctl-query-{:016x}", random()))?,
        };
        let groups = args.groups.iter().map(|group| name("GROUP", group));
        Ok(Self {
            uid,
            groups: groups.collect::<Result<_, _>>()?,
            members,
            settle: args.settle.unwrap_or_default(),
            // A UID that was made up just now is nobody's.
            probes: args.uid.is_some() && !args.take_over,
            push: args.push.map(|seconds| Duration::from_secs(seconds.into())),
        })
    }
}

/// The name of a group that nobody has registered.
pub(super) fn nobodys_group() -> Name {
    let text = format!("sasp-ctl-probe-{:016x}", random());
    Name::new(text.into_bytes()).unwrap_or_default()
}

/// A number that differs every time.
fn random() -> u64 {
    RandomState::new().hash_one(std::process::id())
}

fn name(what: &str, text: &str) -> Result<Name, Failure> {
    Name::new(text.as_bytes()).ok_or_else(|| {
        Failure::Usage(format!(
            "{what}: {} bytes are more than the {} that SASP can say",
            text.len(),
            Name::MAX
        ))
    })
}

/// `GROUP=ADDR:PORT[/PROTO]`. A group's name may have equals signs, a member's key has none.
fn member(text: &str) -> Result<(Name, MemberKey), Failure> {
    let (group, key) = text
        .rsplit_once('=')
        .filter(|(group, _)| !group.is_empty())
        .ok_or_else(|| {
            Failure::Usage(format!("--member: {text:?} is not GROUP=ADDR:PORT[/PROTO]"))
        })?;
    let key =
        member_key::parse(key).map_err(|reason| Failure::Usage(format!("--member: {reason}")))?;
    Ok((name("--member", group)?, key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_of_a_group() {
        let (group, key) = member("a=b=[2001:db8::1]:53/udp").unwrap();
        assert_eq!(
            (group.to_string(), key.to_string()),
            ("a=b".to_owned(), "[2001:db8::1]:53/udp".to_owned())
        );
        for text in ["", "10.0.0.1:80", "=10.0.0.1:80", "A=10.0.0.1:0", "A=b"] {
            assert!(matches!(member(text), Err(Failure::Usage(_))), "{text}");
        }
    }

    #[test]
    fn made_up_groups_differ() {
        assert_ne!(nobodys_group(), nobodys_group());
    }
}
