//! Is the server healthy? A command's exit code or an HTTP status says.

use std::error::Error as _;
use std::fmt;
use std::io;
use std::num::NonZeroU32;
use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use reqwest::{Client, Url, redirect};
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// A check and how often it is made.
#[derive(Clone, Debug)]
pub struct Check {
    /// What is asked.
    pub probe: Probe,
    /// From the end of one to the start of the next.
    pub interval: Duration,
    /// One that takes longer has failed.
    pub timeout: Duration,
    /// So many successes in a row make the server healthy.
    pub rise: NonZeroU32,
    /// So many failures in a row make it ill.
    pub fall: NonZeroU32,
}

/// What is asked.
#[derive(Clone, Debug)]
pub enum Probe {
    /// Run by `/bin/sh -c`; exit code 0 means healthy.
    Command(String),
    /// A GET; 2xx and 3xx mean healthy. Redirects are not followed, proxies not used.
    Http {
        /// What is got.
        url: Url,
        /// Who gets it.
        client: Client,
    },
}

/// Why the server counts as ill.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// No answer in time.
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    /// The command could not be run.
    #[error("the command cannot be run: {0}")]
    Spawn(io::Error),
    /// The command says so.
    #[error("the command ended with {0}")]
    Exit(std::process::ExitStatus),
    /// No HTTP response.
    #[error("{0}")]
    NoResponse(String),
    /// The response says so.
    #[error("HTTP status {0}")]
    Status(reqwest::StatusCode),
}

impl Probe {
    /// A GET of this URL.
    ///
    /// # Errors
    /// One line, if it is no URL that can be got.
    pub fn http(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|error| format!("{text:?} is no URL: {error}"))?;
        let is_tls = match url.scheme() {
            "http" => false,
            "https" => true,
            other => {
                return Err(format!(
                    "{text:?} is of scheme {other}: write http or https"
                ));
            }
        };
        let client = Client::builder()
            .redirect(redirect::Policy::none())
            .no_proxy()
            // A server that takes no new connections is not healthy.
            .pool_max_idle_per_host(0)
            .user_agent(concat!("sasp-ctl/", env!("CARGO_PKG_VERSION")))
            .tls_built_in_root_certs(is_tls)
            .build()
            .map_err(|error| format!("{text:?} cannot be checked: {}", causes(&error)))?;
        Ok(Self::Http { url, client })
    }

    /// Asks, for `limit` at most.
    ///
    /// # Errors
    /// Why the server counts as ill.
    pub async fn ask(&self, limit: Duration) -> Result<(), Failure> {
        match self {
            Self::Command(command) => run(command, limit).await,
            Self::Http { url, client } => get(client, url.clone(), limit).await,
        }
    }
}

/// As it was written.
impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Command(command) => f.write_str(command),
            Self::Http { url, .. } => write!(f, "{url}"),
        }
    }
}

async fn get(client: &Client, url: Url, limit: Duration) -> Result<(), Failure> {
    let response = match timeout(limit, client.get(url).send()).await {
        Ok(response) => response.map_err(|error| Failure::NoResponse(causes(&error)))?,
        Err(_) => return Err(Failure::Timeout(limit)),
    };
    let status = response.status();
    match status.is_success() || status.is_redirection() {
        true => Ok(()),
        false => Err(Failure::Status(status)),
    }
}

/// What is at the bottom of an error; at its top it only says that it is one.
fn causes(error: &reqwest::Error) -> String {
    let mut bottom: &dyn std::error::Error = error;
    while let Some(source) = bottom.source() {
        bottom = source;
    }
    match error.source() {
        Some(_) => bottom.to_string(),
        None => error.to_string(),
    }
}

async fn run(command: &str, limit: Duration) -> Result<(), Failure> {
    let mut child = Command::new("/bin/sh")
        .args(["-c", command])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .map_err(Failure::Spawn)?;
    let group = Group::of(&child);
    let Ok(ended) = timeout(limit, child.wait()).await else {
        drop(group);
        // Killed, so it ends; and nobody else would take its exit status.
        child.wait().await.map_err(Failure::Spawn)?;
        return Err(Failure::Timeout(limit));
    };
    let status = ended.map_err(Failure::Spawn)?;
    group.disarm();
    match status.success() {
        true => Ok(()),
        false => Err(Failure::Exit(status)),
    }
}

/// The process group of a command that runs; killed when dropped.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Self(id.map(Pid::from_raw))
    }

    /// The command has ended, and its id may be somebody else's soon.
    fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0
            && let Err(error) = killpg(group, Signal::SIGKILL)
        {
            tracing::debug!(%group, "cannot kill the check's process group: {error}");
        }
    }
}
