//! The package's service, run by systemd on a kernel: Debian's systemd is process 1 of a guest that
//! has little else.
//!
//! What a unit allows a process is only known when systemd has it do its work: to trace with these
//! capabilities, behind these protections, and to leave nothing behind when it is stopped.

use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::tally::Tally;
use crate::package;
use crate::process::run as run_to_end;
use crate::setup::{self, Emulator, kernels};
use crate::vm::{self, GuestFile, Sinks, VmSpec};
use crate::workspace;

/// What it is called.
pub const NAME: &str = "service";

const SCRIPT: &str = concat!(
    include_str!("../../live/harness/prelude.sh"),
    include_str!("service.sh")
);

/// What Debian's essential packages and an administrator bring. Without a machine's identity
/// systemd would enable every service, as on a first boot.
const FILES: [(&str, &str); 6] = [
    (
        "etc/passwd",
        "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
    ),
    ("etc/group", "root:x:0:\nnogroup:x:65534:\n"),
    ("etc/machine-id", "0123456789abcdef0123456789abcdef\n"),
    (
        "etc/os-release",
        "ID=debian\nNAME=Debian\nPRETTY_NAME=Debian\n",
    ),
    (
        "etc/systemd/system.conf",
        "[Manager]\nShowStatus=no\nLogLevel=notice\n",
    ),
    (
        "etc/systemd/system/default.target",
        "[Unit]\nDescription=A machine for a \
        test\nRequires=basic.target\nAfter=basic.target\nAllowIsolate=yes\n",
    ),
];

/// Tries the service of a binary's package, on one kernel: what systemd does is the same on all.
pub fn run(tracer: &Path, emulator: &Emulator) -> Tally {
    let started = Instant::now();
    match attempt(tracer, emulator) {
        Ok(()) => Tally::passed(&format!(
            "ok service (on {}) {:.1} s",
            kernels::DEFAULT,
            started.elapsed().as_secs_f64()
        )),
        Err(error) => Tally::failed(&format!("FAIL service: {error:#}")),
    }
}

fn attempt(tracer: &Path, emulator: &Emulator) -> Result<()> {
    let kernel = kernels::named(kernels::DEFAULT, emulator.arch)?;
    let systemd = setup::unpacked("systemd", "trixie", emulator.arch)?;
    let own = workspace::emptied("service")?;
    for (name, text) in FILES {
        let path = own.join(name);
        fs::create_dir_all(path.parent().context("a file is nowhere")?)?;
        fs::write(path, text)?;
    }
    run_to_end(
        Command::new("dpkg-deb")
            .arg("-x")
            .args([&package::package(tracer, emulator.arch)?, &own]),
    )?;
    let command = ["sh", "-c", SCRIPT].map(Into::into).to_vec();
    let mut spec = VmSpec::new(kernel, command);
    // Debian's own place for them is a link in this guest, and the service needs none.
    spec.kernel.loadable.clear();
    spec.files = [systemd, own]
        .map(|source| GuestFile {
            source,
            destination: "/".to_owned(),
        })
        .to_vec();
    // Whether it is slow the script sees; this one is for a guest that stands still.
    spec.timeout = Duration::from_mins(12);
    let mut said = Vec::new();
    let sinks = Sinks {
        stdout: &mut io::stderr(),
        stderr: &mut said,
    };
    let end = vm::run(emulator, &spec, sinks);
    let said = String::from_utf8_lossy(&said).trim_end().to_owned();
    match end {
        Ok(end) if end.status == 0 => Ok(()),
        Ok(_) => bail!("{said}"),
        Err(error) => Err(error).context(said),
    }
}
