//! The Debian package, installed, run and removed in a root directory of its own.
//!
//! There is nothing in it but dpkg's lists and a busybox, for the package's scripts and the
//! service's `kill`: what else the package needs it must bring.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use nix::unistd::geteuid;

use super::tally::Tally;
use crate::package;
use crate::process::{capture, find, run as run_to_end};
use crate::setup::Emulator;
use crate::workspace;

/// The service, as a path in the root directory.
const SERVICE: &str = "usr/lib/systemd/system/tracer-record.service";
/// What an administrator may change.
const SETTINGS: &str = "etc/default/tracer";

/// Tries the package of a binary.
pub fn run(tracer: &Path, emulator: &Emulator) -> Tally {
    if !geteuid().is_root() {
        return Tally::skipped("skip package (needs root, for chroot)");
    }
    let tried = match attempt(tracer, emulator) {
        Ok(Unit::Verified) => return Tally::passed("ok package"),
        Ok(Unit::Unseen) => Tally::passed("ok package, but for its unit"),
        Err(error) => return Tally::failed(&format!("FAIL package: {error:#}")),
    };
    let mut both =
        Tally::skipped("skip package unit (no systemd-analyze; it is in the package systemd)");
    both += tried;
    both
}

/// What is known of the service's unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    /// systemd-analyze has found nothing wrong with it.
    Verified,
    /// There is no systemd-analyze.
    Unseen,
}

fn attempt(tracer: &Path, emulator: &Emulator) -> Result<Unit> {
    let package = package::package(tracer, emulator.arch)?;
    let root = &system(&emulator.busybox)?;
    run_to_end(dpkg(root).arg("--install").arg(&package))?;
    is_of_use(root)?;
    let unit = verify(root, find("systemd-analyze").as_deref())?;
    fs::write(root.join(SETTINGS), "TRACER_ARGUMENTS=changed\n")?;
    // What was changed stays when the package comes again, and when it goes.
    run_to_end(dpkg(root).arg("--install").arg(&package))?;
    run_to_end(dpkg(root).args(["--remove", "tracer"]))?;
    ensure!(
        !root.join("usr/bin/tracer").exists(),
        "removed, the program is still there"
    );
    let settings =
        fs::read_to_string(root.join(SETTINGS)).context("removed, the settings are gone")?;
    ensure!(
        settings.contains("changed"),
        "the settings were overwritten"
    );
    fs::create_dir_all(root.join("var/lib/tracer"))?;
    run_to_end(dpkg(root).args(["--purge", "tracer"]))?;
    for gone in [SETTINGS, SERVICE, "var/lib/tracer", "usr/share/man"] {
        ensure!(!root.join(gone).exists(), "purged, {gone} is still there");
    }
    Ok(unit)
}

/// A system with nothing but a shell.
fn system(busybox: &Path) -> Result<std::path::PathBuf> {
    let root = workspace::emptied("system")?;
    for directory in ["bin", "var/lib/dpkg/info", "var/lib/dpkg/updates"] {
        fs::create_dir_all(root.join(directory))?;
    }
    for list in ["status", "available"] {
        fs::write(root.join("var/lib/dpkg").join(list), "")?;
    }
    fs::copy(busybox, root.join("bin/busybox"))?;
    for applet in ["sh", "rm", "kill"] {
        symlink("busybox", root.join("bin").join(applet))?;
    }
    Ok(root)
}

fn dpkg(root: &Path) -> Command {
    let mut dpkg = Command::new("dpkg");
    dpkg.arg(format!("--root={}", root.display()));
    dpkg
}

/// The program runs, and has what belongs to it.
fn is_of_use(root: &Path) -> Result<()> {
    fs::copy(
        workspace::root().join("samples/sockmap.rec"),
        root.join("sample"),
    )?;
    let graph = capture(Command::new("chroot").arg(root).args([
        "/usr/bin/tracer",
        "replay",
        "-n",
        "1",
        "/sample",
    ]))?;
    ensure!(
        graph.contains("|  __sys_sendto() {"),
        "the program printed {graph:?}"
    );
    for file in [
        "usr/share/man/man1/tracer-record.1.gz",
        "usr/share/bash-completion/completions/tracer",
        SETTINGS,
    ] {
        ensure!(root.join(file).exists(), "no {file}");
    }
    Ok(())
}

/// Has systemd read the service, if it is there.
fn verify(root: &Path, analyze: Option<&Path>) -> Result<Unit> {
    let Some(analyze) = analyze else {
        return Ok(Unit::Unseen);
    };
    // It looks for manual pages in the system that it runs on.
    run_to_end(
        Command::new(analyze)
            .args(["verify", "--man=no", "--recursive-errors=no"])
            .arg(format!("--root={}", root.display()))
            .arg(Path::new("/").join(SERVICE)),
    )
    .context("the service")?;
    Ok(Unit::Verified)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_that_nothing_reads_is_not_verified() {
        assert_eq!(verify(Path::new("/"), None).unwrap(), Unit::Unseen);
    }
}
