//! A rustc that can build for `bpfel-unknown-none`.
//!
//! Any rustc whose sysroot has a ready-made core for that target will do (Debian packages one);
//! else a nightly with rust-src, which builds core itself. Compilers older than the workspace's
//! `rust-version` are passed over.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::apt;
use crate::process::{capture, cargo_like, find as find_program, say};
use crate::workspace::BPF_TARGET;

/// Names a rustc to use before all others.
const OVERRIDE: &str = "TRACER_BPF_RUSTC";

/// A compiler for eBPF.
pub struct BpfRustc {
    pub path: PathBuf,
    pub core: CoreLibrary,
    /// The linker has to read this LLVM's bitcode.
    pub llvm_major: u32,
}

/// Where the `core` of eBPF programs comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum CoreLibrary {
    /// It came with the compiler.
    Ready,
    /// Cargo builds it from rust-src.
    FromSource,
}

/// The best compiler that is installed.
pub fn find() -> Result<Option<BpfRustc>> {
    let given = env::var_os(OVERRIDE).map(PathBuf::from);
    if let Some(path) = &given {
        return inspect(path, &["lib/rustlib", BPF_TARGET], CoreLibrary::Ready)?
            .with_context(|| {
                format!(
                    "{OVERRIDE}={}: no core for {BPF_TARGET}, or too old",
                    path.display()
                )
            })
            .map(Some);
    }
    let candidates = [Some(PathBuf::from("/usr/bin/rustc")), find_program("rustc")];
    for path in candidates
        .into_iter()
        .flatten()
        .filter(|path| path.exists())
    {
        if let Some(rustc) = inspect(&path, &["lib/rustlib", BPF_TARGET], CoreLibrary::Ready)? {
            return Ok(Some(rustc));
        }
    }
    nightly()
}

/// Rustup's nightly, if it is there with rust-src.
fn nightly() -> Result<Option<BpfRustc>> {
    let Some(rustup) = find_program("rustup") else {
        return Ok(None);
    };
    match capture(cargo_like(rustup).args(["which", "--toolchain", "nightly", "rustc"])) {
        Ok(path) => inspect(
            Path::new(path.trim()),
            &["lib/rustlib/src/rust/library/core"],
            CoreLibrary::FromSource,
        ),
        // No such toolchain: not an error, just not a way.
        Err(_) => Ok(None),
    }
}

/// Looks whether a compiler is new enough and has `inside` in its sysroot.
fn inspect(path: &Path, inside: &[&str], core: CoreLibrary) -> Result<Option<BpfRustc>> {
    // A proxy of rustup without a toolchain fails here: it is no candidate.
    let Ok(sysroot) = capture(cargo_like(path).args(["--print", "sysroot"])) else {
        return Ok(None);
    };
    let needed = inside
        .iter()
        .fold(PathBuf::from(sysroot.trim()), |dir, part| dir.join(part));
    if !needed.exists() {
        return Ok(None);
    }
    let version = capture(cargo_like(path).arg("-vV"))?;
    let field = |name: &str| {
        version
            .lines()
            .find_map(|line| line.strip_prefix(name))
            .map(str::trim)
    };
    let release = field("release:").and_then(numbers);
    let llvm = field("LLVM version:").and_then(numbers);
    let (Some((major, minor)), Some((llvm_major, _))) = (release, llvm) else {
        return Ok(None);
    };
    if Some((major, minor)) < numbers(env!("CARGO_PKG_RUST_VERSION")) {
        say(format!(
            "passing over {} ({major}.{minor}): too old for this workspace",
            path.display()
        ));
        return Ok(None);
    }
    Ok(Some(BpfRustc {
        path: path.to_path_buf(),
        core,
        llvm_major,
    }))
}

/// The first two numbers of a version.
fn numbers(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.split(['.', '-', '+']);
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// The Debian packages with such a compiler. Debian's stable releases have a newer rustc for
/// building browsers, under a name of its own.
pub fn packages() -> Result<Vec<String>> {
    const WEB: [&str; 2] = ["rustc-web", "libstd-rust-web-dev-bpf"];
    const PLAIN: [&str; 2] = ["rustc", "libstd-rust-dev-bpf"];
    let owned = |names: [&str; 2]| names.map(str::to_owned).to_vec();
    if !apt::can_install() {
        return Ok(owned(WEB));
    }
    for refresh in [false, true] {
        if refresh {
            say("fetching package lists (apt-get update)");
            apt::update()?;
        }
        for names in [WEB, PLAIN] {
            if apt::offers(names[1])? {
                return Ok(owned(names));
            }
        }
    }
    anyhow::bail!(
        "neither {} nor {} is in this host's package sources: add a suite that has one (Debian \
        stable-backports), or run\n  \
         rustup toolchain install nightly --component rust-src",
        WEB[1],
        PLAIN[1]
    )
}

#[cfg(test)]
mod tests {
    use super::numbers;

    #[test]
    fn reads_versions() {
        assert_eq!(numbers("1.97.0-nightly"), Some((1, 97)));
        assert_eq!(numbers("22.1.8"), Some((22, 1)));
        assert_eq!(numbers("1.95"), Some((1, 95)));
        assert_eq!(numbers("unknown"), None);
    }
}
