//! bpftrace, which tracer is compared with: Debian's newest, with all that it is linked to, as a directory that becomes the root of a guest's process.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::process::{run, say};
use crate::setup::{self, Archive};
use crate::workspace;

const SUITE: &str = "http://deb.debian.org/debian sid";

/// The directory, downloaded if it has to be (66 MiB).
pub fn root() -> Result<PathBuf> {
    let directory = workspace::cache().join("bpftrace");
    if directory.exists() {
        return Ok(directory);
    }
    let _lock = setup::lock()?;
    say("downloading bpftrace of Debian sid");
    let archive = Archive::open(&workspace::cache().join("apt").join("bpftrace"), &[SUITE])?;
    archive.update()?;
    let new = directory.with_extension("new");
    if new.exists() {
        fs::remove_dir_all(&new)?;
    }
    for package in archive.download_with_dependencies("bpftrace")? {
        run(Command::new("dpkg-deb").arg("-x").args([&package, &new]))?;
    }
    fs::remove_dir_all(new.join("usr/share/doc"))?;
    // As Debian's base-files has them.
    for name in ["lib", "lib64"] {
        symlink(format!("usr/{name}"), new.join(name))?;
    }
    for name in ["dev", "proc", "sys", "tmp"] {
        fs::create_dir_all(new.join(name))?;
    }
    fs::rename(&new, &directory)
        .with_context(|| format!("cannot create {}", directory.display()))?;
    Ok(directory)
}
