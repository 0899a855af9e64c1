//! Where a GWM's control socket is, and whether it may be made there.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

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
    let mut listeners = Listeners::default();
    if let Some(address) = status {
        let key = "`status` in gwm.toml";
        listeners
            .bind_tcp(Tcp { address, key })
            .map_err(|error| format!("{error:#}"))?;
    }
    let (lock, missing) = match bind_unix(place, &mut listeners) {
        Ok(lock) => (Some(lock), None),
        Err(why) if place.is_default => (None, Some(why)),
        Err(why) => return Err(why),
    };
    Ok(Bound {
        listeners,
        lock,
        missing,
    })
}

fn bind_unix(place: &Place, listeners: &mut Listeners) -> Result<Lock, String> {
    let directory = place.directory();
    let lock = Lock::take(&directory, &place.instance).map_err(|error| match error {
        datapath::Error::Locked { instance, pid } => format!(
            "a GWM called {instance} runs already (process {pid}): stop it, or call this one otherwise (--instance)"
        ),
        other => no_socket(&directory, &other.to_string()),
    })?;
    let bound = listeners.bind_unix(place.socket());
    bound.map_err(|error| no_socket(&directory, &format!("{error:#}")))?;
    Ok(lock)
}

fn no_socket(directory: &Path, why: &str) -> String {
    format!(
        "{why}: make {} writable, or name another directory in SASP_CTL_RUN_DIR",
        directory.display()
    )
}
