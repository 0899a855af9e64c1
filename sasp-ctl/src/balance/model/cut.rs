//! Which members' open connections a new config cuts although the members stay: those whose packets would look different
//! to them.

use std::fmt;

use super::{Balancer, Wanted, vip};
use crate::balance::self_registered::judge;
use crate::balance::spec::Forward;
use crate::sasp::msg::MemberKey;

/// A member that another mode is wanted for, in which it does not know its connections again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cut {
    /// Who.
    pub member: MemberKey,
    /// The mode that its connections were opened in.
    pub from: Forward,
    /// The one that is wanted.
    pub to: Forward,
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "forward of {} changes from {} to {}: connections open to it break",
            self.member,
            self.from.name(),
            self.to.name()
        )
    }
}

impl Balancer {
    /// Each once, in the order of the VIPs; to be asked before [`Balancer::set_services`].
    pub fn cuts(&self, wanted: &Wanted) -> Vec<Cut> {
        let mut cuts = Vec::new();
        for spec in &wanted.services {
            let Some(service) = self.services.get(&vip(spec)) else {
                continue;
            };
            for member in &service.members {
                let of_config = spec.members.iter().find(|wanted| wanted.key == member.key);
                let to = match of_config {
                    Some(wanted) => wanted.forward,
                    None if judge(spec, &member.key).is_ok() => spec.forward,
                    // It goes, and its connections with it.
                    None => continue,
                };
                let cut = Cut {
                    member: member.key,
                    from: member.forward,
                    to,
                };
                if is_cut(cut.from, to) && !cuts.contains(&cut) {
                    cuts.push(cut);
                }
            }
        }
        cuts
    }
}

/// What reaches the member's socket is the client's own packet in every mode that does not translate.
fn is_cut(from: Forward, to: Forward) -> bool {
    from != to && (from.translates() || to.translates())
}
