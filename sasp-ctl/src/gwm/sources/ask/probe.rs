//! One probe of one member.

use std::net::SocketAddr;

use tokio::time::timeout;

use super::net::{self, Failure};
use super::{http, no_port};
use crate::gwm::sources::rule::{Check, Probe};
use crate::gwm::sources::target::Probed;
use crate::sasp::msg::MemberKey;

const TCP: u8 = 6;

/// Asks, and waits for the answer as long as the rule says.
pub(super) async fn probe(probe: &Probe, member: &MemberKey) -> Probed {
    let own = (member.protocol == TCP).then_some(member.port);
    let Some(port) = probe.port.or(own) else {
        return Probed::NotAsked(no_port(member));
    };
    let address = SocketAddr::new(member.address, port);
    match timeout(probe.pace.timeout, check(&probe.check, address)).await {
        Ok(Ok(())) => Probed::Reached,
        Ok(Err(Failure::Theirs(why))) => Probed::NotReached(why),
        Ok(Err(Failure::Ours(why))) => Probed::NotAsked(why),
        Err(_) => Probed::NotReached(format!(
            "no answer from {address} within {:?}",
            probe.pace.timeout
        )),
    }
}

async fn check(check: &Check, address: SocketAddr) -> Result<(), Failure> {
    let stream = net::connect(address).await?;
    match check {
        Check::Tcp => Ok(()),
        Check::Http(check) => http::check(check, address, stream).await,
    }
}
