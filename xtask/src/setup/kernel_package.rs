//! Debian's packages of kernels: how one is found, and what is kept of it.
//!
//! Of a package only the image is kept, the few modules that the guest needs before it can talk to
//! the host, and those that a workload asks for.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use super::apt::Archive;
use super::matrix::Row;
use crate::process::{capture, say, shown};
use crate::workspace;

/// What a guest needs to see QEMU's virtio ports, in the order of loading. Built in from 6.12 on.
pub const MODULES: [&str; 6] = [
    "virtio_ring",
    "virtio",
    "virtio_pci_legacy_dev",
    "virtio_pci_modern_dev",
    "virtio_pci",
    "virtio_console",
];

/// What the kernel loads when a workload encrypts (`tracer workload tls`): the protocol, the
/// cipher, and what that needs in some series.
const LOADABLE: [&str; 6] = [
    "tls",
    "gcm",
    "ghash-generic",
    "gf128mul",
    "ctr",
    "crypto_null",
];

/// Where they are in a kernel's place in the cache.
pub const LOADABLE_DIRECTORY: &str = "modules";

/// The package that has the modules of an image that lies in a package of its own.
fn modules_package(image: &str) -> Option<String> {
    let rest = image.strip_prefix("linux-binary-")?;
    Some(format!("linux-modules-{rest}"))
}

/// Downloads the newest kernel of a row into `dir`, which appears complete or not at all.
pub fn fetch(row: &Row, name: &str, dir: &Path) -> Result<()> {
    let (series, regex) = row
        .package()
        .with_context(|| format!("{row} is no package"))?;
    let suites: Vec<&str> = series.suites.iter().map(String::as_str).collect();
    let names: Vec<_> = suites
        .iter()
        .filter_map(|line| line.split(' ').nth(1))
        .collect();
    let names = names.join(" and ");
    say(format!(
        "downloading the newest {row} kernel of Debian {names}"
    ));
    let state = workspace::cache().join("apt").join(name);
    let archive = Archive::open(&state, &suites, row.arch)?;
    archive.update()?;
    let newest = archive
        .search(&regex)?
        .into_iter()
        .max_by_key(|name| numbers(name));
    let package = newest.with_context(|| {
        format!("Debian {names} has no {row} kernel any more: give an image with `--kernel PATH`")
    })?;
    let parts = dir.with_extension("partial");
    if parts.exists() {
        fs::remove_dir_all(&parts)?;
    }
    fs::create_dir_all(parts.join(LOADABLE_DIRECTORY))?;
    for package in [Some(package.clone()), modules_package(&package)] {
        let Some(package) = package else { continue };
        say(format!("unpacking {package}"));
        unpack(&archive.download(&package)?, &parts)?;
    }
    // The package and the lists are many times larger than what is kept.
    fs::remove_dir_all(&state)?;
    if !parts.join("vmlinuz").exists() {
        bail!("there is no vmlinuz in the package {package}");
    }
    if dir.exists() {
        fs::remove_dir_all(dir)?;
    }
    fs::rename(&parts, dir).with_context(|| format!("cannot create {}", dir.display()))
}

/// Every number in a name, so that 6.12.117 is newer than 6.12.99.
fn numbers(name: &str) -> Vec<u32> {
    name.split(|c: char| !c.is_ascii_digit())
        .filter_map(|digits| digits.parse().ok())
        .collect()
}

/// Takes the image and the wanted modules out of a package.
fn unpack(deb: &Path, into: &Path) -> Result<()> {
    let listing = capture(Command::new("dpkg-deb").arg("--contents").arg(deb))?;
    let members = listing
        .lines()
        .filter_map(|line| line.split_whitespace().nth(5));
    for member in members {
        let Some(name) = wanted(member) else { continue };
        fs::write(into.join(&name), member_of(deb, member)?)
            .with_context(|| format!("cannot write {name} into {}", into.display()))?;
    }
    Ok(())
}

/// The name under which a member of a package is kept, if it is; relative to the kernel's place in
/// the cache.
fn wanted(member: &str) -> Option<String> {
    let name = member.rsplit('/').next()?;
    if name == "vmlinuz" || name.starts_with("vmlinuz-") {
        return Some("vmlinuz".to_owned());
    }
    let (module, _) = name.split_once(".ko")?;
    if LOADABLE.contains(&module) {
        return Some(format!("{LOADABLE_DIRECTORY}/{name}"));
    }
    MODULES.contains(&module).then(|| name.to_owned())
}

fn member_of(deb: &Path, member: &str) -> Result<Vec<u8>> {
    let mut unpacker = Command::new("dpkg-deb");
    unpacker
        .arg("--fsys-tarfile")
        .arg(deb)
        .stdout(Stdio::piped());
    let mut unpacker = unpacker.spawn().context("cannot run dpkg-deb")?;
    let tarfile = unpacker.stdout.take().context("dpkg-deb has no stdout")?;
    let mut tar = Command::new("tar");
    tar.args(["--extract", "--to-stdout", "--file=-", member])
        .stdin(tarfile);
    let output = tar
        .output()
        .with_context(|| format!("cannot run `{}`", shown(&tar)))?;
    // tar stops reading after the last member that was asked for, which dpkg-deb sees as a broken
    // pipe.
    unpacker.wait()?;
    if !output.status.success() {
        bail!(
            "`{}` failed: {}",
            shown(&tar),
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(output.stdout)
}

#[cfg(test)]
mod tests {
    use super::{modules_package, numbers, wanted};

    #[test]
    fn newest_is_by_number_and_not_by_letter() {
        assert!(
            numbers("linux-image-6.12.117+deb13-cloud-amd64")
                > numbers("linux-image-6.12.99+deb13-cloud-amd64")
        );
    }

    #[test]
    fn keeps_the_image_and_the_transport() {
        assert_eq!(
            wanted("./boot/vmlinuz-6.1.0-56-cloud-amd64").as_deref(),
            Some("vmlinuz")
        );
        assert_eq!(
            wanted("./usr/lib/modules/7.3.4/vmlinuz").as_deref(),
            Some("vmlinuz")
        );
        assert_eq!(
            wanted("./lib/modules/6.1.0/kernel/drivers/virtio/virtio.ko").as_deref(),
            Some("virtio.ko")
        );
        assert_eq!(
            wanted("./usr/lib/modules/6.12.1/kernel/net/tls/tls.ko.xz").as_deref(),
            Some("modules/tls.ko.xz")
        );
        assert_eq!(wanted("./lib/modules/6.1.0/kernel/fs/xfs/xfs.ko"), None);
    }

    #[test]
    fn modules_lie_with_the_image_or_beside_it() {
        assert_eq!(
            modules_package("linux-binary-7.3.4+deb13-cloud-amd64").as_deref(),
            Some("linux-modules-7.3.4+deb13-cloud-amd64")
        );
        assert_eq!(modules_package("linux-image-6.1.0-56-cloud-amd64"), None);
    }
}
