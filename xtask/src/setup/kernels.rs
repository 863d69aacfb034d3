//! The kernels of the matrix as files: Debian's, the newest of each series.
//!
//! Nothing is pinned to a package that the archive drops one day: whatever is newest of the series
//! when it is first wanted is downloaded and stays in the cache. Of a package only the image is
//! kept, the few modules that the guest needs before it can talk to the host, and those that a
//! workload asks for.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::str::FromStr;

use anyhow::{Context, Result, bail};

use super::apt::Archive;
use super::lock;
use super::matrix::{self, Row};
use crate::arch::Arch;
use crate::process::{capture, say, shown};
use crate::workspace;

/// What boots when nobody says.
pub const DEFAULT: &str = "6.12";

/// What a guest needs to see QEMU's virtio ports, in the order of loading. Built in from 6.12 on.
const MODULES: [&str; 6] = [
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
const LOADABLE_DIRECTORY: &str = "modules";

/// A kernel that can be booted.
#[derive(Clone, Debug)]
pub struct Kernel {
    /// As one names it on the command line.
    pub name: String,
    /// As `uname -r` prints it.
    pub release: String,
    pub image: PathBuf,
    /// In the order of loading.
    pub modules: Vec<PathBuf>,
    /// Modules that the guest loads when it needs them, as they are in the package: compressed in
    /// some series.
    pub loadable: Vec<PathBuf>,
    /// What the matrix says of it, if that has it.
    pub row: Option<&'static Row>,
}

/// A kernel as one names it on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KernelChoice {
    /// By its name in the matrix.
    Named(String),
    Image(PathBuf),
}

impl FromStr for KernelChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if matrix::names().contains(&text) {
            return Ok(Self::Named(text.to_owned()));
        }
        if Path::new(text).is_file() {
            return Ok(Self::Image(PathBuf::from(text)));
        }
        Err(format!(
            "neither one of {} nor a file",
            matrix::names().join(", ")
        ))
    }
}

impl fmt::Display for KernelChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(name) => f.write_str(name),
            Self::Image(path) => write!(f, "{}", path.display()),
        }
    }
}

impl KernelChoice {
    /// The kernel for a processor, downloaded if it has to be.
    pub fn resolve(&self, arch: Arch) -> Result<Kernel> {
        match self {
            Self::Named(name) => named(name, arch),
            Self::Image(path) => image(path),
        }
    }
}

/// The kernel that the matrix has by a name for a processor.
pub fn named(name: &str, arch: Arch) -> Result<Kernel> {
    let row = matrix::named(name, arch)
        .with_context(|| format!("xtask/matrix.toml has no {name} for {}", arch.debian()))?;
    of(row)
}

/// The newest kernel of a row.
pub fn of(row: &'static Row) -> Result<Kernel> {
    let name = row.place();
    let dir = workspace::cache().join("kernels").join(&name);
    // A cache of an earlier time has no such directory.
    let loadable = dir.join(LOADABLE_DIRECTORY);
    if !loadable.exists() {
        let _lock = lock()?;
        // Another xtask may have fetched it while this one waited.
        if !loadable.exists() {
            fetch(row, &name, &dir)?;
        }
    }
    let mut kernel = image(&dir.join("vmlinuz"))?;
    kernel.row = Some(row);
    row.kernel.clone_into(&mut kernel.name);
    // Compressed in some flavours.
    let files = MODULES
        .iter()
        .flat_map(|name| [format!("{name}.ko"), format!("{name}.ko.xz")]);
    let modules = files.map(|file| dir.join(file));
    kernel.modules = modules.filter(|path| path.exists()).collect();
    for entry in fs::read_dir(loadable)? {
        kernel.loadable.push(entry?.path());
    }
    Ok(kernel)
}

/// A bzImage, or an Image of arm64, with everything built in.
fn image(path: &Path) -> Result<Kernel> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let release = release(&bytes).or_else(|| release_of_arm64(&bytes));
    let release =
        release.with_context(|| format!("{} is neither a bzImage nor an Image", path.display()))?;
    let image = std::path::absolute(path)?;
    Ok(Kernel {
        name: path.display().to_string(),
        row: matrix::released(&release),
        release,
        image,
        modules: Vec::new(),
        loadable: Vec::new(),
    })
}

/// The release in a bzImage's setup header.
/// <https://www.kernel.org/doc/html/latest/arch/x86/boot.html>: `kernel_version` at 0x20e, relative
/// to 0x200.
fn release(image: &[u8]) -> Option<String> {
    if image.get(0x202..0x206)? != b"HdrS" {
        return None;
    }
    let offset = u16::from_le_bytes(image.get(0x20e..0x210)?.try_into().ok()?);
    let text = image.get(0x200 + usize::from(offset)..)?;
    let end = text.iter().position(|&byte| byte == 0 || byte == b' ')?;
    String::from_utf8(text[..end].to_vec()).ok()
}

/// The release in an Image of arm64 (Documentation/arch/arm64/booting.rst), which is not
/// compressed: it is in the sentence that the kernel begins its log with (`linux_banner`,
/// init/version.c).
fn release_of_arm64(image: &[u8]) -> Option<String> {
    const BANNER: &[u8] = b"Linux version ";
    if image.get(0x38..0x3c)? != b"ARM\x64" {
        return None;
    }
    let found = image.windows(BANNER.len()).enumerate();
    // `linux_proc_banner` has `%s` there.
    let mut releases = found.filter_map(|(place, window)| {
        let text = image
            .get(place + BANNER.len()..)
            .filter(|_| window == BANNER)?;
        let text = text.split(|byte| *byte == b' ').next()?;
        str::from_utf8(text).ok().filter(|text| !text.contains('%'))
    });
    releases.next().map(str::to_owned)
}

/// The package that has the modules of an image that lies in a package of its own.
fn modules_package(image: &str) -> Option<String> {
    let rest = image.strip_prefix("linux-binary-")?;
    Some(format!("linux-modules-{rest}"))
}

/// Downloads the newest kernel of a row into `dir`, which appears complete or not at all.
fn fetch(row: &Row, name: &str, dir: &Path) -> Result<()> {
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
    use super::{modules_package, numbers, release, release_of_arm64, wanted};

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

    #[test]
    fn what_is_no_bzimage_has_no_release() {
        assert_eq!(release(b""), None);
        assert_eq!(release(&[0; 4096]), None);
        assert_eq!(release_of_arm64(b""), None);
        assert_eq!(release_of_arm64(&[0; 4096]), None);
    }

    #[test]
    fn an_image_of_arm64_says_its_release_itself() {
        let mut image = vec![0; 0x100];
        image[0x38..0x3c].copy_from_slice(b"ARM\x64");
        image.extend_from_slice(b"%s Linux version %s (debian) Linux version 6.12.1-arm64 (x)");
        assert_eq!(release_of_arm64(&image).as_deref(), Some("6.12.1-arm64"));
    }
}
