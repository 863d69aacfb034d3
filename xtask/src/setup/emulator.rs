//! QEMU, and a busybox that needs no libraries: all that a guest's userspace consists of.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::{Missing, unpacked};
use crate::arch::Arch;
use crate::process::find as find_program;

/// What boots guests.
#[derive(Clone)]
pub struct Emulator {
    /// The processor that they have.
    pub arch: Arch,
    pub qemu: PathBuf,
    pub busybox: PathBuf,
}

/// Both, if both are there. A busybox for another processor than the host's is downloaded.
pub fn find(arch: Arch) -> Result<Option<Emulator>> {
    let Some(qemu) = find_program(program(arch)) else {
        return Ok(None);
    };
    let busybox = if arch.is_host() {
        busybox()?
    } else {
        Some(unpacked("busybox-static", "trixie", arch)?.join("usr/bin/busybox"))
    };
    Ok(busybox.map(|busybox| Emulator {
        arch,
        qemu,
        busybox,
    }))
}

/// QEMU for a processor.
const fn program(arch: Arch) -> &'static str {
    match arch {
        Arch::Amd64 => "qemu-system-x86_64",
        Arch::Arm64 => "qemu-system-aarch64",
    }
}

/// What is missing of the two.
pub fn missing(arch: Arch) -> Vec<Missing> {
    let mut missing = Vec::new();
    if find_program(program(arch)).is_none() {
        let package = match arch {
            Arch::Amd64 => "qemu-system-x86",
            Arch::Arm64 => "qemu-system-arm",
        };
        let packages = vec![package.to_owned()];
        missing.push(Missing {
            what: "QEMU",
            packages,
            commands: Vec::new(),
        });
    }
    if arch.is_host() && !matches!(busybox(), Ok(Some(_))) {
        let packages = vec!["busybox-static".to_owned()];
        missing.push(Missing {
            what: "a static busybox",
            packages,
            commands: Vec::new(),
        });
    }
    missing
}

fn busybox() -> Result<Option<PathBuf>> {
    match find_program("busybox") {
        Some(path) => Ok(is_static(&path)?.then_some(path)),
        None => Ok(None),
    }
}

/// Whether an ELF file asks for no dynamic linker. Its name stands right after the headers, if it
/// does.
fn is_static(path: &Path) -> Result<bool> {
    let mut start = Vec::new();
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    file.take(4096)
        .read_to_end(&mut start)
        .with_context(|| format!("cannot read {}", path.display()))?;
    let interpreter = b"/ld-linux";
    Ok(!start
        .windows(interpreter.len())
        .any(|window| window == interpreter))
}
