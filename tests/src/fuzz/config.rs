//! Config files: taken, or refused in words that help.

use std::path::Path;

use sasp_ctl::config::{self, ConfigError, Flags};

/// Bytes as the file of `sasp-ctl attach`.
///
/// # Panics
/// If a refusal says nothing.
pub fn attach_config(data: &[u8]) {
    judge("sasp-ctl.toml", data, |path, text| {
        config::from_text(path, text, &Flags::default()).map(drop)
    });
}

/// Bytes as the file of `sasp-ctl gwm`.
///
/// # Panics
/// If a refusal says nothing.
pub fn gwm_config(data: &[u8]) {
    judge("gwm.toml", data, |path, text| {
        sasp_ctl::gwm::config::from_text(path, text).map(drop)
    });
}

fn judge(file: &str, data: &[u8], parse: impl Fn(&Path, String) -> Result<(), ConfigError>) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let judged = || parse(Path::new(file), text.to_owned()).map_err(|error| error.to_string());
    let first = judged();
    assert_eq!(first, judged(), "the same text, another verdict");
    if let Err(error) = first {
        assert!(error.contains(file), "{error:?} names no file");
        assert!(!error.trim().is_empty());
        assert!(!error.contains('\n'), "{error:?} is more than a line");
    }
}
