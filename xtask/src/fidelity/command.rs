//! `cargo xtask fidelity`: the command line, the boot, and what is printed.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Args;

use super::differences::differences;
use super::one_shot::command::{self as one_shot, OneShotArgs};
use super::{Identical, InOrder, Report, Spec, report, script};
use crate::arch::ArchArgs;
use crate::build;
use crate::setup::{self, Emulator, Kernel, KernelChoice, kernels};
use crate::vm::{self, VmSpec};

/// What this project promises of its graphs: the share of the kernel's calls that ours have.
const RECALL: f64 = 0.99;
/// And the share of ours that the kernel's have.
const PRECISION: f64 = 0.99;
/// Recall with everything compared, interrupts too, where tracer left nothing out.
const RAW_RECALL: f64 = 0.98;

/// The workloads that are compared where none is named.
const WORKLOADS: [&str; 4] = ["sockmap", "tcp", "udp", "unix"];

/// A workload for each of the other roots that are compared with `--all-roots`.
const OTHER_ROOTS: [(&str, &str); 7] = [
    ("__sys_recvfrom", "tcp"),
    ("vfs_read", "files"),
    ("vfs_write", "files"),
    ("do_sys_openat2", "files"),
    ("ksys_mmap_pgoff", "memory"),
    ("do_epoll_wait", "epoll"),
    ("kernel_clone", "threads"),
];

/// A comparison.
#[derive(Args, Debug)]
pub struct FidelityArgs {
    /// A kernel of xtask/matrix.toml, such as 6.12, or the path of a bzImage
    #[arg(long, default_value = kernels::DEFAULT)]
    kernel: KernelChoice,
    #[command(flatten)]
    on: ArchArgs,
    /// The root function
    #[arg(long, default_value = "__sys_sendto")]
    root: String,
    /// A workload of `tracer workload`; may be repeated; those of the root without
    #[arg(long = "workload")]
    workloads: Vec<String>,
    /// Compares seven roots more, each with a workload of its own
    #[arg(long, conflicts_with_all = ["root", "workloads"])]
    all_roots: bool,
    /// How tracer attaches: multi, kprobe or pair
    #[arg(long)]
    attach: Option<String>,
    /// Lets tracer trace what costs much, too
    #[arg(long)]
    all_calls: bool,
    /// Looks for the calls of this listing of another kernel, such as `perf ftrace -G` prints, in
    /// their order
    #[arg(long, value_name = "FILE", conflicts_with = "all_roots")]
    like: Option<PathBuf>,
    #[command(flatten)]
    one_shot: OneShotArgs,
    /// Prints the reports as JSON
    #[arg(long)]
    json: bool,
}

/// Runs it; the exit status is 1 if a promise is broken.
pub fn main(args: &FidelityArgs) -> Result<u8> {
    if let Some(file) = &args.one_shot.listings {
        return one_shot::again(file, &args.one_shot, args.json);
    }
    let arch = args.on.arch;
    build::build(arch)?;
    let emulator = setup::emulator(arch)?;
    let kernel = args.kernel.resolve(arch)?;
    if args.one_shot.one_shot {
        let machine = one_shot::Machine {
            emulator: &emulator,
            kernel: &kernel,
        };
        return one_shot::main(machine, &args.one_shot, &args.options(), args.json);
    }
    let reports = measure(&emulator, &kernel, &args.specs()?)?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&reports)?);
    } else {
        for report in &reports {
            println!("{}", describe(report));
        }
    }
    Ok(u8::from(!reports.iter().all(is_kept)))
}

impl FidelityArgs {
    /// Roots, each with a workload.
    fn pairs(&self) -> Vec<(&str, &str)> {
        let root = self.root.as_str();
        if !self.workloads.is_empty() {
            return self
                .workloads
                .iter()
                .map(|workload| (root, workload.as_str()))
                .collect();
        }
        if let Some(pair) = OTHER_ROOTS.iter().find(|pair| pair.0 == root) {
            return vec![*pair];
        }
        let mut pairs = WORKLOADS.map(|workload| (root, workload)).to_vec();
        if self.all_roots {
            pairs.extend(OTHER_ROOTS);
        }
        pairs
    }

