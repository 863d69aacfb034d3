//! The kernels of the matrix as files: Debian's, the newest of each series.
//!
//! Nothing is pinned to a package that the archive drops one day: whatever is newest of the series
//! when it is first wanted is [downloaded](super::kernel_package) and stays in the cache.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context, Result};

use super::kernel_package::{LOADABLE_DIRECTORY, MODULES, fetch};
use super::lock;
use super::matrix::{self, Row};
use crate::arch::Arch;
use crate::workspace;

/// What boots when nobody says.
pub const DEFAULT: &str = "6.12";

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

#[cfg(test)]
mod tests {
    use super::{release, release_of_arm64};

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
