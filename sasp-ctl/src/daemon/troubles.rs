//! What is wrong with the ways to members although they have next hops, told once each.

use super::event_loop::Daemon;

impl Daemon {
    /// Says what is new.
    pub(super) fn tell_troubles(&mut self) {
        let troubles = self.balancer.troubles();
        for (of, trouble) in &troubles {
            if self.troubles.get(of) == Some(trouble) {
                continue;
            }
            let member = of.1;
            let hop = self.hops_now.get(&member.address);
            let gateway = hop.and_then(|hop| hop.ok()).and_then(|hop| hop.gateway);
            tracing::warn!(%member, "{}", trouble.text(gateway));
        }
        self.troubles = troubles;
    }
}
