//! `cargo xtask build`: the eBPF objects, then the static `tracer` that carries them.
//!
//! The eBPF crate is built by the compiler that set-up found, which need not be the workspace's: it only has to have a core for
//! BPF. Both builds are cargo's, so that a second one without changes takes no time worth naming.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::process::{cargo_like, run};
use crate::setup::{self, CoreLibrary, Toolchain};
use crate::workspace::{self, BPF_TARGET, HOST_TARGET};

/// Builds everything and returns the static binary.
pub fn build() -> Result<PathBuf> {
    ebpf(&setup::toolchain()?)?;
    tracer()
}

/// Builds the eBPF objects.
fn ebpf(toolchain: &Toolchain) -> Result<()> {
    let mut cargo = cargo_like("cargo");
    cargo.args(["build", "--quiet", "--release", "--package", "tracer-ebpf", "--target", BPF_TARGET]);
    cargo.arg("--target-dir").arg(workspace::ebpf_target());
    if toolchain.rustc.core == CoreLibrary::FromSource {
        cargo.args(["-Z", "build-std=core"]);
    }
    // The crate uses features of the compiler that are not stable yet; with a stable compiler they have to be unlocked.
    cargo.env("RUSTC", &toolchain.rustc.path).env("RUSTC_BOOTSTRAP", "1");
    cargo.env("CARGO_ENCODED_RUSTFLAGS", ebpf_flags(toolchain).join("\x1f"));
    // A wrapper would be asked to run a compiler that it does not know.
    cargo.env_remove("RUSTC_WRAPPER");
    run(cargo.current_dir(workspace::root())).context("the eBPF objects do not build")
}

fn ebpf_flags(toolchain: &Toolchain) -> Vec<String> {
    vec![
        format!("-Clinker={}", toolchain.linker.display()),
        // BTF is made from the debug information.
        "-Cdebuginfo=2".into(),
        "-Clink-arg=--btf".into(),
        // Atomics with a result, 32-bit jumps: in every kernel since 5.12.
        "-Ctarget-cpu=v3".into(),
        // The registers that aya-ebpf reads arguments from.
        r#"--cfg=bpf_target_arch="x86_64""#.into(),
    ]
}

/// Builds the static binary and puts it where everybody looks for it.
fn tracer() -> Result<PathBuf> {
    let mut cargo = cargo_like("cargo");
    cargo.args(["build", "--quiet", "--profile", "dist", "--package", "tracer-user", "--bin", "tracer"]);
    cargo.args(["--target", HOST_TARGET]).arg("--target-dir").arg(workspace::target());
    cargo.env("CARGO_ENCODED_RUSTFLAGS", "-Ctarget-feature=+crt-static");
    for (variable, object) in [("TRACER_EBPF_OBJECT", "tracer-ebpf"), ("SOCKMAP_EBPF_OBJECT", "sockmap-ebpf")] {
        cargo.env(variable, workspace::ebpf_object(object));
    }
    run(cargo.current_dir(workspace::root())).context("tracer does not build")?;
    let built = workspace::target().join(HOST_TARGET).join("dist").join("tracer");
    let tracer = workspace::tracer();
    install(&built, &tracer)?;
    Ok(tracer)
}

/// Copies by way of a second name: the old binary may be running.
fn install(from: &std::path::Path, to: &std::path::Path) -> Result<()> {
    let context = || format!("cannot copy {} to {}", from.display(), to.display());
    let new = to.with_extension(format!("new-{}", std::process::id()));
    fs::create_dir_all(to.parent().with_context(context)?).with_context(context)?;
    fs::copy(from, &new).and_then(|_| fs::rename(&new, to)).with_context(context)
}
