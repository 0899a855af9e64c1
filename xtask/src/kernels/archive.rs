//! The distribution's archive, through an apt configuration of our own: other suites than the system's can be asked
//! for, and nothing of the system's changes.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};

#[cfg(test)]
mod tests;

/// Where the distribution's keys may lie.
const KEYRINGS: [&str; 2] = [
    "/usr/share/keyrings/debian-archive-keyring.pgp",
    "/usr/share/keyrings/debian-archive-keyring.gpg",
];

/// Suites of the distribution, with their package lists.
#[derive(Debug)]
pub(super) struct Archive {
    directory: PathBuf,
}

/// An archive that the system's sources name.
#[derive(Debug, PartialEq, Eq)]
struct Mirror {
    uri: String,
    suite: String,
    label: String,
}

impl Archive {
    /// Fetches the package lists of these suites from where the system gets its own.
    ///
    /// # Errors
    /// If the system is no Debian, or a suite cannot be had.
    pub(super) fn open(directory: &Path, suites: &[&str]) -> Result<Self> {
        let mirrors = mirrors()?;
        let keyring = KEYRINGS.into_iter().find(|path| Path::new(path).exists());
        let sources = sources(&mirrors, suites, keyring)?;
        Self::with_sources(directory, &sources)
    }

    /// The same with the system's suites.
    ///
    /// # Errors
    /// If the system is no Debian, or a suite cannot be had.
    pub(super) fn of_the_system(directory: &Path) -> Result<Self> {
        let mirrors = mirrors()?;
        let suites: Vec<_> = mirrors.iter().map(|mirror| mirror.suite.as_str()).collect();
        Self::open(directory, &suites)
    }

    fn with_sources(directory: &Path, sources: &str) -> Result<Self> {
        for part in ["lists/partial", "cache/archives/partial"] {
            let path = directory.join(part);
            fs::create_dir_all(&path).with_context(|| path.display().to_string())?;
        }
        let path = directory.join("sources.list");
        fs::write(&path, sources).with_context(|| path.display().to_string())?;
        let archive = Self {
            directory: directory.to_owned(),
        };
        output(archive.apt("apt-get").arg("update"))?;
        Ok(archive)
    }

    /// Names of packages that match a regular expression.
    pub(super) fn names(&self, pattern: &str) -> Result<Vec<String>> {
        let found = output(
            self.apt("apt-cache")
                .args(["search", "--names-only", pattern]),
        )?;
        let names = found
            .lines()
            .filter_map(|line| line.split_whitespace().next());
        Ok(names.map(str::to_owned).collect())
    }

    /// Names of packages that a package depends on directly.
    pub(super) fn dependencies(&self, package: &str) -> Result<Vec<String>> {
        let found = output(self.apt("apt-cache").args(["depends", package]))?;
        let names = found.lines().filter_map(|line| {
            line.trim_start_matches([' ', '|'])
                .strip_prefix("Depends: ")
        });
        Ok(names.map(str::to_owned).collect())
    }

    /// Unpacks packages into a directory, which becomes that in one step.
    pub(super) fn unpack(&self, packages: &[String], destination: &Path) -> Result<()> {
        let packed = self.fresh("packed")?;
        output(
            self.apt("apt-get")
                .arg("download")
                .args(packages)
                .current_dir(&packed),
        )?;
        self.unpack_all(&packed, destination)
    }

    /// The same with all that the packages need and the system does not have.
    pub(super) fn unpack_with_needs(&self, packages: &[&str], destination: &Path) -> Result<()> {
        let packed = self.fresh("packed")?;
        fs::create_dir(packed.join("partial"))?;
        output(
            self.apt("apt-get")
                .args(["install", "--download-only", "--yes"])
                .arg("--no-install-recommends")
                .arg(format!("-oDir::Cache::Archives={}", packed.display()))
                .args(packages),
        )?;
        self.unpack_all(&packed, destination)
    }

    fn unpack_all(&self, packed: &Path, destination: &Path) -> Result<()> {
        let unpacked = self.fresh("unpacked")?;
        for entry in fs::read_dir(packed)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "deb") {
                output(Command::new("dpkg-deb").arg("-x").args([&path, &unpacked]))?;
            }
        }
        fs::remove_dir_all(packed)?;
        fs::rename(&unpacked, destination)
            .with_context(|| format!("cannot make {}", destination.display()))
    }

    /// An empty directory of that name, whatever a former run has left there.
    fn fresh(&self, name: &str) -> Result<PathBuf> {
        let path = self.directory.join(name);
        if path.exists() {
            fs::remove_dir_all(&path)?;
        }
        fs::create_dir(&path).with_context(|| path.display().to_string())?;
        Ok(path)
    }

    fn apt(&self, program: &str) -> Command {
        let at = |option: &str, name: &str| {
            format!("-o{option}={}", self.directory.join(name).display())
        };
        let mut command = Command::new(program);
        command
            .args([
                at("Dir::Etc::SourceList", "sources.list"),
                at("Dir::State::Lists", "lists"),
                at("Dir::Cache", "cache"),
            ])
            .arg("-oDir::Etc::SourceParts=/dev/null")
            // Nothing that another apt could disturb is written.
            .arg("-oDebug::NoLocking=1")
            // Its user may not be let into our directories.
            .arg("-oAPT::Sandbox::User=root")
            .arg("-oAcquire::Languages=none")
            .arg("-oAcquire::IndexTargets::deb::DEP-11::DefaultEnabled=false");
        command
    }
}

/// Where the system gets the distribution's packages.
fn mirrors() -> Result<Vec<Mirror>> {
    let format = "$(ORIGIN)\t$(REPO_URI)\t$(RELEASE)\t$(LABEL)";
    let targets = output(Command::new("apt-get").args([
        "indextargets",
        "--format",
        format,
        "Created-By: Packages",
    ]))
    .context("the kernels come through apt, from Debian's archive")?;
    let mirrors: Vec<_> = targets.lines().filter_map(mirror).collect();
    ensure!(
        !mirrors.is_empty(),
        "apt knows no archive of Debian, whose kernels are wanted: add one and run `apt-get update`"
    );
    Ok(mirrors)
}

fn mirror(line: &str) -> Option<Mirror> {
    let [origin, uri, suite, label] = line.split('\t').collect::<Vec<_>>().try_into().ok()?;
    (origin == "Debian").then(|| Mirror {
        uri: uri.to_owned(),
        suite: suite.to_owned(),
        label: label.to_owned(),
    })
}

/// The sources.list for these suites: security suites lie in an archive of their own.
fn sources(mirrors: &[Mirror], suites: &[&str], keyring: Option<&str>) -> Result<String> {
    let signed_by = keyring.map_or(String::new(), |path| format!("[signed-by={path}] "));
    let mut lines = String::new();
    for suite in suites {
        let label = match suite.ends_with("-security") {
            true => "Debian-Security",
            false => "Debian",
        };
        let labelled = |mirror: &&Mirror| mirror.label.eq_ignore_ascii_case(label);
        // A machine without security updates can do without those of other kernels.
        if let Some(mirror) = mirrors.iter().find(labelled) {
            lines += &format!("deb {signed_by}{} {suite} main\n", mirror.uri);
        }
    }
    ensure!(
        !lines.is_empty(),
        "apt knows no archive that has {suites:?}"
    );
    Ok(lines)
}

/// What a command prints.
fn output(command: &mut Command) -> Result<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command
        .stdin(Stdio::null())
        .env("LC_ALL", "C")
        .output()
        .with_context(|| format!("cannot run {program}"))?;
    ensure!(
        output.status.success(),
        "{program} failed: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
