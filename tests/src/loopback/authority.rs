//! A CA of its own and what it issues, made by `openssl`.

use std::path::PathBuf;
use std::process::{Command, Stdio};

/// A directory with `ca.pem`, and `NAME.pem` and `NAME.key` for everybody who was issued a certificate.
#[derive(Debug)]
pub struct Authority {
    directory: tempfile::TempDir,
}

impl Authority {
    /// Issues certificates to "gwm", for this host, and to "edge-1".
    #[expect(clippy::new_without_default, reason = "it runs programs")]
    pub fn new() -> Self {
        let authority = Self {
            directory: tempfile::tempdir().unwrap(),
        };
        authority.openssl("req -x509 -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 90 -subj /CN=lab -keyout ca.key -out ca.pem");
        authority.issue("gwm", "DNS:localhost,IP:127.0.0.1");
        authority.issue("edge-1", "DNS:edge-1.example.net");
        authority
    }

    /// A certificate with this common name and these subject alternative names.
    pub fn issue(&self, name: &str, alternatives: &str) {
        std::fs::write(
            self.path("extensions"),
            format!("subjectAltName={alternatives}\n"),
        )
        .unwrap();
        self.openssl(&format!(
            "req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN={name} -keyout new.key -out new.csr"
        ));
        self.openssl("x509 -req -in new.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 90 -extfile extensions -out new.pem");
        // The key first: a certificate that finds another key would be refused.
        for kind in ["key", "pem"] {
            let issued = self.path(&format!("{name}.{kind}"));
            std::fs::rename(self.path(&format!("new.{kind}")), issued).unwrap();
        }
    }

    /// A file in the directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The certificate, the key and the CA, as the flags of `openssl s_client` and `s_server` name them.
    pub fn flags(&self, name: &str) -> Vec<String> {
        let path = |name: &str| self.path(name).display().to_string();
        let pairs = [
            ("-cert", path(&format!("{name}.pem"))),
            ("-key", path(&format!("{name}.key"))),
            ("-CAfile", path("ca.pem")),
        ];
        pairs
            .into_iter()
            .flat_map(|(flag, path)| [flag.to_owned(), path])
            .collect()
    }

    fn openssl(&self, arguments: &str) {
        let output = Command::new("openssl")
            .args(arguments.split(' '))
            .current_dir(self.directory.path())
            .stdin(Stdio::null())
            .output()
            .expect("openssl is installed: `cargo xtask setup` brings it");
        assert!(output.status.success(), "{arguments}: {output:?}");
    }
}
