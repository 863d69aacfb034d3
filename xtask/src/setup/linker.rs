//! bpf-linker, built against the LLVM of the compiler it links for.
//!
//! One from $TRACER_BPF_LINKER or from the cache is taken first; one on PATH is trusted to read the
//! compiler's bitcode. Else it is built into the cache, once, which takes about a minute.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::{Missing, apt, lock};
use crate::process::{cargo_like, find, run, say};
use crate::workspace;

/// The LLVM of the compiler that set-up would install.
pub const DEFAULT_LLVM: u32 = 22;

/// The releases that were tried; a later minor one may want a newer compiler than the workspace
/// does.
const VERSION: &str = "^0.13";

/// The linker, built now if there is none.
pub fn ensure(llvm_major: u32) -> Result<PathBuf> {
    if let Some(linker) = installed(llvm_major) {
        return Ok(linker);
    }
    if !llvm_dev_is_installed(llvm_major) {
        let package = llvm_dev(llvm_major);
        say(format!("installing LLVM's development files ({package})"));
        apt::install(&[&package])?;
    }
    let _lock = lock()?;
    // Another xtask may have built it while this one waited.
    if let Some(linker) = installed(llvm_major) {
        return Ok(linker);
    }
    say(format!(
        "building bpf-linker with LLVM {llvm_major} into {}",
        workspace::cache().display()
    ));
    run(cargo_like("cargo")
        .args(cargo_arguments(llvm_major))
        .env("LLVM_PREFIX", llvm_prefix(llvm_major)))?;
    Ok(cached(llvm_major))
}

/// What building the linker lacks.
pub fn missing(llvm_major: u32) -> Option<Missing> {
    if installed(llvm_major).is_some() || llvm_dev_is_installed(llvm_major) {
        return None;
    }
    let arguments = cargo_arguments(llvm_major).join(" ");
    Some(Missing {
        what: "LLVM's development files, for bpf-linker",
        packages: vec![llvm_dev(llvm_major)],
        commands: vec![format!(
            "LLVM_PREFIX={} cargo {arguments}",
            llvm_prefix(llvm_major)
        )],
    })
}

fn installed(llvm_major: u32) -> Option<PathBuf> {
    let given = env::var_os("TRACER_BPF_LINKER").map(PathBuf::from);
    given
        .or_else(|| Some(cached(llvm_major)).filter(|file| file.exists()))
        .or_else(|| find("bpf-linker"))
}

fn cache_root(llvm_major: u32) -> PathBuf {
    workspace::cache().join(format!("bpf-linker-llvm-{llvm_major}"))
}

fn cached(llvm_major: u32) -> PathBuf {
    cache_root(llvm_major).join("bin").join("bpf-linker")
}

fn cargo_arguments(llvm_major: u32) -> Vec<String> {
    let mut arguments: Vec<_> = [
        "install",
        "bpf-linker",
        "--quiet",
        "--locked",
        "--no-default-features",
    ]
    .iter()
    .map(ToString::to_string)
    .collect();
    arguments.extend(["--version".into(), VERSION.into()]);
    arguments.extend(["--features".into(), format!("llvm-{llvm_major}")]);
    arguments.extend([
        "--root".into(),
        cache_root(llvm_major).display().to_string(),
    ]);
    arguments
}

fn llvm_dev(llvm_major: u32) -> String {
    format!("llvm-{llvm_major}-dev")
}

fn llvm_prefix(llvm_major: u32) -> String {
    format!("/usr/lib/llvm-{llvm_major}")
}

fn llvm_dev_is_installed(llvm_major: u32) -> bool {
    Path::new(&llvm_prefix(llvm_major))
        .join("include/llvm-c")
        .exists()
}
