//! `sasp-ctl gwm`: sockets, timers, files and log lines around the state machine in [`crate::sasp::gwm`].
//!
//! Nothing about SASP is decided here. A connection is a task; all of them share the state machine behind one lock,
//! which no task holds while it waits for anything.
//!
//! # Layout
//! * [`config`]: `gwm.toml`. `reload`: that file, read again.
//! * [`sources`]: where weights come from.
//! * `hub`: the shared state machine. `server`: accepting. `connection`: one peer. `budget`: memory for all peers.
//! * `log`: events as lines. `throttle`: not too many of them.
//! * [`control`]: HTTP/JSON on sockets. `overrides`: what the operator says by hand. `metrics`, `record`: what there is
//!   to see.

#[cfg(test)]
mod bed;
mod budget;
pub mod config;
mod connection;
pub mod control;
mod hub;
mod log;
mod metrics;
mod overrides;
mod record;
mod reload;
mod server;
mod socket;
pub mod sources;
mod throttle;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tracing::{info, warn};

use crate::config::ConfigError;
use crate::sasp::gwm::Admission;
use config::Config;
use control::{About, Context, Place};
use hub::Hub;
use overrides::Overrides;
use reload::ConfigFile;
use sources::Sources;

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
    /// The control socket or the status page cannot be there.
    #[error("{0}")]
    Control(String),
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

/// What a GWM is asked to be.
#[derive(Debug)]
pub struct Setup {
    /// The configuration; without a file there are no rules.
    pub file: Option<PathBuf>,
    /// Where to listen, whatever the file says.
    pub listen: Option<SocketAddr>,
    /// Its name, and where its control socket is.
    pub place: Place,
}

/// Serves until SIGTERM or SIGINT.
///
/// # Errors
/// Only before it serves. Later, what goes wrong is logged and concerns one connection or one reload.
pub async fn run(setup: Setup) -> Result<(), StartError> {
    let loaded = setup.file.as_deref().map(ConfigFile::load);
    let mut file = loaded.transpose()?;
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

    let address = setup.listen.unwrap_or(config.listen);
    let cannot_listen = |source| StartError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(cannot_listen)?;
    let bound = listener.local_addr().map_err(cannot_listen)?;
    let sockets = control::bind(&setup.place, config.status).map_err(StartError::Control)?;

    let hub = Arc::new(Hub::new(&config));
    // Without a file, there is no TLS and nobody who could change that.
    let tls = match &file {
        Some(file) => file.tls(),
        None => watch::Sender::new(None).subscribe(),
    };
    let sources = Arc::new(Sources::new(Arc::clone(&hub), &config));
    let overrides = Overrides::load(config.state.as_deref(), &sources);
    let about = About {
        instance: setup.place.instance.to_string(),
        listen: bound,
        config: setup.file,
    };
    let context = Context::new((&hub, &sources), about, overrides);
    let missing = sockets.missing.clone();
    let serving = sockets.serve(&context).map_err(|error| {
        StartError::Control(format!("cannot serve the control socket: {error}"))
    })?;
    announce(&config, bound, missing.as_deref());

    let reloads = async {
        match &mut file {
            Some(file) => reload::follow(file, &sources, hangup).await,
            None => reload::nothing_to_reload(hangup).await,
        }
    };
    tokio::select! {
        () = server::accept(listener, &hub, &tls) => {}
        () = hub.keep_time() => {}
        () = hub.report_counters() => {}
        () = hub.report_kept_back() => {}
        () = reloads => {}
        () = sources::ask(&sources) => {}
        name = stopped(terminate, interrupt) => info!("stopping on {name}"),
    }
    hub.end_log_window();
    tell_systemd(sd_notify::NotifyState::Stopping);
    serving.stop().await;
    Ok(())
}

fn announce(config: &Config, bound: SocketAddr, no_socket: Option<&str>) {
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
    if config.rules.is_empty() {
        warn!("no [[weights]] rules: registered members will not be confident");
    }
    if let Some(why) = no_socket {
        warn!(
            "no control socket: `sasp-ctl gwm status`, `set` and the like will not reach this GWM: {why}"
        );
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
