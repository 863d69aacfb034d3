//! `cargo xtask bench`: the command line and the boots.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use clap::Args;

use super::figures::Figures;
use crate::setup::{self, Emulator, Kernel, KernelChoice, kernels};
use crate::vm::{self, GuestFile, VmSpec};
use crate::{build, process::say};

const CALLS: &str = include_str!("calls.sh");
const ATTACHING: &str = include_str!("attaching.sh");

/// A measurement
#[derive(Args, Debug)]
pub struct BenchArgs {
    /// 6.1, 6.12, 6.18, 7.3, or the path of a bzImage
    #[arg(long, default_value = kernels::DEFAULT)]
    kernel: KernelChoice,
    /// Prints the figures as JSON
    #[arg(long)]
    json: bool,
}

/// Measures one kernel.
pub fn main(args: &BenchArgs) -> Result<u8> {
    build::build()?;
    let probes = build::example("probes")?;
    let emulator = setup::emulator()?;
    let kernel = args.kernel.resolve()?;
    let asked = guest(&emulator, &kernel, &probes, "tracer check", false)?;
    let ways: Vec<&str> = ["multi", "kprobe"]
        .into_iter()
        .filter(|way| {
            asked
                .lines()
                .any(|line| line.starts_with("ok") && line.contains(way))
        })
        .chain(["pair"])
        .collect();
    let setting = format!("WAYS='{}'\nCOUNTS='100 300 1000'\n", ways.join(" "));
    say("counting the instructions of traced calls");
    let calls = guest(
        &emulator,
        &kernel,
        &probes,
        &(setting.clone() + CALLS),
        true,
    )?;
    say("timing how long attaching takes");
    let attaching = guest(&emulator, &kernel, &probes, &(setting + ATTACHING), false)?;
    let figures = Figures::read(&kernel.release, &ways, &calls, &attaching)?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&figures)?);
    } else {
        print!("{figures}");
    }
    Ok(0)
}

/// What a script prints in a guest of its own.
fn guest(
    emulator: &Emulator,
    kernel: &Kernel,
    probes: &Path,
    script: &str,
    icount: bool,
) -> Result<String> {
    let command = ["sh", "-c", script].map(OsString::from).to_vec();
    let mut spec = VmSpec::new(kernel.clone(), command);
    spec.icount = icount;
    if icount {
        spec.smp = 1;
    }
    spec.timeout = Duration::from_mins(30);
    spec.files.push(GuestFile {
        source: probes.to_owned(),
        destination: "/probes".to_owned(),
    });
    vm::output(emulator, &spec)
}
