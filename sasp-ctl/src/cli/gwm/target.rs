//! Which GWM of this host a command is about, and where its control socket is.

use crate::cli::client::Server;
use crate::cli::failure::Failure;
use crate::cli::target;
use crate::datapath::Instance;
use crate::gwm::control::Place;

/// The name of a GWM that was not given one.
const DEFAULT: &str = "gwm";

/// Chooses a GWM where a host has several.
#[derive(clap::Args, Debug)]
pub(super) struct Choice {
    /// The GWM's name, where a host has several [default: gwm]
    #[arg(long, value_name = "NAME")]
    instance: Option<String>,
}

impl Choice {
    /// Where the chosen one has its control socket.
    ///
    /// # Errors
    /// Its name is none.
    pub(super) fn place(&self) -> Result<Place, Failure> {
        let name = self.instance.as_deref();
        let instance = Instance::new(name.unwrap_or(DEFAULT))
            .map_err(|error| Failure::Usage(format!("--instance: {error}")))?;
        Ok(Place {
            run: target::places().run,
            instance,
            is_default: name.is_none() && !target::names_run_dir(),
        })
    }

    /// The chosen one, to be asked.
    ///
    /// # Errors
    /// Its name is none.
    pub(super) fn server(&self) -> Result<Server, Failure> {
        let place = self.place()?;
        Ok(Server {
            socket: place.socket(),
            name: format!("the GWM of instance {}", place.instance),
            if_absent: " on this host: start `sasp-ctl gwm`, or name another one with --instance",
            if_stuck: "",
        })
    }
}