    /// What is compared.
    fn specs(&self) -> Result<Vec<Spec>> {
        let read = |path: &PathBuf| {
            fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
        };
        let like = self.like.as_ref().map(read).transpose()?;
        let spec = |(root, workload): (&str, &str)| Spec {
            root: root.to_owned(),
            workload: workload.to_owned(),
            options: self.options(),
            like: like.clone(),
        };
        Ok(self.pairs().into_iter().map(spec).collect())
    }

    /// What tracer is told besides.
    fn options(&self) -> String {
        let mut options = String::new();
        if let Some(mechanism) = &self.attach {
            options = format!("--attach {mechanism}");
        }
        if self.all_calls {
            options += " --all-calls";
        }
        options
    }
}

/// Whether a report keeps the promises.
fn is_kept(report: &Report) -> bool {
    let Report {
        raw,
        attachable,
        in_order,
        skipped,
        ..
    } = report;
    attachable.recall >= RECALL
        && attachable.precision >= PRECISION
        && (!skipped.is_empty() || raw.recall >= RAW_RECALL)
        && in_order
            .as_ref()
            .is_none_or(|found| found.ours >= found.kernel)
}

/// Compares every root with its workload, all in one boot.
fn measure(emulator: &Emulator, kernel: &Kernel, specs: &[Spec]) -> Result<Vec<Report>> {
    let script: String = specs.iter().map(script).collect();
    let command = ["sh", "-c", &script].map(OsString::from).to_vec();
    let mut spec = VmSpec::new(kernel.clone(), command);
    // As many interrupts come in a call as on a real machine, and no more where the host is busy.
    spec.icount = true;
    // The sender and the reader have a CPU each; a tracer that shared one with them would change
    // what they do. 6.1 does not come up with several CPUs whose time goes by instructions (QEMU
    // 7.2): the one that starts the others waits for them in schedule(), without the pause that
    // lets the emulator run them. On one CPU the real-time workload keeps tracer out of its way.
    spec.smp = if kernel.name == "6.1" { 1 } else { 4 };
    spec.timeout = Duration::from_hours(1);
    let output = vm::output(emulator, &spec)?;
    specs.iter().map(|spec| report(spec, &output)).collect()
}

/// A report in a few lines.
fn describe(report: &Report) -> String {
    let Report {
        root,
        workload,
        calls,
        torn,
        raw,
        attachable,
        identical,
        in_order,
        skipped,
    } = report;
    let mut text = format!(
        "{root} {workload}: recall {:.3} precision {:.3} (raw {:.3} {:.3}); {} and {} calls \
        compared, {} and {} torn",
        attachable.recall,
        attachable.precision,
        raw.recall,
        raw.precision,
        calls.0,
        calls.1,
        torn.0,
        torn.1
    );
    let Identical {
        of,
        names,
        values,
        different_values,
    } = identical;
    let _ = write!(
        text,
        "\n    {names} of our {of} calls are line by line one of the kernel's, {values} with their \
        return values"
    );
    if !different_values.is_empty() {
        let functions: Vec<&str> = different_values.iter().map(String::as_str).collect();
        let _ = write!(text, "; different values: {}", functions.join(", "));
    }
    if let Some(InOrder {
        of,
        made,
        kernel,
        ours,
    }) = in_order
    {
        let _ = write!(
            text,
            "\n    of the {of} calls of the other listing this kernel makes {made}; in their \
            order: {kernel} in its own best call, {ours} in ours"
        );
    }
    text += &differences("missing", &attachable.missing);
    text += &differences("surplus", &attachable.surplus);
    if skipped.is_empty() {
        text += &differences("missing, interrupts too,", &raw.missing);
    }
    for (name, reason) in skipped {
        text.push_str("\n    skipped ");
        text.push_str(name);
        text.push_str(": ");
        text.push_str(reason);
    }
    text
}
