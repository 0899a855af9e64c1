//! What is wrong with the ways to members although they have next hops, told once each; and once for all members behind
//! an interface that clients have to send them smaller packets.

use super::event_loop::Daemon;
use crate::datapath::Attached;

impl Daemon {
    /// Says what is new.
    pub(super) fn tell_troubles(&mut self) {
        let troubles = self.balancer.troubles();
        for (of, trouble) in &troubles {
            if self.troubles.get(of) == Some(trouble) {
                continue;
            }
            let (vip, member) = of;
            let hop = self.hops_now.get(&member.address);
            let gateway = hop.and_then(|hop| hop.ok()).and_then(|hop| hop.gateway);
            tracing::warn!(%vip, %member, "{}", trouble.text(gateway));
        }
        self.troubles = troubles;
        self.tell_tight();
    }

    fn tell_tight(&mut self) {
        if self.ready_by.is_some() {
            // Members are still being found: all are to be counted.
            return;
        }
        let tight = self.balancer.tight();
        for (way, members) in &tight {
            if self.tight.contains_key(way) {
                continue;
            }
            let on = |on: &&Attached| on.ifindex == way.ifindex;
            if let Some(interface) = self.interfaces.iter().find(on) {
                tracing::warn!("{}", way.text(&interface.name, *members));
            }
        }
        self.tight = tight;
    }
}
