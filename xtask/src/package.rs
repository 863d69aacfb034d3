//! `cargo xtask package`: a Debian package of what `cargo xtask build` leaves.
//!
//! `dpkg-deb` makes it from a tree and a few files in `packaging`, and every Debian has that. The
//! binary is static, so the package depends on nothing; its version is the workspace's.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::arch::Arch;
use crate::build::{self, COMPLETIONS};
use crate::process::{run, say};
use crate::workspace;

/// A file in the package's tree, its mode, and where it comes from, relative to the workspace.
const FILES: [(&str, u32, &str); 6] = [
    (
        "usr/lib/systemd/system/tracer-record.service",
        0o644,
        "packaging/tracer-record.service",
    ),
    ("etc/default/tracer", 0o644, "packaging/default"),
    (
        "usr/share/doc/tracer/copyright",
        0o644,
        "packaging/copyright",
    ),
    ("DEBIAN/postinst", 0o755, "packaging/postinst"),
    ("DEBIAN/prerm", 0o755, "packaging/prerm"),
    ("DEBIAN/postrm", 0o755, "packaging/postrm"),
];

/// Builds tracer, then the package.
pub fn main(arch: Arch) -> Result<u8> {
    let tracer = build::build(arch)?;
    let package = package(&tracer, arch)?;
    say(format!("made {}", package.display()));
    Ok(0)
}

/// Makes a package of a binary with its manual pages and completions beside it; it lies beside
/// them.
pub fn package(tracer: &Path, arch: Arch) -> Result<PathBuf> {
    let beside = tracer.parent().context("the binary is nowhere")?;
    let version = env!("CARGO_PKG_VERSION");
    let root = &workspace::emptied("package")?;
    place(root, "usr/bin/tracer", 0o755, &read(tracer)?)?;
    for (to, mode, from) in FILES {
        place(root, to, mode, &read(&workspace::root().join(from))?)?;
    }
    for completions in COMPLETIONS {
        let made = read(&beside.join("completions").join(completions.file))?;
        place(root, completions.installed, 0o644, &made)?;
    }
    manual_pages(root, &beside.join("man"))?;
    place(root, "DEBIAN/conffiles", 0o644, b"/etc/default/tracer\n")?;
    let control = read(&workspace::root().join("packaging/control"))?;
    let control = String::from_utf8(control)?
        .replace("@VERSION@", version)
        .replace("@ARCHITECTURE@", arch.debian())
        .replace("@KIBIBYTES@", &kibibytes(root)?.to_string());
    place(root, "DEBIAN/control", 0o644, control.as_bytes())?;
    let package = beside.join(format!("tracer_{version}_{}.deb", arch.debian()));
    run(Command::new("dpkg-deb")
        .args(["--root-owner-group", "-Zxz", "--build"])
        .args([root, &package]))?;
    Ok(package)
}

/// Compressed, as Debian has them, without names and times: the same build makes the same package.
fn manual_pages(root: &Path, from: &Path) -> Result<()> {
    for entry in fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let page = format!("usr/share/man/man1/{name}");
        place(root, &page, 0o644, &read(&path)?)?;
        run(Command::new("gzip").arg("-9nf").arg(root.join(page)))?;
    }
    Ok(())
}

fn place(root: &Path, to: &str, mode: u32, bytes: &[u8]) -> Result<()> {
    let path = root.join(to);
    let context = || format!("cannot write {}", path.display());
    fs::create_dir_all(path.parent().unwrap_or(root)).with_context(context)?;
    fs::write(&path, bytes).with_context(context)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).with_context(context)
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

/// What the files take once they are installed.
fn kibibytes(directory: &Path) -> Result<u64> {
    let mut sum = 0;
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        sum += if metadata.is_dir() {
            kibibytes(&entry.path())?
        } else {
            metadata.len().div_ceil(1024)
        };
    }
    Ok(sum)
}
