//! `tls` of a `[[gwm]]`: the files, which must be good.

use std::sync::Arc;

use toml::Spanned;

use super::super::error::ConfigError;
use super::super::raw::RawTls;
use super::super::source::Source;
use super::super::table::Table;
use crate::tls::{ClientFiles, ClientTls, KeyPair};

pub(super) fn tls(
    raw: &Spanned<Table<RawTls>>,
    source: &Source,
    warnings: &mut Vec<String>,
) -> Result<Arc<ClientTls>, ConfigError> {
    let table = raw.get_ref();
    let path = |text: &Spanned<String>| source.resolve(text.get_ref());
    let pair = match (&table.cert, &table.key) {
        (None, None) => None,
        (Some(cert), Some(key)) => Some(KeyPair {
            cert: path(cert),
            key: path(key),
        }),
        (Some(lonely), None) => {
            return Err(source.error(lonely, "`cert` needs its private key: add `key`"));
        }
        (None, Some(lonely)) => {
            return Err(source.error(lonely, "`key` needs its certificate: add `cert`"));
        }
    };
    let files = ClientFiles {
        ca: path(&table.ca),
        pair,
        server_name: table
            .server_name
            .as_ref()
            .map(|name| name.get_ref().clone()),
    };
    let tls = ClientTls::load(files).map_err(|error| source.error(raw, error.to_string()))?;
    warnings.extend(tls.warnings().iter().cloned());
    Ok(Arc::new(tls))
}
