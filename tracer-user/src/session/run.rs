//! One trace of the command line.

use std::{
    io::{self, Write},
    time::Duration,
};

use anyhow::{Context as _, Result};
use tokio::process::Child;
use tracer_common::{Config, CpuCounters, CpuMask, NO_DEPTH_LIMIT};

use super::{
    Callers, Learned, Stop, command, learn, printer::Printer, probes, probes::Probes, tell,
};
use crate::{
    attach::{Object, object::Sizes},
    filter::Filter,
    graph::{Rebuilder, Totals, tree::Interrupts},
    kernel::Kernel,
    output::ftrace::{self, FtraceWriter},
    plan::{self, Plan, Rules},
    stream::{Batch, Rings},
};

/// How long the rings are left alone when no root call ends.
const QUIET: Duration = Duration::from_millis(100);

/// Passes over the rings before it is asked again whether the time is up.
const MOST_PASSES: u32 = 4;

/// What the user asked for.
#[derive(Clone, Debug)]
pub struct Options {
    /// Roots by name, glob or syscall.
    pub roots: Vec<String>,
    /// Root calls are traced if they are entered here.
    pub cpus: CpuMask,
    /// Root calls are traced if they are theirs.
    pub callers: Callers,
    /// Functions that are left out with all below them, by name, glob or syscall.
    pub hidden: Vec<String>,
    /// What runs in hard interrupts.
    pub interrupts: Interrupts,
    /// Calls at this depth and deeper are left out.
    pub max_depth: Option<u32>,
    /// Which root calls are shown.
    pub filter: Filter,
    /// How the text looks.
    pub text: ftrace::Options,
    /// End after this time.
    pub duration: Option<Duration>,
    /// End after so many whole root calls.
    pub count: Option<u64>,
    /// How long to learn at most.
    pub learn: Duration,
    /// Bytes of each CPU's ring.
    pub ring_bytes: u32,
    /// Tell more on stderr.
    pub verbose: bool,
    /// A command to run and trace.
    pub command: Vec<String>,
}

/// How it went.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outcome {
    /// Sums over the root calls that were printed.
    pub totals: Totals,
    /// Root calls that the filter kept back; none without a filter.
    pub filtered_out: Option<u64>,
    /// The kernel side's counters.
    pub counters: CpuCounters,
}

/// Runs one trace; text goes to `out`, all else to stderr.
pub async fn run(options: &Options, out: impl Write) -> Result<Outcome> {
    let stop = Stop::on_signals().context("cannot listen for signals")?;
    probes::raise_file_limit();
    let kernel = Kernel::read()?;
    let rules = Rules::new(&kernel);
    let roots = plan::resolve_roots(&kernel, &rules, &options.roots)?;
    let hidden = plan::resolve_roots(&kernel, &rules, &options.hidden)?;
    let roots = plan::without_hidden(roots, &hidden)?;
    options.filter.check(roots.iter().map(|root| {
        let prototype = kernel.types.prototype(&root.name);
        (
            root.name.as_str(),
            prototype.map(|prototype| prototype.returns),
        )
    }))?;
    let mut child = command::start(&options.command)?;
    // Of one level there is nothing to learn.
    let roots_only = options.max_depth == Some(1);
    let mut learned = if roots_only {
        Learned::default()
    } else {
        learn(&kernel, &roots, options.learn, &stop)
    };
    let result = if stop.is_wanted() {
        Ok(Outcome::default())
    } else {
        let plan = Plan::new(
            &kernel,
            &rules,
            roots,
            std::mem::take(&mut learned.functions),
        )
        .hide(hidden);
        if !roots_only {
            tell::plan(&plan, &learned, options.verbose);
        }
        trace(options, &kernel, &plan, &mut child, &stop, out).await
    };
    command::end(&mut child).await;
    result
}

