//! `cargo xtask torture`: every function that tracer would attach is attached, by each mechanism,
//! while workloads run.
//!
//! The kernel accepts probes on functions that freeze it, and the rules of tracer's plan are to
//! know them. Here they are tried: groups of functions, each twice as large as the one before,
//! below roots that the workloads call. Groups follow each other in one boot until one does harm:
//! the kernel complains, the machine stands still, or tracer or a workload fails. Then the group is
//! tried by halves, in new boots, down to the function. What was done is kept in `target/torture`,
//! and a run goes on where the last one stopped.

mod functions;
mod machine;
mod state;

use std::fmt::Write as _;

use anyhow::{Result, bail};
use clap::Args;

use crate::arch::ArchArgs;
use crate::build;
use crate::checked;
use crate::process::say;
use crate::setup::{self, Emulator, Kernel, KernelChoice, kernels};
use crate::vm::{self, VmSpec};

use machine::Machine;
use state::State;

/// Functions in a group.
const LARGEST: usize = 8192;
const LARGEST_OF_PAIRS: usize = 256;

const PAIR_MECHANISM: &str = "pair";

/// A torture
#[derive(Args, Debug)]
pub struct TortureArgs {
    /// A kernel of xtask/matrix.toml, such as 6.12, or the path of a bzImage
    #[arg(long, default_value = kernels::DEFAULT)]
    kernel: KernelChoice,
    #[command(flatten)]
    on: ArchArgs,
    /// Only this mechanism: multi, kprobe or pair
    #[arg(long)]
    mechanism: Option<String>,
    /// Only the functions that this file names, one a line; without, all, and for pairs all that
    /// the workloads call
    #[arg(long, value_name = "FILE")]
    functions: Option<std::path::PathBuf>,
    /// The most functions in a group; without, 8192, and 256 pairs
    #[arg(long)]
    largest: Option<usize>,
}

/// Tortures one kernel.
pub fn main(args: &TortureArgs) -> Result<u8> {
    let arch = args.on.arch;
    build::build(arch)?;
    let emulator = setup::emulator(arch)?;
    let kernel = args.kernel.resolve(arch)?;
    let mut status = 0;
    for mechanism in mechanisms(&emulator, &kernel, args.mechanism.as_deref())? {
        let file = state::file(&kernel.release, &mechanism);
        let mut state = match state::read(&file)? {
            Some(state) => state,
            None => begin(&emulator, &kernel, &mechanism, args)?,
        };
        state::write(&file, &state)?;
        let machine = Machine {
            emulator: &emulator,
            kernel: &kernel,
            mechanism: &mechanism,
        };
        while !state.waiting.is_empty() {
            machine.boot(&mut state)?;
            state::write(&file, &state)?;
            say(format!(
                "{} {mechanism}: {} functions done, {} boots, {} findings",
                kernel.release,
                state.done,
                state.boots,
                state.findings.len()
            ));
        }
        print!("{}", report(&kernel.release, &mechanism, &state));
        status |= u8::from(!state.findings.is_empty());
    }
    Ok(status)
}

/// All is still to do.
fn begin(
    emulator: &Emulator,
    kernel: &Kernel,
    mechanism: &str,
    args: &TortureArgs,
) -> Result<State> {
    let functions = functions::choose(emulator, kernel, mechanism, args.functions.as_deref())?;
    say(format!(
        "{} {mechanism}: {} functions to attach",
        kernel.release,
        functions.len()
    ));
    let largest = match mechanism {
        PAIR_MECHANISM => LARGEST_OF_PAIRS,
        _ => LARGEST,
    };
    Ok(State::new(&functions, args.largest.unwrap_or(largest)))
}

fn report(release: &str, mechanism: &str, state: &State) -> String {
    let mut text = format!(
        "{release} {mechanism}: {} functions came to their end, {} attached; {} refused; {} boots; {} \
        findings\n",
        state.done,
        state.attached,
        state.refused.len(),
        state.boots,
        state.findings.len()
    );
    for finding in &state.findings {
        let _ = writeln!(
            text,
            "  {}: {}",
            finding.functions.join(" "),
            finding.evidence
        );
    }
    text
}

/// The mechanisms that the kernel has, or the one that was asked for.
fn mechanisms(emulator: &Emulator, kernel: &Kernel, wanted: Option<&str>) -> Result<Vec<String>> {
    let asked = script(emulator, kernel, "tracer check || true")?;
    let has = |mechanism: &&str| *mechanism == PAIR_MECHANISM || checked::has(&asked, mechanism);
    let mechanisms = ["multi", "kprobe", "kprobe-multi", PAIR_MECHANISM]
        .into_iter()
        .filter(has);
    let mechanisms: Vec<String> = mechanisms
        .filter(|mechanism| wanted.is_none_or(|wanted| wanted == *mechanism))
        .map(str::to_owned)
        .collect();
    if mechanisms.is_empty() {
        bail!("{} has no such mechanism", kernel.release);
    }
    Ok(mechanisms)
}

fn script(emulator: &Emulator, kernel: &Kernel, script: &str) -> Result<String> {
    let command = ["sh", "-c", script].map(Into::into).to_vec();
    vm::output(emulator, &VmSpec::new(kernel.clone(), command))
}
