//! Where a GWM's control socket is, and whether it may be made there.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::control::{Listeners, Tcp};
use crate::datapath::{self, Instance, Lock};

/// The directory of control sockets, and the name of this GWM among those of its host.
#[derive(Clone, Debug)]
pub struct Place {
    /// `/run/sasp-ctl` unless the environment says otherwise.
    pub run: PathBuf,
    /// Its name.
    pub instance: Instance,
    /// Nobody has asked for this place: a GWM that cannot have its socket there does without.
    pub is_default: bool,
}

impl Place {
    /// Not beside the sockets of balancers, one of which may be called the same.
    fn directory(&self) -> PathBuf {
        self.run.join("gwm")
    }

    /// The control socket.
    pub fn socket(&self) -> PathBuf {
        self.directory().join(format!("{}.sock", self.instance))
    }
}

/// Bound sockets that are not served yet.
#[derive(Debug)]
pub(in super::super) struct Bound {
    pub(super) listeners: Listeners,
    pub(super) lock: Option<Lock>,
    /// Why there is no control socket, if there is none.
    pub(in super::super) missing: Option<String>,
}

/// Binds the control socket, and `status` of the configuration if it is set.
///
/// # Errors
/// One line.
pub(in super::super) fn bind(place: &Place, status: Option<SocketAddr>) -> Result<Bound, String> {
    let mut bound = Bound {
        listeners: Listeners::default(),
        lock: None,
        missing: None,
    };
    // The lock comes first: whoever started the same GWM twice wants to hear of that, not of an address in use.
    match lock(place) {
        Ok(lock) => bound.lock = Some(lock),
        Err(why) => bound.do_without(place, why)?,
    }
    if let Some(address) = status {
        let key = "`status` in gwm.toml";
        let bound = bound.listeners.bind_tcp(Tcp { address, key });
        bound.map_err(|error| format!("{error:#}"))?;
    }
    if bound.lock.is_some()
        && let Err(error) = bound.listeners.bind_unix(place.socket())
    {
        bound.do_without(place, no_socket(place, &format!("{error:#}")))?;
    }
    Ok(bound)
}

impl Bound {
    /// Only if nobody has asked for a socket at this place.
    fn do_without(&mut self, place: &Place, why: String) -> Result<(), String> {
        if !place.is_default {
            return Err(why);
        }
        self.missing = Some(why);
        Ok(())
    }
}

fn lock(place: &Place) -> Result<Lock, String> {
    Lock::take(&place.directory(), &place.instance).map_err(|error| match error {
        datapath::Error::Locked { instance, pid } => format!(
            "a GWM called {instance} runs already (process {pid}): stop it, or call this one otherwise (--instance)"
        ),
        other => no_socket(place, &other.to_string()),
    })
}

fn no_socket(place: &Place, why: &str) -> String {
    format!(
        "{why}: make {} writable, or name another directory in SASP_CTL_RUN_DIR",
        place.directory().display()
    )
}
