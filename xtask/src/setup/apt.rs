//! Debian packages: into the host with the host's own sources, or into the cache from any suite.
//!
//! Kernels of other releases come through apt's own client with a private sources list and private
//! state, so that signatures are checked and nothing of the host's package system is touched. That
//! also works for users who are not root.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::arch::Arch;
use crate::process::{capture, find, run};

const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// Whether packages can be put into this host.
pub fn can_install() -> bool {
    nix::unistd::geteuid().is_root() && is_debian()
}

/// Whether this host has Debian's packages. Its derivatives name other kernels and compilers.
pub fn is_debian() -> bool {
    let debian = |text: String| text.lines().any(|line| line == "ID=debian");
    find("apt-get").is_some() && fs::read_to_string("/etc/os-release").is_ok_and(debian)
}

/// Whether the host's sources offer a package.
pub fn offers(package: &str) -> Result<bool> {
    let policy = capture(
        Command::new("apt-cache")
            .args(["policy", package])
            .env("LC_ALL", "C"),
    )?;
    Ok(policy
        .lines()
        .any(|line| line.trim().starts_with("Candidate:") && !line.contains("(none)")))
}

/// Refreshes the host's package lists.
pub fn update() -> Result<()> {
    run(Command::new("apt-get").args(["update", "-qq", "-o", "DPkg::Lock::Timeout=300"]))
}

/// Installs packages into the host. Package lists may be missing or stale: then they are refreshed
/// first.
pub fn install(packages: &[&str]) -> Result<()> {
    let attempt = || {
        run(Command::new("apt-get")
            .args([
                "install",
                "-qq",
                "--yes",
                "--no-install-recommends",
                "-o",
                "DPkg::Lock::Timeout=300",
            ])
            .args(packages)
            .env("DEBIAN_FRONTEND", "noninteractive"))
    };
    if attempt().is_ok() {
        return Ok(());
    }
    update()?;
    attempt()
}

/// Suites of Debian's archive with apt state of their own.
pub struct Archive {
    dir: PathBuf,
    arch: Arch,
}

impl Archive {
    /// Opens the suites, which are given as one line `URI SUITE` each, for one processor, with the
    /// state kept in `dir`.
    pub fn open(dir: &Path, suites: &[&str], arch: Arch) -> Result<Self> {
        if find("apt-get").is_none() || !Path::new(KEYRING).exists() {
            bail!(
                "kernels come as Debian packages, and apt or {KEYRING} is not here: install `apt`, \
                `dpkg` and \
                 `debian-archive-keyring`, or give a bzImage with `--kernel PATH`"
            );
        }
        for part in ["lists/partial", "archives/partial"] {
            let path = dir.join(part);
            fs::create_dir_all(&path)
                .with_context(|| format!("cannot create {}", path.display()))?;
        }
        let line = |suite: &&str| format!("deb [signed-by={KEYRING}] {suite} main\n");
        let lines: Vec<String> = suites.iter().map(line).collect();
        fs::write(dir.join("sources.list"), lines.concat())?;
        Ok(Self {
            dir: dir.to_path_buf(),
            arch,
        })
    }

    /// Fetches the suites' package lists.
    pub fn update(&self) -> Result<()> {
        run(self.command("apt-get").args(["update", "-qq"]))
    }

    /// The names of the packages that match a regular expression.
    pub fn search(&self, regex: &str) -> Result<Vec<String>> {
        let found = capture(
            self.command("apt-cache")
                .args(["search", "--names-only", regex]),
        )?;
        Ok(found
            .lines()
            .filter_map(|line| line.split_whitespace().next())
            .map(str::to_owned)
            .collect())
    }

    /// Downloads a package and returns the file.
    pub fn download(&self, package: &str) -> Result<PathBuf> {
        let dir = self.dir.join("download");
        // What an interrupted run left there is not to be taken for the new file.
        if dir.exists() {
            fs::remove_dir_all(&dir)?;
        }
        fs::create_dir_all(&dir)?;
        run(self
            .command("apt-get")
            .args(["download", "-qq", package])
            .current_dir(&dir))?;
        let mut files = fs::read_dir(&dir)?;
        let file = files
            .next()
            .with_context(|| format!("apt-get downloaded nothing for {package}"))??;
        Ok(file.path())
    }

    /// Downloads a package and all that it depends on, as if nothing were installed, and returns
    /// the files.
    pub fn download_with_dependencies(&self, package: &str) -> Result<Vec<PathBuf>> {
        run(self.command("apt-get").args([
            "install",
            "-qq",
            "--yes",
            "--download-only",
            "--no-install-recommends",
            package,
        ]))?;
        let entries = fs::read_dir(self.dir.join("archives"))?;
        let paths = entries.map(|entry| Ok(entry?.path()));
        let is_package = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "deb");
        paths
            .filter(|path: &Result<PathBuf>| path.as_ref().is_ok_and(is_package))
            .collect()
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        for (name, value) in [
            (
                "Dir::Etc::sourcelist",
                self.dir.join("sources.list").into_os_string(),
            ),
            ("Dir::Etc::sourceparts", OsString::from("/dev/null")),
            ("Dir::Etc::preferences", OsString::from("/dev/null")),
            ("Dir::Etc::preferencesparts", OsString::from("/dev/null")),
            ("Dir::State::lists", self.dir.join("lists").into_os_string()),
            // The host's installed packages would pin or hide versions.
            ("Dir::State::status", OsString::from("/dev/null")),
            (
                "Dir::Cache::archives",
                self.dir.join("archives").into_os_string(),
            ),
            ("Dir::Cache::pkgcache", OsString::new()),
            ("Dir::Cache::srcpkgcache", OsString::new()),
            ("APT::Architecture", OsString::from(self.arch.debian())),
            ("APT::Architectures", OsString::from(self.arch.debian())),
            // The user `_apt` cannot reach a cache below a home directory.
            ("APT::Sandbox::User", OsString::from("root")),
        ] {
            let mut option = OsString::from(name);
            option.push("=");
            option.push(value);
            command.arg("-o").arg(option);
        }
        command.env("LC_ALL", "C");
        command
    }
}
