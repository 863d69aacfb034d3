//! `cargo xtask test`: all tests, first on the host, then on each kernel of the matrix.
//!
//! What runs inside a kernel are the scripts in `xtask/live`, all of them in one boot of each
//! kernel. The last line on stdout is `N passed, N failed, N skipped` over everything, whatever
//! happened; what is going on goes to stderr, and at its end once more what failed.

mod host;
mod live;
mod package;
mod queue;
mod report;
mod script;
mod service;
mod tally;

use std::env;
use std::num::NonZeroUsize;
use std::thread;

use anyhow::{Context, Result};
use clap::Args;

use crate::arch::ArchArgs;
use crate::build;
use crate::setup::{self, Kernel, KernelChoice, kernels};

use tally::Tally;

/// Names further bzImages for the matrix, separated by colons.
const EXTRA_KERNELS: &str = "TRACER_EXTRA_KERNELS";

/// Which tests to run.
#[derive(Args, Debug)]
pub struct TestArgs {
    /// Only on this kernel, 6.1, 6.12, 6.18, 7.3 or the path of a bzImage; may be given several
    /// times
    #[arg(long)]
    kernel: Vec<KernelChoice>,
    #[command(flatten)]
    on: ArchArgs,
    /// Only the live tests whose name contains this, or `service`, which has a boot of its own
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Leaves out what runs on the host
    #[arg(long)]
    no_host: bool,
    /// How many kernels run at the same time; half as many again as the host has CPUs, if not given
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
}

/// Runs the tests, and returns xtask's exit status.
pub fn main(args: &TestArgs) -> u8 {
    let mut total = Tally::default();
    let outcome = run(args, &mut total);
    if let Err(error) = outcome {
        total += Tally::failed(&format!("error: {error:#}"));
    }
    total.say_failures();
    println!("{total}");
    u8::from(total.failed > 0)
}

fn run(args: &TestArgs, total: &mut Tally) -> Result<()> {
    let arch = args.on.arch;
    let tracer = build::build(arch)?;
    let emulator = setup::emulator(arch)?;
    // What runs on the host needs the host's own.
    let with_host = !args.no_host && arch.is_host();
    if args.only.as_deref() == Some(service::NAME) {
        *total += service::run(&tracer, &emulator);
        return Ok(());
    }
    if with_host {
        *total += host::run()?;
        *total += package::run(&tracer, &emulator);
    }
    let kernels = matrix(args)?
        .iter()
        .map(|kernel| kernel.resolve(arch))
        .collect::<Result<Vec<Kernel>>>()?;
    let tests = script::find(args.only.as_deref())?;
    let cpus = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    // A guest runs on one CPU and waits for a quarter of the time.
    let workers = args.jobs.map_or(cpus + cpus / 2, NonZeroUsize::get);
    let mut jobs = live::jobs(&emulator, &kernels, &tests);
    if with_host {
        jobs.push(Box::new(|| service::run(&tracer, &emulator)));
    }
    *total += queue::run(jobs, workers);
    Ok(())
}

/// The kernels to test.
fn matrix(args: &TestArgs) -> Result<Vec<KernelChoice>> {
    if !args.kernel.is_empty() {
        return Ok(args.kernel.clone());
    }
    let mut kernels: Vec<_> = kernels::of(args.on.arch)
        .iter()
        .map(|series| KernelChoice::Series((*series).to_owned()))
        .collect();
    let extra = env::var(EXTRA_KERNELS).unwrap_or_default();
    for path in extra.split(':').filter(|path| !path.is_empty()) {
        let kernel = path.parse().map_err(anyhow::Error::msg);
        kernels.push(kernel.with_context(|| format!("{path} in {EXTRA_KERNELS}"))?);
    }
    Ok(kernels)
}
