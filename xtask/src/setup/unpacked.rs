//! Debian's programs for guests, each with all that it is linked to: as a directory that becomes
//! the root of a guest, or of a process in it.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};

use super::{apt::Archive, lock};
use crate::arch::Arch;
use crate::process::{run, say};
use crate::workspace;

/// What nobody reads in a guest.
const SKIPPED: [&str; 4] = ["doc", "info", "locale", "man"];

/// The directory of a package and what it depends on, from a suite of Debian; downloaded if it has
/// to be.
pub fn unpacked(package: &str, suite: &str, arch: Arch) -> Result<PathBuf> {
    let name = format!("{package}{}", arch.suffix());
    let directory = workspace::cache().join(&name);
    if directory.exists() {
        return Ok(directory);
    }
    let _lock = lock()?;
    // Another xtask may have made it while this one waited.
    if directory.exists() {
        return Ok(directory);
    }
    say(format!("downloading {name} of Debian {suite}"));
    let state = workspace::cache().join("apt").join(name);
    let suite = format!("http://deb.debian.org/debian {suite}");
    let archive = Archive::open(&state, &[&suite], arch)?;
    archive.update()?;
    let new = directory.with_extension("new");
    if new.exists() {
        fs::remove_dir_all(&new)?;
    }
    for package in archive.download_with_dependencies(package)? {
        run(Command::new("dpkg-deb").arg("-x").args([&package, &new]))?;
    }
    for name in SKIPPED {
        match fs::remove_dir_all(new.join("usr/share").join(name)) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    // As Debian's base-files has them.
    for name in ["lib", "lib64"] {
        symlink(format!("usr/{name}"), new.join(name))?;
    }
    for name in ["dev", "proc", "sys", "tmp"] {
        fs::create_dir_all(new.join(name))?;
    }
    fs::remove_dir_all(&state)?;
    fs::rename(&new, &directory)
        .with_context(|| format!("cannot create {}", directory.display()))?;
    Ok(directory)
}
