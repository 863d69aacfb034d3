//! `cargo xtask demo`: whole `__sys_sendto` graphs, here if this kernel allows it, else in a
//! virtual machine.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::arch::Arch;
use crate::build;
use crate::process::say;
use crate::setup::{self, kernels};
use crate::vm::{self, Sinks, VmSpec};

/// How many calls are shown.
const DEMO: [&str; 3] = ["demo", "-n", "3"];

/// Runs the demo on a processor, and returns xtask's exit status. The arguments are handed on to
/// `tracer demo`.
pub fn demo(arch: Arch, arguments: &[OsString]) -> Result<u8> {
    let tracer = build::build(arch)?;
    let words: Vec<OsString> = if arguments.is_empty() {
        DEMO.map(OsString::from).to_vec()
    } else {
        with_demo(arguments)
    };
    if !arch.is_host() {
        return in_a_guest(arch, words);
    }
    match obstacle(&tracer)? {
        None => {
            say(format!(
                "this kernel ({}) allows BPF tracing: tracing it",
                release()
            ));
            let status = Command::new(&tracer)
                .args(&words)
                .status()
                .context("cannot run tracer")?;
            Ok(status
                .code()
                .and_then(|code| u8::try_from(code).ok())
                .unwrap_or(1))
        }
        Some(obstacle) => {
            say(format!(
                "this kernel ({}) cannot be traced from here: {obstacle}",
                release()
            ));
            in_a_guest(arch, words)
        }
    }
}

fn in_a_guest(arch: Arch, words: Vec<OsString>) -> Result<u8> {
    let emulator = setup::emulator(arch)?;
    let kernel = kernels::named(kernels::DEFAULT, arch)?;
    say(format!(
        "tracing {} in a virtual machine instead; it takes some seconds to start",
        kernel.release
    ));
    let command = [OsString::from("tracer")]
        .into_iter()
        .chain(words)
        .collect();
    let spec = VmSpec::new(kernel, command);
    let sinks = Sinks {
        stdout: &mut io::stdout(),
        stderr: &mut io::stderr(),
    };
    vm::command::exit_status(vm::run(&emulator, &spec, sinks))
}

fn with_demo(arguments: &[OsString]) -> Vec<OsString> {
    [OsString::from(DEMO[0])]
        .into_iter()
        .chain(arguments.iter().cloned())
        .collect()
}

/// Why tracing does not work on this host, in tracer's own words.
fn obstacle(tracer: &Path) -> Result<Option<String>> {
    let mut check = Command::new(tracer);
    let output = check
        .args(["check", "--quiet"])
        .stdin(Stdio::null())
        .output()
        .context("cannot run tracer")?;
    if output.status.success() {
        return Ok(None);
    }
    let words = String::from_utf8_lossy(&output.stderr);
    let words = words.trim();
    Ok(Some(if words.is_empty() {
        format!("`tracer check` failed ({})", output.status)
    } else {
        words.to_owned()
    }))
}

fn release() -> String {
    std::fs::read_to_string("/proc/sys/kernel/osrelease")
        .unwrap_or_default()
        .trim()
        .to_owned()
}
