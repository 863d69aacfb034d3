//! Where things are: every path inside the workspace that more than one command knows.
//!
//! All that xtask makes lies under the target directory, so that `cargo clean` takes it away and a
//! fresh clone starts from nothing.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use anyhow::{Context as _, Result};

use crate::arch::Arch;

/// The target that eBPF programs are built for.
pub const BPF_TARGET: &str = "bpfel-unknown-none";

/// The directory of the workspace's Cargo.toml.
pub fn root() -> PathBuf {
    // xtask runs on the machine that built it, from the tree that it was built in.
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask).to_path_buf()
}

/// Cargo's target directory.
pub fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), absolute)
}

/// A path from the environment. It is relative to where cargo was called, which is where xtask was.
fn absolute(path: OsString) -> PathBuf {
    std::path::absolute(&path).unwrap_or_else(|_| PathBuf::from(path))
}

/// What was downloaded or built once and is kept: kernels, package lists, bpf-linker.
pub fn cache() -> PathBuf {
    env::var_os("TRACER_CACHE").map_or_else(|| target().join("cache"), absolute)
}

/// The target directory of the eBPF crate for kernels of a processor. Its own, because another
/// compiler fills it. tracer-user/build.rs knows it, too.
pub fn ebpf_target(arch: Arch) -> PathBuf {
    target().join(match arch {
        Arch::Amd64 => "ebpf",
        Arch::Arm64 => "ebpf-aarch64",
    })
}

/// An object that the eBPF crate's binary `name` was built into.
pub fn ebpf_object(arch: Arch, name: &str) -> PathBuf {
    let objects = ebpf_target(arch).join(BPF_TARGET).join("release");
    objects.join(name)
}

/// Where static binaries are built.
pub fn built_for_guests(arch: Arch) -> PathBuf {
    target().join(arch.target()).join("dist")
}

/// The static binary that `cargo xtask build` leaves.
pub fn tracer(arch: Arch) -> PathBuf {
    let directory = format!("dist{}", arch.suffix());
    target().join(directory).join("tracer")
}

/// A directory for what is put together there, with nothing in it.
pub fn emptied(name: &str) -> Result<PathBuf> {
    let directory = target().join("tmp").join(name);
    let context = || format!("cannot make {} anew", directory.display());
    match fs::remove_dir_all(&directory) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error).with_context(context),
        _ => fs::create_dir_all(&directory).with_context(context),
    }?;
    Ok(directory)
}

/// The scripts that run inside each kernel of the matrix.
pub fn live_tests() -> PathBuf {
    root().join("xtask").join("live")
}
