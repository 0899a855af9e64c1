//! Asks again whenever an answer may be another, and keeps the neighbour entries of members and gateways fresh.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use rtnetlink::Error;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

use super::gateways::Gateways;
use super::kernel::{Kernel, Neighbour, Route};
use super::{NextHops, Replies, Unresolved, resolve};

/// News come in bursts: a link that goes down takes addresses, routes and neighbours along.
const SETTLE: Duration = Duration::from_millis(5);
/// A router with a million routes never stops changing them: at most one part in so many of our time goes there.
const IDLE_SHARE: u32 = 5;
/// A member that does not answer is asked again so often. The kernel sends three questions, a second apart.
const ASK_AGAIN: Duration = Duration::from_secs(2);
/// Even without news everything is read so often: news can be lost.
const REFRESH: Duration = Duration::from_secs(15);
/// Pause before the sockets are opened anew after an error.
const RECONNECT: Duration = Duration::from_secs(1);

/// The task behind [`super::spawn`].
pub(super) struct Watch {
    attached: watch::Receiver<BTreeSet<u32>>,
    members: watch::Receiver<BTreeSet<IpAddr>>,
    replies: watch::Receiver<Replies>,
    gateways: Gateways,
    snapshots: watch::Sender<Arc<NextHops>>,
    /// When the kernel was last told to resolve a neighbour that is not resolved yet.
    asked: BTreeMap<(u32, IpAddr), Instant>,
    /// Members, and the gateways to them and to clients.
    neighbours: BTreeSet<IpAddr>,
}

/// A round of questions failed; the sockets are opened anew.
enum Broken {
    Asking(Error),
    NoNews,
}

impl Watch {
    pub(super) fn new(
        attached: watch::Receiver<BTreeSet<u32>>,
        members: watch::Receiver<BTreeSet<IpAddr>>,
        replies: watch::Receiver<Replies>,
        snapshots: watch::Sender<Arc<NextHops>>,
    ) -> Self {
        Self {
            attached,
            members,
            replies,
            gateways: Gateways::default(),
            snapshots,
            asked: BTreeMap::new(),
            neighbours: BTreeSet::new(),
        }
    }

    /// Runs until nobody is interested any more.
    pub(super) async fn run(mut self, mut kernel: Kernel) {
        loop {
            match self.watch(&mut kernel).await {
                Ok(()) => return,
                Err(Broken::Asking(error)) => {
                    tracing::warn!("next hops cannot be read ({error}): trying again");
                }
                Err(Broken::NoNews) => tracing::warn!("netlink went silent: opening it again"),
            }
            sleep(RECONNECT).await;
            match Kernel::connect() {
                Ok(again) => kernel = again,
                Err(error) => tracing::warn!("cannot open netlink ({error}): trying again"),
            }
        }
    }

    async fn watch(&mut self, kernel: &mut Kernel) -> Result<(), Broken> {
        loop {
            let started = Instant::now();
            let members = self.members.borrow_and_update().clone();
            kernel.skip_news();
            let patience = self.read(kernel, &members).await.map_err(Broken::Asking)?;
            let busy = started.elapsed();
            let read_again = Instant::now() + patience;
            tokio::select! {
                changed = async {
                    tokio::select! {
                        changed = self.members.changed() => changed,
                        changed = self.attached.changed() => changed,
                        changed = self.replies.changed() => changed,
                    }
                } => match changed {
                    Ok(()) => continue,
                    Err(_) => return Ok(()),
                },
                () = self.snapshots.closed() => return Ok(()),
                more = kernel.news(&self.neighbours) => if !more {
                    return Err(Broken::NoNews);
                },
                () = sleep_until(read_again) => continue,
            }
            sleep(SETTLE.max(busy * IDLE_SHARE)).await;
        }
    }

    /// Reads everything, tells what is different, and has the kernel resolve or check what needs it. Gives how long
    /// to wait for news before reading again all the same.
    async fn read(
        &mut self,
        kernel: &Kernel,
        members: &BTreeSet<IpAddr>,
    ) -> Result<Duration, Error> {
        let links = kernel.links().await?;
        let neighbours = kernel.neighbours().await?;
        let attached = self.attached.borrow_and_update().clone();
        let before = self.snapshots.borrow().clone();
        let mut next_hops = NextHops::new();
        let mut to_ask = BTreeSet::new();
        let mut in_use = BTreeSet::new();
        for &member in members {
            let route = kernel.route(member).await?;
            let at = match route {
                Route::Unicast(unicast) => Some(unicast.neighbour(member)),
                _ => None,
            };
            let neighbour = at.and_then(|at| neighbours.get(&at).copied());
            let previous = before.get(&member).copied();
            let next = resolve::next_hop(route, &attached, &links, neighbour, previous);
            if let Some(at) = at {
                in_use.insert(at);
                match needs_asking(next, neighbour) {
                    true => drop(to_ask.insert(at)),
                    false if neighbour == Some(Neighbour::Asked) => {}
                    // Its next trouble is another one.
                    false => drop(self.asked.remove(&at)),
                }
            }
            next_hops.insert(member, next);
        }
        // Before the routes are read: that may take seconds, and nothing of it is in here.
        self.snapshots.send_if_modified(|snapshot| {
            let differs = **snapshot != next_hops;
            *snapshot = Arc::new(next_hops);
            differs
        });
        let replies = *self.replies.borrow_and_update();
        let gateways = self.gateways.look(kernel, replies, &attached, &links);
        for at in gateways.await {
            if in_use.insert(at) {
                match is_uncertain(neighbours.get(&at).copied()) {
                    true => drop(to_ask.insert(at)),
                    false => drop(self.asked.remove(&at)),
                }
            }
        }
        self.asked.retain(|at, _| in_use.contains(at));
        self.neighbours = in_use.iter().map(|(_, address)| *address).collect();
        self.neighbours.extend(members);
        let patience = if to_ask.is_empty() {
            REFRESH
        } else {
            ASK_AGAIN
        };
        for at in to_ask {
            self.ask(kernel, at).await?;
        }
        Ok(patience)
    }

    async fn ask(&mut self, kernel: &Kernel, at: (u32, IpAddr)) -> Result<(), Error> {
        let now = Instant::now();
        let last = self.asked.get(&at);
        if last.is_some_and(|last| now - *last < ASK_AGAIN) {
            return Ok(());
        }
        self.asked.insert(at, now);
        let (ifindex, neighbour) = at;
        match kernel.use_neighbour(ifindex, neighbour).await {
            // The interface went down or away meanwhile; news of that are on their way.
            Err(Error::NetlinkError(error)) => {
                tracing::debug!(%neighbour, "cannot have it resolved: {}", error.to_io());
                Ok(())
            }
            result => result,
        }
    }
}

/// Whether the kernel is to ask for a neighbour, or to check it, if it does not do so already.
fn needs_asking(next: Result<super::NextHop, Unresolved>, neighbour: Option<Neighbour>) -> bool {
    let asks = matches!(
        next,
        Ok(_) | Err(Unresolved::Resolving | Unresolved::Unanswered)
    );
    asks && is_uncertain(neighbour)
}

fn is_uncertain(neighbour: Option<Neighbour>) -> bool {
    matches!(
        neighbour,
        None | Some(Neighbour::Failed | Neighbour::Stale(_))
    )
}
