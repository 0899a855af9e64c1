//! Overrides in a file, replaced as a whole: a crash at any moment leaves the old ones or the new ones.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::{At, ByHand};
use crate::config::{file, member_key, name};
use crate::gwm::sources::Override;
use crate::sasp::msg::Name;

/// Of what stands in the file.
const VERSION: u32 = 1;

/// Where overrides are kept. One GWM each: the last one to write would win.
#[derive(Debug)]
pub(super) struct StateFile {
    path: PathBuf,
    /// What is there makes no sense to us, but may to somebody.
    is_unreadable: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    version: u32,
    overrides: Vec<SavedOverride>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedOverride {
    group: String,
    member: String,
    uid: Option<String>,
    weight: Option<u16>,
    quiesce: bool,
    /// Seconds since 1970.
    since: u64,
}

impl StateFile {
    /// What is kept there, or why that cannot be told. No file keeps nothing.
    pub(super) fn open(path: &Path) -> (Self, Result<BTreeMap<At, ByHand>, String>) {
        let found = match path.try_exists() {
            Ok(false) => Ok(BTreeMap::new()),
            Ok(true) => file::read(path, "").and_then(|text| parse(&text)),
            Err(error) => Err(format!("cannot be read: {error}")),
        };
        let file = Self {
            path: path.to_owned(),
            is_unreadable: found.is_err(),
        };
        (file, found)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Keeps these and no others.
    pub(super) fn write(&mut self, entries: &BTreeMap<At, ByHand>) -> io::Result<()> {
        let saved = Saved {
            version: VERSION,
            overrides: entries.iter().map(SavedOverride::new).collect(),
        };
        let mut text = serde_json::to_vec_pretty(&saved)?;
        text.push(b'\n');
        let directory = self.path.parent().unwrap_or(Path::new("/"));
        fs::create_dir_all(directory)?;
        if self.is_unreadable {
            fs::rename(&self.path, self.beside(".unreadable"))?;
            self.is_unreadable = false;
        }
        let new = self.beside(".new");
        let mut file = File::options()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&new)?;
        file.write_all(&text)?;
        file.sync_all()?;
        fs::rename(&new, &self.path)?;
        // The new name must survive a power cut as well.
        File::open(directory)?.sync_all()
    }

    fn beside(&self, suffix: &str) -> PathBuf {
        let mut name = OsString::from(&self.path);
        name.push(suffix);
        name.into()
    }
}

impl SavedOverride {
    fn new((at, by_hand): (&At, &ByHand)) -> Self {
        // Names that an operator may write are text.
        let text = |name: &Name| String::from_utf8_lossy(name.as_bytes()).into_owned();
        let since = by_hand.since.duration_since(SystemTime::UNIX_EPOCH);
        Self {
            group: text(&at.group),
            member: at.member.to_string(),
            uid: at.balancer.as_ref().map(text),
            weight: by_hand.says.weight,
            quiesce: by_hand.says.quiesce,
            since: since.map_or(0, |since| since.as_secs()),
        }
    }

    fn restored(&self) -> Result<(At, ByHand), String> {
        let name = |text: &str| {
            name::parse(text, Name::MAX).map_err(|reason| format!("the name {text:?} {reason}"))
        };
        let since = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(self.since));
        let at = At {
            group: name(&self.group)?,
            member: member_key::parse(&self.member)?,
            balancer: self.uid.as_deref().map(name).transpose()?,
        };
        let says = Override {
            weight: self.weight,
            quiesce: self.quiesce,
        };
        let since = since.ok_or_else(|| format!("{} is no time", self.since))?;
        Ok((at, ByHand { says, since }))
    }
}

fn parse(text: &str) -> Result<BTreeMap<At, ByHand>, String> {
    let saved: Saved = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if saved.version != VERSION {
        return Err(format!("is of version {}, not {VERSION}", saved.version));
    }
    saved
        .overrides
        .iter()
        .map(SavedOverride::restored)
        .collect()
}
