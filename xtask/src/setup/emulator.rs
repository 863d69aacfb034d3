//! QEMU, and a busybox that needs no libraries: all that a guest's userspace consists of.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::Missing;
use crate::process::find as find_program;

const QEMU: &str = "qemu-system-x86_64";

/// What boots guests.
#[derive(Clone)]
pub struct Emulator {
    pub qemu: PathBuf,
    pub busybox: PathBuf,
}

/// Both, if both are there.
pub fn find() -> Result<Option<Emulator>> {
    match (find_program(QEMU), busybox()?) {
        (Some(qemu), Some(busybox)) => Ok(Some(Emulator { qemu, busybox })),
        _ => Ok(None),
    }
}

/// What is missing of the two.
pub fn missing() -> Vec<Missing> {
    let mut missing = Vec::new();
    if find_program(QEMU).is_none() {
        let packages = vec!["qemu-system-x86".to_owned()];
        missing.push(Missing {
            what: "QEMU",
            packages,
            commands: Vec::new(),
        });
    }
    if !matches!(busybox(), Ok(Some(_))) {
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
