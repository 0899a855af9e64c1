//! A real web server on a member: nginx, with a page that says whose it is.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::http;
use super::process::Process;
use super::site::{Host, Site};
use super::wait::until_true;

/// The port.
pub const PORT: u16 = 80;

const START: Duration = Duration::from_secs(10);

/// nginx on a member, serving the member's name on port 80 of every address.
#[derive(Debug)]
pub struct Nginx {
    process: Process,
}

impl Nginx {
    /// Starts it and waits until it answers.
    ///
    /// # Errors
    /// If it cannot be started or does not answer; with what it logged.
    pub fn start(site: &Site, member: &Host) -> Result<Self> {
        let directory = write_files(site, member)?;
        let mut command = member.namespace.command("nginx")?;
        command
            .arg("-p")
            .arg(&directory)
            .args(["-c", "nginx.conf", "-e", "error.log"]);
        let process = Process::start("nginx", &mut command, &directory.join("output.log"))?;
        let nginx = Self { process };
        let address = SocketAddr::from((member.ipv4(), PORT));
        member
            .namespace
            .inside(|| until_true(START, "nginx", || Ok(http::get(address).is_ok())))?
            .with_context(|| nginx.process.log())?;
        Ok(nginx)
    }

    /// Kills it.
    ///
    /// # Errors
    /// If it cannot be waited for.
    pub fn kill(self) -> Result<()> {
        self.process.kill()
    }
}

fn write_files(site: &Site, member: &Host) -> Result<PathBuf> {
    let directory = site.file(&member.name);
    let root = directory.join("html");
    fs::create_dir_all(&root)?;
    fs::write(root.join("index.html"), format!("{}\n", member.name))?;
    fs::write(directory.join("nginx.conf"), config())?;
    Ok(directory)
}

/// One worker is plenty; everything that nginx writes stays in its directory.
fn config() -> String {
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|kind| format!("    {kind}_temp_path {kind};\n"))
        .collect();
    format!(
        "daemon off;\n\
         user root;\n\
         worker_processes 1;\n\
         pid nginx.pid;\n\
         events {{ worker_connections 4096; }}\n\
         http {{\n\
         {temporary}    \
             access_log off;\n    \
             keepalive_requests 1000000;\n    \
             keepalive_timeout 1h;\n    \
             server {{\n        \
                 listen {PORT} backlog=4096;\n        \
                 listen [::]:{PORT} backlog=4096;\n        \
                 root html;\n    \
             }}\n\
         }}\n"
    )
}
