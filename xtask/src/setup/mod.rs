//! Set-up: everything that building and booting needs, found or installed.
//!
//! Each part is asked for only by the commands that need it: `build` wants a compiler and a linker
//! for eBPF, `vm` also QEMU, busybox and one kernel. A part that is in place costs a few look-ups
//! and prints nothing. What is missing is named on stderr before it is installed; where it cannot
//! be installed, one error lists every command to run.

mod apt;
mod cross;
mod emulator;
mod kernel_package;
pub mod kernels;
mod linker;
pub mod matrix;
mod rustc;
mod unpacked;

use std::fs::{self, File};

use anyhow::{Context, Result, bail};

pub use cross::cross_compiler;
pub use emulator::Emulator;
pub use kernels::{Kernel, KernelChoice};
pub use rustc::{BpfRustc, CoreLibrary};
pub use unpacked::unpacked;

use crate::arch::Arch;
use crate::process::say;
use crate::workspace;

/// What builds eBPF programs.
pub struct Toolchain {
    pub rustc: BpfRustc,
    pub linker: std::path::PathBuf,
}

/// What a command needs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// What builds for a processor.
    Toolchain(Arch),
    /// What boots guests that have it.
    Emulator(Arch),
}

/// Something that is not there, and how it comes.
struct Missing {
    what: &'static str,
    packages: Vec<String>,
    /// What is to be typed after the packages are there.
    commands: Vec<String>,
}

/// `cargo xtask setup`: everything for a processor, with every kernel of the matrix.
pub fn all(arch: Arch) -> Result<()> {
    install(&[Part::Toolchain(arch), Part::Emulator(arch)])?;
    toolchain(arch)?;
    emulator(arch)?;
    for row in matrix::rows() {
        if row.arch == arch && row.runs == matrix::Runs::Always && row.package().is_some() {
            kernels::of(row)?;
        }
    }
    Ok(())
}

/// The compiler and the linker for eBPF, and what builds `tracer` for a processor.
pub fn toolchain(arch: Arch) -> Result<Toolchain> {
    install(&[Part::Toolchain(arch)])?;
    cross::standard_library(arch)?;
    let rustc = rustc::find()?.context("no rustc for eBPF after its packages were installed")?;
    let linker = linker::ensure(rustc.llvm_major)?;
    Ok(Toolchain { rustc, linker })
}

/// QEMU and busybox for guests that have a processor.
pub fn emulator(arch: Arch) -> Result<Emulator> {
    install(&[Part::Emulator(arch)])?;
    let found = emulator::find(arch)?;
    found.context("no QEMU or no static busybox after their packages were installed")
}

/// Installs the Debian packages that the parts lack, all in one go.
fn install(parts: &[Part]) -> Result<()> {
    let missing = missing(parts)?;
    if missing.is_empty() {
        return Ok(());
    }
    if !apt::can_install() {
        bail!(instructions(&missing));
    }
    let _lock = lock()?;
    let packages: Vec<_> = missing
        .iter()
        .flat_map(|part| part.packages.iter().map(String::as_str))
        .collect();
    let what: Vec<_> = missing.iter().map(|part| part.what).collect();
    say(format!(
        "installing {} ({})",
        what.join(", "),
        packages.join(" ")
    ));
    apt::install(&packages)
}

fn missing(parts: &[Part]) -> Result<Vec<Missing>> {
    let mut missing = Vec::new();
    for part in parts {
        match part {
            Part::Toolchain(arch) => {
                missing.extend(missing_for_ebpf()?);
                missing.extend(cross::missing(*arch));
            }
            Part::Emulator(arch) => missing.extend(emulator::missing(*arch)),
        }
    }
    Ok(missing)
}

/// What is missing of the compiler and the linker for eBPF.
fn missing_for_ebpf() -> Result<Vec<Missing>> {
    let rustc = rustc::find()?;
    let llvm_major = rustc
        .as_ref()
        .map_or(linker::DEFAULT_LLVM, |rustc| rustc.llvm_major);
    let compiler = match rustc {
        Some(_) => None,
        None => Some(Missing {
            what: "a Rust compiler for eBPF",
            packages: rustc::packages()?,
            commands: Vec::new(),
        }),
    };
    Ok(compiler
        .into_iter()
        .chain(linker::missing(llvm_major))
        .collect())
}

/// One message with every command that would put things right.
fn instructions(missing: &[Missing]) -> String {
    let what: Vec<_> = missing.iter().map(|part| part.what).collect();
    let packages: Vec<_> = missing
        .iter()
        .flat_map(|part| part.packages.clone())
        .collect();
    let mut lines = vec![format!(
        "missing: {}. It cannot be installed from here ({}). Run:",
        what.join(", "),
        if apt::is_debian() {
            "not root"
        } else {
            "not a Debian system: take what corresponds to these packages"
        },
    )];
    if !packages.is_empty() {
        let become_root = if nix::unistd::geteuid().is_root() {
            ""
        } else {
            "sudo "
        };
        lines.push(format!(
            "  {become_root}apt-get install --no-install-recommends {}",
            packages.join(" ")
        ));
    }
    lines.extend(
        missing
            .iter()
            .flat_map(|part| part.commands.iter().map(|command| format!("  {command}"))),
    );
    lines.join("\n")
}

/// Held while something is installed, so that two commands started together do not install it
/// twice.
fn lock() -> Result<File> {
    let dir = workspace::cache();
    fs::create_dir_all(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
    let path = dir.join("lock");
    let file = File::create(&path).with_context(|| format!("cannot create {}", path.display()))?;
    file.lock()
        .with_context(|| format!("cannot lock {}", path.display()))?;
    Ok(file)
}
