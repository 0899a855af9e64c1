//! `tls`: the files, which must be good, and whether peers need a certificate.

use std::sync::Arc;

use toml::Spanned;

use super::super::raw::RawTls;
use crate::config::ConfigError;
use crate::config::source::Source;
use crate::config::table::Table;
use crate::config::values::word;
use crate::tls::{ClientCertificates, KeyPair, ServerFiles, ServerTls};

pub(super) fn tls(
    raw: &Spanned<Table<RawTls>>,
    source: &Source,
    warnings: &mut Vec<String>,
) -> Result<Arc<ServerTls>, ConfigError> {
    let table = raw.get_ref();
    let path = |text: &Spanned<String>| source.resolve(text.get_ref());
    let files = ServerFiles {
        pair: KeyPair {
            cert: path(&table.cert),
            key: path(&table.key),
        },
        ca: path(&table.ca),
        client_certificates: word(
            &table.client_certificates,
            ClientCertificates::default(),
            &[
                ("required", ClientCertificates::Required),
                ("optional", ClientCertificates::Optional),
            ],
            source,
        )?,
    };
    let tls = ServerTls::load(files).map_err(|error| source.error(raw, error.to_string()))?;
    warnings.extend(tls.warnings().iter().cloned());
    Ok(Arc::new(tls))
}
