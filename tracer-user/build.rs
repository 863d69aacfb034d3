//! Tells the crate where the eBPF objects lie that it embeds. `cargo xtask build` makes them: they
//! need another compiler and another linker than this crate does, which is no business of a build
//! script. In a tree where they were not made yet the crate builds all the same, around empty ones:
//! all that needs no kernel works, and a trace says what is missing.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// The environment variable that names an object, and the object's file name.
const OBJECTS: [(&str, &str); 2] = [
    ("TRACER_EBPF_OBJECT", "tracer-ebpf"),
    ("SOCKMAP_EBPF_OBJECT", "sockmap-ebpf"),
];

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    // What only reads recordings embeds nothing.
    if env::var_os("CARGO_FEATURE_LIVE").is_none() {
        return Ok(());
    }
    for (variable, name) in OBJECTS {
        println!("cargo::rerun-if-env-changed={variable}");
        let object = env::var_os(variable).map_or_else(|| default_path(name), PathBuf::from);
        // Watched even while it is missing, so that the next build sees it come.
        println!("cargo::rerun-if-changed={}", object.display());
        let object = if object.is_file() {
            object
        } else {
            println!(
                "cargo::warning=the eBPF object {} is missing, so this build cannot trace: \
                 run `cargo xtask build`",
                object.display()
            );
            empty(name)?
        };
        println!("cargo::rustc-env={variable}={}", object.display());
    }
    Ok(())
}

fn empty(name: &str) -> io::Result<PathBuf> {
    let file = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join(name);
    fs::write(&file, [])?;
    Ok(file)
}

/// Where the objects for kernels of the processor are that this is built for, below the target
/// directory.
fn directory() -> &'static str {
    match env::var("CARGO_CFG_TARGET_ARCH").as_deref() {
        Ok("aarch64") => "ebpf-aarch64",
        _ => "ebpf",
    }
}

fn default_path(name: &str) -> PathBuf {
    let manifest_dir = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default();
    let workspace = Path::new(&manifest_dir)
        .parent()
        .map(Path::to_path_buf)
        .unwrap_or_default();
    let target =
        env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace.join("target"), PathBuf::from);
    let objects = target
        .join(directory())
        .join("bpfel-unknown-none")
        .join("release");
    let object = objects.join(name);
    std::path::absolute(&object).unwrap_or(object)
}
