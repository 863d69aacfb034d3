//! `cargo xtask build`: the eBPF objects, then the static `tracer` that carries them.
//!
//! The eBPF crate is built by the compiler that set-up found, which need not be the workspace's: it
//! only has to have a core for BPF. Both builds are cargo's, so that a second one without changes
//! takes no time worth naming.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process::{cargo_like, run};
use crate::setup::{self, CoreLibrary, Toolchain};
use crate::workspace::{self, BPF_TARGET, HOST_TARGET};

/// The variables that tell the build script of `tracer-user` where the objects are, and their
/// names.
const OBJECTS: [(&str, &str); 2] = [
    ("TRACER_EBPF_OBJECT", "tracer-ebpf"),
    ("SOCKMAP_EBPF_OBJECT", "sockmap-ebpf"),
];

/// A shell's completions.
pub struct Completions {
    shell: &'static str,
    /// The file in the directory beside the program.
    pub file: &'static str,
    /// Where the shell looks for them on a system.
    pub installed: &'static str,
}

/// Of each shell.
pub const COMPLETIONS: [Completions; 3] = [
    Completions {
        shell: "bash",
        file: "tracer.bash",
        installed: "usr/share/bash-completion/completions/tracer",
    },
    Completions {
        shell: "fish",
        file: "tracer.fish",
        installed: "usr/share/fish/vendor_completions.d/tracer.fish",
    },
    Completions {
        shell: "zsh",
        file: "_tracer",
        installed: "usr/share/zsh/vendor-completions/_tracer",
    },
];

/// Builds everything and returns the static binary.
pub fn build() -> Result<PathBuf> {
    ebpf(&setup::toolchain()?)?;
    terminal()?;
    tracer()
}

/// A cargo for the host's crates, which embed the eBPF objects.
pub fn cargo() -> Command {
    let mut cargo = cargo_like("cargo");
    cargo
        .current_dir(workspace::root())
        .env("CARGO_TARGET_DIR", workspace::target());
    for (variable, object) in OBJECTS {
        cargo.env(variable, workspace::ebpf_object(object));
    }
    cargo
}

/// Builds the eBPF objects.
fn ebpf(toolchain: &Toolchain) -> Result<()> {
    let rustc = &toolchain.rustc;
    let mut cargo = match rustc.core {
        CoreLibrary::Ready => cargo_like("cargo"),
        CoreLibrary::FromSource => {
            // How core is built from its source is a matter between a compiler and its own cargo.
            let mut cargo = cargo_like(rustc.path.with_file_name("cargo"));
            cargo.args(["-Z", "build-std=core"]);
            cargo
        }
    };
    cargo.args(["build", "--quiet", "--release", "--package", "tracer-ebpf"]);
    cargo
        .args(["--target", BPF_TARGET, "--target-dir"])
        .arg(workspace::ebpf_target());
    // The crate uses features of the compiler that are not stable yet; with a stable compiler they
    // have to be unlocked.
    cargo.env("RUSTC", &rustc.path).env("RUSTC_BOOTSTRAP", "1");
    cargo.env(
        "CARGO_ENCODED_RUSTFLAGS",
        ebpf_flags(toolchain).join("\x1f"),
    );
    // A wrapper would be asked to run a compiler that it does not know.
    cargo
        .env_remove("RUSTC_WRAPPER")
        .current_dir(workspace::root());
    run(&mut cargo).context("the eBPF objects do not build")
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

/// Builds one of tracer's examples as a static binary. The eBPF objects are there.
pub fn example(name: &str) -> Result<PathBuf> {
    let directory = for_a_guest("tracer-user", &["--example", name])?;
    Ok(directory.join("examples").join(name))
}

/// Builds something static of a package; returns the directory in which it lies.
fn for_a_guest(package: &str, what: &[&str]) -> Result<PathBuf> {
    let mut cargo = cargo();
    cargo.args(["build", "--quiet", "--profile", "dist"]);
    cargo.args(["--package", package, "--target", HOST_TARGET]);
    cargo.args(what);
    cargo.env("CARGO_ENCODED_RUSTFLAGS", "-Ctarget-feature=+crt-static");
    run(&mut cargo).with_context(|| format!("{package} does not build"))?;
    Ok(workspace::built_for_guests())
}

/// Builds the terminal on which a guest's tests look at `tracer top`.
fn terminal() -> Result<()> {
    for_a_guest("tracer-terminal", &["--bin", "tracer-terminal"])?;
    Ok(())
}

/// Builds the static binary and puts it where everybody looks for it.
fn tracer() -> Result<PathBuf> {
    let built = for_a_guest("tracer-user", &["--bin", "tracer"])?.join("tracer");
    let tracer = workspace::tracer();
    install(&built, &tracer)?;
    describe(&tracer)?;
    Ok(tracer)
}

/// Leaves manual pages and completions beside the binary, as it makes them.
fn describe(tracer: &Path) -> Result<()> {
    let beside = tracer.parent().unwrap_or(tracer);
    run(Command::new(tracer).arg("man").arg(beside.join("man")))
        .context("tracer does not make its manual pages")?;
    let directory = beside.join("completions");
    fs::create_dir_all(&directory)
        .with_context(|| format!("cannot make {}", directory.display()))?;
    for Completions { shell, file, .. } in COMPLETIONS {
        let made = Command::new(tracer).args(["completions", shell]).output();
        let made = made.with_context(|| format!("tracer does not make completions for {shell}"))?;
        if !made.status.success() {
            bail!(
                "tracer does not make completions for {shell} ({})",
                made.status
            );
        }
        let path = directory.join(file);
        fs::write(&path, made.stdout)
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// Copies by way of a second name: the old binary may be running.
fn install(from: &Path, to: &Path) -> Result<()> {
    let context = || format!("cannot copy {} to {}", from.display(), to.display());
    let new = to.with_extension(format!("new-{}", std::process::id()));
    fs::create_dir_all(to.parent().with_context(context)?).with_context(context)?;
    fs::copy(from, &new)
        .and_then(|_| fs::rename(&new, to))
        .with_context(context)
}
