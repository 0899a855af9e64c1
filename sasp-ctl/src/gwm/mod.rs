//! `sasp-ctl gwm`: sockets, timers, files and log lines around the state machine in [`crate::sasp::gwm`].
//!
//! Nothing about SASP is decided here. A connection is a task; all of them share the state machine behind one lock,
//! which no task holds while it waits for anything.
//!
//! # Layout
//! * [`config`]: `gwm.toml`. `reload`: that file, read again.
//! * `hub`: the shared state machine. `server`: accepting. `connection`: one peer. `budget`: memory for all peers.
//! * `log`: events as lines. `throttle`: not too many of them.

mod budget;
pub mod config;
mod connection;
mod hub;
mod log;
mod reload;
mod server;
mod socket;
mod throttle;

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tracing::{info, warn};

use crate::config::ConfigError;
use crate::sasp::gwm::Admission;
use config::Config;
use hub::Hub;
use reload::ConfigFile;

/// Why a GWM does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration is refused.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}{}", advice(source))]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// Signals cannot be received.
    #[error("cannot receive signals: {0}")]
    Signals(io::Error),
}

/// What to do about an address that cannot be listened on.
fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => ": stop what listens there or choose another port (--listen)",
        io::ErrorKind::AddrNotAvailable => ": choose an address of this host (--listen)",
        io::ErrorKind::PermissionDenied => ": choose a port above 1023 (--listen)",
        _ => "",
    }
}

/// Serves until SIGTERM or SIGINT. `listen` overrides the file's address; without a file there are no rules.
///
/// # Errors
/// Only before it serves. Later, what goes wrong is logged and concerns one connection or one reload.
pub async fn run(file: Option<&Path>, listen: Option<SocketAddr>) -> Result<(), StartError> {
    let mut file = match file {
        Some(path) => Some(ConfigFile::load(path)?),
        None => None,
    };
    let config = file
        .as_ref()
        .map_or_else(Config::default, |file| file.config().clone());
    let catch = |kind| signal(kind).map_err(StartError::Signals);
    let hangup = catch(SignalKind::hangup())?;
    let (terminate, interrupt) = (
        catch(SignalKind::terminate())?,
        catch(SignalKind::interrupt())?,
    );
    socket::raise_open_files(config.policy.limits.connections);

    let address = listen.unwrap_or(config.listen);
    let cannot_listen = |source| StartError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(cannot_listen)?;
    let bound = listener.local_addr().map_err(cannot_listen)?;
    announce(&config, bound);

    let hub = Arc::new(Hub::new(&config));
    // Without a file, there is no TLS and nobody who could change that.
    let tls = match &file {
        Some(file) => file.tls(),
        None => watch::Sender::new(None).subscribe(),
    };
    let reloads = async {
        match &mut file {
            Some(file) => reload::follow(file, &hub, hangup).await,
            None => reload::nothing_to_reload(hangup).await,
        }
    };
    tokio::select! {
        () = server::accept(listener, &hub, &tls) => {}
        () = hub.keep_time() => {}
        () = hub.report_counters() => {}
        () = hub.report_kept_back() => {}
        () = reloads => {}
        name = stopped(terminate, interrupt) => info!("stopping on {name}"),
    }
    hub.end_log_window();
    tell_systemd(sd_notify::NotifyState::Stopping);
    Ok(())
}

fn announce(config: &Config, bound: SocketAddr) {
    for warning in &config.warnings {
        warn!("{warning}");
    }
    let who = match &config.tls {
        Some(tls) => {
            info!(
                "TLS 1.2 and 1.3, client certificates {}",
                tls.client_certificates()
            );
            "whoever may connect"
        }
        None => {
            warn!("plain TCP: whoever can read or join this network can read and change weights");
            "anybody"
        }
    };
    if config.policy.admission == Admission::Open {
        info!(
            "no [[balancer]] is listed: {who} may speak for any LB UID, list the balancers with their uid and \
             sources in gwm.toml to restrict that"
        );
    }
    if config.policy.weights.is_empty() {
        warn!("no [[weights]] rules: registered members will not be confident");
    }
    info!(address = %bound, "listening");
    tell_systemd(sd_notify::NotifyState::Ready);
}

fn tell_systemd(state: sd_notify::NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        warn!("cannot notify systemd: {error}");
    }
}

async fn stopped(mut terminate: Signal, mut interrupt: Signal) -> &'static str {
    tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    }
}
