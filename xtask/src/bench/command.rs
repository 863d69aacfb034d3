//! `cargo xtask bench`: the command line and the boots.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::Args;

use super::figures::Figures;
use crate::arch::ArchArgs;
use crate::setup::{self, Emulator, Kernel, KernelChoice, kernels};
use crate::vm::{self, GuestFile, VmSpec};
use crate::{build, checked, process::say};

const CALLS: &str = include_str!("calls.sh");
const ATTACHING: &str = include_str!("attaching.sh");
const PROMPT: &str = include_str!("prompt.sh");
const FIRST: &str = include_str!("first.sh");
const READS: &str = include_str!("reads.sh");
const WIDE: &str = include_str!("wide.sh");

/// A measurement
#[derive(Args, Debug)]
pub struct BenchArgs {
    /// A kernel of xtask/matrix.toml, such as 6.12, or the path of a bzImage
    #[arg(long, default_value = kernels::DEFAULT)]
    kernel: KernelChoice,
    #[command(flatten)]
    on: ArchArgs,
    /// Prints the figures as JSON
    #[arg(long)]
    json: bool,
}

/// Measures one kernel.
pub fn main(args: &BenchArgs) -> Result<u8> {
    let arch = args.on.arch;
    build::build(arch)?;
    let guest = Guest {
        emulator: setup::emulator(arch)?,
        kernel: args.kernel.resolve(arch)?,
        probes: build::example(arch, "probes")?,
        bpftrace: setup::unpacked("bpftrace", "sid", arch)?,
        trace_cmd: setup::unpacked("trace-cmd", "trixie", arch)?,
    };
    let asked = guest.run("tracer check", Measure::Time)?;
    let has = |mechanism: &&str| checked::has(&asked, mechanism);
    let mechanisms: Vec<&str> = ["multi", "kprobe"]
        .into_iter()
        .filter(has)
        .chain(["pair"])
        .collect();
    let setting = format!(
        "MECHANISMS='{}'\nCOUNTS='100 300 1000'\n",
        mechanisms.join(" ")
    );
    say("counting the instructions of traced calls");
    let calls = guest.run(&(setting.clone() + CALLS), Measure::Instructions)?;
    say("timing how long attaching takes, and the prompt");
    let mut attaching = guest.run(&(setting + ATTACHING), Measure::Time)?;
    attaching += &guest.run(PROMPT, Measure::Instructions)?;
    attaching += &guest.run(WIDE, Measure::Instructions)?;
    attaching += &guest.run(FIRST, Measure::Instructions)?;
    attaching += &guest.run(READS, Measure::Instructions)?;
    let figures = Figures::read(&guest.kernel.release, &mechanisms, &calls, &attaching)?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&figures)?);
    } else {
        print!("{figures}");
    }
    Ok(0)
}

/// What the guest's clock shows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Measure {
    /// Those of its one CPU.
    Instructions,
    Time,
}

/// What measurements run in, each in a boot of its own.
struct Guest {
    emulator: Emulator,
    kernel: Kernel,
    /// The example that attaches probes that do nothing.
    probes: PathBuf,
    bpftrace: PathBuf,
    trace_cmd: PathBuf,
}

impl Guest {
    /// What a script prints.
    fn run(&self, script: &str, measure: Measure) -> Result<String> {
        let command = ["sh", "-c", script].map(OsString::from).to_vec();
        let mut spec = VmSpec::new(self.kernel.clone(), command);
        let mut file = |source: &PathBuf, destination: &str| {
            spec.files.push(GuestFile {
                source: source.clone(),
                destination: destination.to_owned(),
            });
        };
        file(&self.probes, "/probes");
        if measure == Measure::Instructions {
            file(&self.bpftrace, "/bpftrace");
            file(&self.trace_cmd, "/trace-cmd");
            // bpftrace comes with a compiler.
            spec.memory_mib = 3072;
            spec.icount = true;
            spec.smp = 1;
        }
        spec.timeout = Duration::from_hours(1);
        vm::output(&self.emulator, &spec)
    }
}
