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
mod table;
mod tally;

use std::env;
use std::num::NonZeroUsize;
use std::thread;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};

use crate::arch::{Arch, ArchArgs};
use crate::build;
use crate::process::say;
use crate::setup::matrix::{self, Runs};
use crate::setup::{self, Emulator, Kernel, KernelChoice, kernels};

use tally::Tally;

/// Names further bzImages for the matrix, separated by colons.
const EXTRA_KERNELS: &str = "TRACER_EXTRA_KERNELS";

/// Which tests to run.
#[derive(Args, Debug)]
pub struct TestArgs {
    /// Only on this kernel, one of xtask/matrix.toml, such as 6.12, or the path of a bzImage; may
    /// be given several times
    #[arg(long)]
    kernel: Vec<KernelChoice>,
    /// The whole matrix, every processor and flavour: hours
    #[arg(long, conflicts_with_all = ["kernel", "arch"])]
    all: bool,
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

/// What boots the guests of a processor, and which.
struct Guests {
    emulator: Emulator,
    kernels: Vec<Kernel>,
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
    let tests = script::find(args.only.as_deref())?;
    let cpus = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    // A guest runs on one CPU and waits for a quarter of the time.
    let workers = args.jobs.map_or(cpus + cpus / 2, NonZeroUsize::get);
    let guests = guests(args, emulator)?;
    let table = table::Table::default();
    let mut jobs: Vec<_> = guests
        .iter()
        .flat_map(|guests| live::jobs(&guests.emulator, &guests.kernels, &tests, &table))
        .collect();
    if with_host {
        jobs.push(Box::new(|| service::run(&tracer, &guests[0].emulator)));
    }
    *total += queue::run(jobs, workers);
    if args.all {
        table.print(matrix::rows());
    }
    Ok(())
}

/// The kernels to test, by their processors; those of the host's first.
fn guests(args: &TestArgs, emulator: Emulator) -> Result<Vec<Guests>> {
    let arch = emulator.arch;
    if !args.kernel.is_empty() {
        let kernels = args.kernel.iter().map(|kernel| kernel.resolve(arch));
        let kernels = kernels.collect::<Result<_>>()?;
        return Ok(vec![Guests { emulator, kernels }]);
    }
    let mut kernels = packaged(arch, args.all)?;
    let extra = env::var(EXTRA_KERNELS).unwrap_or_default();
    for path in extra.split(':').filter(|path| !path.is_empty()) {
        let kernel: KernelChoice = path.parse().map_err(anyhow::Error::msg)?;
        let kernel = kernel.resolve(arch);
        kernels.push(kernel.with_context(|| format!("{path} in {EXTRA_KERNELS}"))?);
    }
    say_missing(arch, &kernels);
    let mut all = vec![Guests { emulator, kernels }];
    let others = Arch::value_variants().iter().filter(|it| **it != arch);
    for &other in others.filter(|_| args.all) {
        build::build(other)?;
        let (emulator, kernels) = (setup::emulator(other)?, packaged(other, true)?);
        all.push(Guests { emulator, kernels });
    }
    Ok(all)
}

/// Says which rows have an image that nobody has given.
fn say_missing(arch: Arch, kernels: &[Kernel]) {
    let custom = matrix::rows().filter(|row| row.arch == arch && row.package().is_none());
    for row in custom {
        let is_there = kernels.iter().filter_map(|kernel| kernel.row);
        if !is_there.into_iter().any(|it| it.kernel == row.kernel) {
            say(format!(
                "{row} is not tested: {EXTRA_KERNELS} has no image of it"
            ));
        }
    }
}

/// The kernels that Debian has, of the rows that run always or of all.
fn packaged(arch: Arch, all: bool) -> Result<Vec<Kernel>> {
    matrix::rows()
        .filter(|row| row.arch == arch && row.package().is_some())
        // Another processor's run when they are asked for.
        .filter(|row| all || row.runs == Runs::Always || !arch.is_host())
        .map(kernels::of)
        .collect()
}