async fn trace(
    options: &Options,
    kernel: &Kernel,
    plan: &Plan,
    child: &mut Option<Child>,
    stop: &Stop,
    out: impl Write,
) -> Result<Outcome> {
    let btf = aya::Btf::from_sys_fs().context("the kernel's BTF cannot be read")?;
    let config = config(options, kernel, child.as_ref().and_then(Child::id));
    let sizes = Sizes {
        possible_cpus: kernel.possible_cpus,
        ring_bytes: options.ring_bytes,
        tasks: config.task_mask + 1,
    };
    let (mut object, rings) = Object::load(&config, sizes, &btf, options.verbose)?;
    let logger = diagnostics(&mut object, options.verbose);
    object.attach_tracepoints(&btf)?;
    let attached = probes::attach_all(&mut object, &btf, plan, stop)?;
    let table = plan.table(kernel);
    let writer = FtraceWriter::new(out, &table, options.text, kernel.possible_cpus);
    let mut printer = Printer::new(writer, &table, &options.filter, options.count);
    let mut rebuilder = Rebuilder::new(options.interrupts);
    let mut rings = Rings::new(rings).context("the rings cannot be watched")?;
    if !stop.is_wanted() {
        eprintln!(
            "tracer: tracing {}, {} functions below",
            tell::names(plan),
            attached.callees.len()
        );
        stream(
            options,
            &mut rings,
            &mut rebuilder,
            &mut printer,
            child,
            stop,
        )
        .await?;
    }
    command::end(child).await;
    let Probes {
        roots,
        callees,
        hidden,
    } = attached;
    probes::detach(roots, "roots");
    rings.pass(&mut |bytes| take(bytes, &mut rebuilder, &mut printer));
    rebuilder.finish(&mut |call| printer.print(call));
    let (totals, filtered_out, written) = printer.finish();
    let outcome = Outcome {
        totals,
        filtered_out: options.filter.is_active().then_some(filtered_out),
        counters: object.counters()?,
    };
    tell::totals(&outcome, options.verbose);
    probes::detach(callees.into_iter().chain(hidden).collect(), "functions");
    drop(logger);
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(outcome),
        Err(error) => {
            Err(error).context("the listing cannot be written; what was written before is whole")
        }
        Ok(()) => Ok(outcome),
    }
}

/// Reads until the trace ends.
async fn stream<W: Write>(
    options: &Options,
    rings: &mut Rings,
    rebuilder: &mut Rebuilder,
    printer: &mut Printer<'_, W>,
    child: &mut Option<Child>,
    stop: &Stop,
) -> Result<()> {
    let deadline = async {
        match options.duration {
            Some(duration) => tokio::time::sleep(duration).await,
            None => std::future::pending().await,
        }
    };
    tokio::pin!(deadline);
    loop {
        let command_ended = async {
            match child {
                Some(child) => child.wait().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = stop.wanted() => return Ok(()),
            () = &mut deadline => return Ok(()),
            status = command_ended => {
                status.context("the command cannot be waited for")?;
                return Ok(());
            }
            ready = rings.ready() => ready.context("the rings cannot be watched")?,
            // Batches of a root call that goes on wake nobody.
            () = tokio::time::sleep(QUIET) => {}
        }
        // Twice over the rings at least: only a complete pass tells a late batch from a lost one.
        let mut idle = 0;
        // Where every pass brings more, the other ends of a trace must still be heard.
        for _ in 0..MOST_PASSES {
            if idle == 2 || stop.is_wanted() {
                break;
            }
            let taken = rings.pass(&mut |bytes| take(bytes, rebuilder, printer));
            rebuilder.pass(&mut |call| printer.print(call));
            if printer.is_done() {
                return Ok(());
            }
            idle = if taken == 0 { idle + 1 } else { 0 };
            tokio::task::yield_now().await;
        }
    }
}

fn take<W: Write>(bytes: bytes::Bytes, rebuilder: &mut Rebuilder, printer: &mut Printer<'_, W>) {
    match Batch::new(bytes) {
        Ok(batch) => rebuilder.push(batch, &mut |call| printer.print(call)),
        Err(error) => eprintln!("tracer: {error}; it was left out"),
    }
}

fn config(options: &Options, kernel: &Kernel, command: Option<u32>) -> Config {
    let preempt_count = kernel.preempt_count();
    Config {
        text_base: kernel.text_base.0,
        per_cpu_offsets: preempt_count.map_or(0, |(offsets, _)| offsets.0),
        preempt_count: preempt_count.map_or(0, |(_, count)| count.0),
        preempt_layout: kernel.preempt_layout(),
        task_pid_offset: kernel.task_pid_offset,
        callers: options.callers.config(std::process::id(), command),
        max_depth: options.max_depth.unwrap_or(NO_DEPTH_LIMIT),
        task_mask: 1023,
        cpus: options.cpus,
    }
}

/// The eBPF side's own messages go to the log, which `-v` shows.
fn diagnostics(object: &mut Object, verbose: bool) -> Option<tokio::task::JoinHandle<()>> {
    if !verbose {
        return None;
    }
    let logger = aya_log::EbpfLogger::init(object.ebpf()).ok()?;
    // SAFETY: the descriptor belongs to the log's ring, stays the same and stays open as long as the logger.
    let mut logger = unsafe {
        tokio::io::unix::AsyncFd::register_with_interest(logger, tokio::io::Interest::READABLE)
    }
    .ok()?;
    Some(tokio::spawn(async move {
        while let Ok(mut guard) = logger.readable_mut().await {
            guard.get_inner_mut().flush();
            guard.clear_ready();
        }
    }))
}
