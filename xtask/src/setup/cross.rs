//! What builds `tracer` for another processor than the host's: GCC's cross compiler as linker and
//! for what is written in C, and Rust's standard library for that processor.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use super::Missing;
use crate::arch::Arch;
use crate::process::{capture, cargo_like, find, run, say};

/// The C compiler of Debian for a processor that is not the host's.
pub fn cross_compiler(arch: Arch) -> String {
    format!("{}-linux-gnu-gcc", arch.rust())
}

/// What is missing of the compiler and its C library.
pub fn missing(arch: Arch) -> Option<Missing> {
    if arch.is_host() || find(&cross_compiler(arch)).is_some() {
        return None;
    }
    let compiler = format!("gcc-{}-linux-gnu", arch.rust().replace('_', "-"));
    Some(Missing {
        what: "a C compiler for another processor",
        packages: vec![compiler, format!("libc6-dev-{}-cross", arch.debian())],
        commands: Vec::new(),
    })
}

/// Sees that the standard library is there. It has to be that of the very compiler that builds
/// `tracer`, so rustup brings it.
pub fn standard_library(arch: Arch) -> Result<()> {
    let target = arch.target();
    let libraries =
        capture(cargo_like("rustc").args(["--print", "target-libdir", "--target", target]))?;
    if arch.is_host() || Path::new(libraries.trim()).exists() {
        return Ok(());
    }
    let Some(rustup) = find("rustup") else {
        bail!("this Rust has no standard library for {target}: install it, or take rustup's Rust");
    };
    say(format!("fetching Rust's standard library for {target}"));
    run(Command::new(rustup).args(["target", "add", target]))
}
