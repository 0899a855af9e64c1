//! Which GWM a command speaks with, and how: flags that several commands share.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use super::failure::Failure;
use crate::config::endpoint::GwmAddress;
use crate::session::Target;
use crate::tls::{ClientFiles, ClientTls, KeyPair};

/// Where the GWM is and how to speak with it.
#[derive(clap::Args, Clone, Debug)]
#[command(next_help_heading = "GWM")]
pub(super) struct GwmTarget {
    /// The GWM, port 3860 unless given
    #[arg(long, value_name = "HOST[:PORT]")]
    gwm: String,
    /// Local address to connect from
    #[arg(long, value_name = "ADDR")]
    source: Option<IpAddr>,
    /// Speak TLS with a GWM whose certificate one of these CAs has issued (PEM)
    #[arg(long, value_name = "FILE")]
    tls_ca: Option<PathBuf>,
    /// Certificate to show to the GWM (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_key", requires = "tls_ca")]
    tls_cert: Option<PathBuf>,
    /// Private key of that certificate (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert", requires = "tls_ca")]
    tls_key: Option<PathBuf>,
    /// Name that the GWM's certificate must have [default: HOST]
    #[arg(long, value_name = "NAME", requires = "tls_ca")]
    tls_name: Option<String>,
}

impl GwmTarget {
    /// What [`crate::session::dial`] takes. Warnings about the files go to the log.
    ///
    /// # Errors
    /// An impossible address, or files that are of no use.
    pub(super) fn target(&self) -> Result<Target, Failure> {
        let GwmAddress { host, port } = GwmAddress::parse(&self.gwm)
            .map_err(|reason| Failure::Usage(format!("--gwm: {reason}")))?;
        if let (Some(source), Ok(address)) = (self.source, host.parse::<IpAddr>())
            && source.is_ipv4() != address.is_ipv4()
        {
            return Err(Failure::Usage(format!(
                "--source: {source} cannot reach {address}: give a source address of the same family"
            )));
        }
        Ok(Target {
            host,
            port,
            source: self.source,
            tls: self.tls()?,
        })
    }

    fn tls(&self) -> Result<Option<Arc<ClientTls>>, Failure> {
        let Some(ca) = self.tls_ca.clone() else {
            return Ok(None);
        };
        let pair = self.tls_cert.clone().zip(self.tls_key.clone());
        let files = ClientFiles {
            ca,
            pair: pair.map(|(cert, key)| KeyPair { cert, key }),
            server_name: self.tls_name.clone(),
        };
        let tls =
            ClientTls::load(files).map_err(|error| Failure::Usage(format!("TLS: {error}")))?;
        for warning in tls.warnings() {
            tracing::warn!("{warning}");
        }
        Ok(Some(Arc::new(tls)))
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        gwm: GwmTarget,
    }

    fn parse(flags: &str) -> Result<Target, String> {
        let words = std::iter::once("x").chain(flags.split_whitespace());
        let command = Command::try_parse_from(words).map_err(|error| error.to_string())?;
        command.gwm.target().map_err(|failure| match failure {
            Failure::Usage(line) => line,
            failure => panic!("not a matter of usage: {failure:?}"),
        })
    }

    #[test]
    fn flags_name_a_gwm() {
        for (flags, shown) in [
            ("--gwm gwm.example.net", "gwm.example.net:3860"),
            ("--gwm ::1 --source ::2", "[::1]:3860"),
            ("--gwm [::1]:9", "[::1]:9"),
        ] {
            let target = parse(flags).unwrap();
            assert_eq!(target.to_string(), shown);
            assert_eq!(target.tls, None);
        }
    }

    #[test]
    fn flags_that_contradict_each_other_or_name_no_file_are_refused() {
        for (flags, reason) in [
            ("", "--gwm"),
            ("--gwm a:0", "port"),
            ("--gwm 192.0.2.1 --source ::1", "same family"),
            ("--gwm a --tls-cert c --tls-ca c", "--tls-key"),
            ("--gwm a --tls-key c --tls-ca c", "--tls-cert"),
            ("--gwm a --tls-cert c --tls-key k", "--tls-ca"),
            ("--gwm a --tls-name n", "--tls-ca"),
            (
                "--gwm a --tls-ca /nowhere/ca.pem",
                "/nowhere/ca.pem: cannot be read",
            ),
        ] {
            let refused = parse(flags).unwrap_err();
            assert!(refused.contains(reason), "{flags}: {refused}");
        }
    }
}
