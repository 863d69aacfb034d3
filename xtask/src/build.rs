//! `cargo xtask build`: the eBPF objects, then the static `tracer` that carries them.
//!
//! The eBPF crate is built by the compiler that set-up found, which need not be the workspace's: it
//! only has to have a core for BPF. Both builds are cargo's, so that a second one without changes
//! takes no time worth naming.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::arch::Arch;
use crate::process::{cargo_like, run, say};
use crate::setup::{self, CoreLibrary, Toolchain, cross_compiler};
use crate::workspace::{self, BPF_TARGET};

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

/// Builds everything for a processor and returns the static binary.
pub fn build(arch: Arch) -> Result<PathBuf> {
    ebpf(&setup::toolchain(arch)?, arch)?;
    terminal(arch)?;
    tracer(arch)
}

/// A cargo for the host's crates, which embed the eBPF objects.
pub fn cargo() -> Command {
    cargo_for(Arch::default())
}

/// A cargo for crates that run on a processor. What is written in C, and the linker, are of GCC's
/// cross compiler where that is another than the host's.
fn cargo_for(arch: Arch) -> Command {
    let mut cargo = cargo_like("cargo");
    cargo
        .current_dir(workspace::root())
        .env("CARGO_TARGET_DIR", workspace::target());
    for (variable, object) in OBJECTS {
        cargo.env(variable, workspace::ebpf_object(arch, object));
    }
    if !arch.is_host() {
        let target = arch.target().replace('-', "_");
        let linker = format!("CARGO_TARGET_{}_LINKER", target.to_uppercase());
        let compiler = cross_compiler(arch);
        cargo.env(linker, &compiler);
        cargo.env(format!("CC_{target}"), &compiler);
    }
    cargo
}

/// Builds the eBPF objects for kernels of a processor.
fn ebpf(toolchain: &Toolchain, arch: Arch) -> Result<()> {
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
        .arg(workspace::ebpf_target(arch));
    // The crate uses features of the compiler that are not stable yet; with a stable compiler they
    // have to be unlocked.
    cargo.env("RUSTC", &rustc.path).env("RUSTC_BOOTSTRAP", "1");
    cargo.env(
        "CARGO_ENCODED_RUSTFLAGS",
        ebpf_flags(toolchain, arch).join("\x1f"),
    );
    // A wrapper would be asked to run a compiler that it does not know.
    cargo
        .env_remove("RUSTC_WRAPPER")
        .current_dir(workspace::root());
    run(&mut cargo).context("the eBPF objects do not build")
}

fn ebpf_flags(toolchain: &Toolchain, arch: Arch) -> Vec<String> {
    vec![
        format!("-Clinker={}", toolchain.linker.display()),
        // BTF is made from the debug information.
        "-Cdebuginfo=2".into(),
        "-Clink-arg=--btf".into(),
        // Atomics with a result, 32-bit jumps: in every kernel since 5.12.
        "-Ctarget-cpu=v3".into(),
        // The registers that aya-ebpf reads arguments from, and `arch` of tracer-ebpf.
        "--check-cfg=cfg(bpf_target_arch,values(any()))".into(),
        format!(r#"--cfg=bpf_target_arch="{}""#, arch.rust()),
    ]
}

/// Builds one of tracer's examples as a static binary. The eBPF objects are there.
pub fn example(arch: Arch, name: &str) -> Result<PathBuf> {
    let directory = for_a_guest(arch, "tracer-user", &["--example", name])?;
    Ok(directory.join("examples").join(name))
}

/// Builds something static of a package; returns the directory in which it lies.
fn for_a_guest(arch: Arch, package: &str, what: &[&str]) -> Result<PathBuf> {
    let mut cargo = cargo_for(arch);
    cargo.args(["build", "--quiet", "--profile", "dist"]);
    cargo.args(["--package", package, "--target", arch.target()]);
    cargo.args(what);
    cargo.env("CARGO_ENCODED_RUSTFLAGS", "-Ctarget-feature=+crt-static");
    run(&mut cargo).with_context(|| format!("{package} does not build"))?;
    Ok(workspace::built_for_guests(arch))
}

/// Builds the terminal on which a guest's tests look at `tracer top`.
fn terminal(arch: Arch) -> Result<()> {
    for_a_guest(arch, "tracer-terminal", &["--bin", "tracer-terminal"])?;
    Ok(())
}

/// Builds the static binary and puts it where everybody looks for it.
fn tracer(arch: Arch) -> Result<PathBuf> {
    let built = for_a_guest(arch, "tracer-user", &["--bin", "tracer"])?.join("tracer");
    let tracer = workspace::tracer(arch);
    install(&built, &tracer)?;
    if arch.is_host() {
        describe(&tracer)?;
    } else {
        say(format!(
            "made {}, which does not run here",
            tracer.display()
        ));
    }
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
