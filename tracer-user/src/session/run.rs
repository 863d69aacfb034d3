//! One trace of the command line.

use std::{
    io::{self, Write},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context as _, Result, anyhow};
use indicatif::{ProgressBar, ProgressStyle};
use tokio::process::{Child, Command};
use tracer_common::{Config, CpuCounters, CpuMask, NO_DEPTH_LIMIT};

use super::{Learned, Stop, learn};
use crate::{
    attach::{Object, Pair, Role, object::Sizes},
    graph::{Rebuilder, RootCall, Totals, tree::Interrupts},
    kernel::Kernel,
    output::ftrace::{self, FtraceWriter},
    plan::{self, Plan},
    stream::{Batch, Rings},
};

/// How long the rings are left alone when no root call ends.
const QUIET: Duration = Duration::from_millis(100);

/// What the user asked for.
#[derive(Clone, Debug)]
pub struct Options {
    /// Roots by name, glob or syscall.
    pub roots: Vec<String>,
    /// Root calls are traced if they are entered here.
    pub cpus: CpuMask,
    /// Only this process, and not the tracer's own command's.
    pub pid: Option<u32>,
    /// What runs in hard interrupts.
    pub interrupts: Interrupts,
    /// Calls at this depth and deeper are left out.
    pub max_depth: Option<u32>,
    /// How the text looks.
    pub text: ftrace::Options,
    /// End after this time.
    pub duration: Option<Duration>,
    /// End after so many root calls.
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
    /// Sums over the root calls.
    pub totals: Totals,
    /// The kernel side's counters.
    pub counters: CpuCounters,
}

/// Runs one trace; text goes to `out`, all else to stderr.
pub async fn run(options: &Options, out: impl Write) -> Result<Outcome> {
    let stop = Stop::on_signals().context("cannot listen for signals")?;
    raise_file_limit();
    let kernel = Kernel::read()?;
    let roots = plan::resolve_roots(&kernel, &options.roots)?;
    let mut child = start(&options.command)?;
    let only = options.pid.or_else(|| child.as_ref().and_then(Child::id));
    let learned = learn(&kernel, &roots, options.learn, &stop);
    let result = if stop.is_wanted() {
        Ok(Outcome::default())
    } else {
        let plan = Plan::new(&kernel, roots, learned.functions.clone());
        tell_plan(&plan, &learned, options.verbose);
        trace(options, &kernel, &plan, only, &mut child, &stop, out).await
    };
    end_command(&mut child).await;
    result
}

async fn trace(
    options: &Options,
    kernel: &Kernel,
    plan: &Plan,
    only: Option<u32>,
    child: &mut Option<Child>,
    stop: &Stop,
    out: impl Write,
) -> Result<Outcome> {
    let btf = aya::Btf::from_sys_fs().context("the kernel's BTF cannot be read")?;
    let config = config(options, kernel, only);
    let sizes = Sizes {
        possible_cpus: kernel.possible_cpus,
        ring_bytes: options.ring_bytes,
        tasks: config.task_mask + 1,
    };
    let (mut object, rings) = Object::load(&config, sizes, &btf, options.verbose)?;
    let logger = diagnostics(&mut object, options.verbose);
    object.attach_tracepoints(&btf)?;
    let probes = attach_all(&mut object, &btf, plan, stop)?;
    let table = plan.table(kernel);
    let mut writer = FtraceWriter::new(out, &table, options.text, kernel.possible_cpus);
    let mut printer = Printer {
        written: writer.header(),
        writer: &mut writer,
        calls: 0,
        limit: options.count,
    };
    let mut rebuilder = Rebuilder::new(options.interrupts);
    let mut rings = Rings::new(rings).context("the rings cannot be watched")?;
    if !stop.is_wanted() {
        eprintln!(
            "tracer: tracing {}, {} functions below",
            names(plan),
            probes.callees.len()
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
    end_command(child).await;
    let Probes { roots, callees } = probes;
    detach(roots, "roots");
    rings.pass(&mut |bytes| take(bytes, &mut rebuilder, &mut printer));
    rebuilder.finish(&mut |call| printer.print(&call));
    let outcome = Outcome {
        totals: rebuilder.totals(),
        counters: object.counters()?,
    };
    let written = printer.written;
    tell_totals(&outcome, options.verbose);
    detach(callees, "functions");
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
    printer: &mut Printer<'_, '_, W>,
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
        while idle < 2 && !stop.is_wanted() {
            let taken = rings.pass(&mut |bytes| take(bytes, rebuilder, printer));
            rebuilder.pass(&mut |call| printer.print(&call));
            if printer.is_done() {
                return Ok(());
            }
            idle = if taken == 0 { idle + 1 } else { 0 };
            tokio::task::yield_now().await;
        }
    }
}

fn take<W: Write>(
    bytes: bytes::Bytes,
    rebuilder: &mut Rebuilder,
    printer: &mut Printer<'_, '_, W>,
) {
    match Batch::new(bytes) {
        Ok(batch) => rebuilder.push(batch, &mut |call| printer.print(&call)),
        Err(error) => eprintln!("tracer: {error}; it was left out"),
    }
}

/// Writes root calls until the number that was asked for, or until nobody reads any more.
struct Printer<'w, 'a, W> {
    writer: &'w mut FtraceWriter<'a, W>,
    written: io::Result<()>,
    calls: u64,
    limit: Option<u64>,
}

impl<W: Write> Printer<'_, '_, W> {
    fn print(&mut self, call: &RootCall) {
        if self.is_done() {
            return;
        }
        self.calls += 1;
        self.written = self.writer.root_call(call);
    }

    fn is_done(&self) -> bool {
        self.written.is_err() || self.limit.is_some_and(|limit| self.calls >= limit)
    }
}

struct Probes {
    roots: Vec<Pair>,
    callees: Vec<Pair>,
}

/// Attaches the callees, then the roots. A callee that the kernel does not accept is reported and left out.
fn attach_all(object: &mut Object, btf: &aya::Btf, plan: &Plan, stop: &Stop) -> Result<Probes> {
    let bar = progress("attaching", plan.callees.len() + plan.roots.len());
    let mut callees = Vec::with_capacity(plan.callees.len());
    for planned in &plan.callees {
        if stop.is_wanted() {
            break;
        }
        match Pair::attach(object, btf, &planned.name, Role::Callee) {
            Ok(pair) => callees.push(pair),
            Err(error @ crate::attach::AttachError::Function { .. }) => {
                eprintln!("tracer: {error}; it is left out of the graph");
            }
            Err(error) => return Err(error.into()),
        }
        bar.inc(1);
    }
    let mut roots = Vec::with_capacity(plan.roots.len());
    for planned in &plan.roots {
        if stop.is_wanted() {
            break;
        }
        roots.push(Pair::attach(object, btf, &planned.name, Role::Root)?);
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(Probes { roots, callees })
}

/// Takes probes away one by one, with a word where it takes long.
fn detach(probes: Vec<Pair>, what: &str) {
    let count = probes.len();
    let begin = std::time::Instant::now();
    let bar = progress("detaching", count);
    let mut told = false;
    for (index, probe) in probes.into_iter().enumerate() {
        drop(probe);
        bar.inc(1);
        if !told && bar.is_hidden() && begin.elapsed() > Duration::from_secs(2) {
            told = true;
            let rest = begin.elapsed() * u32::try_from(count - index).unwrap_or(u32::MAX)
                / u32::try_from(index + 1).unwrap_or(u32::MAX);
            eprintln!(
                "tracer: this kernel takes its time to let probes go: {count} {what}, about {} s more",
                rest.as_secs() + 1
            );
        }
    }
    bar.finish_and_clear();
}

fn progress(what: &'static str, count: usize) -> ProgressBar {
    // Draws on a terminal only.
    let bar = ProgressBar::new(count as u64);
    if let Ok(style) = ProgressStyle::with_template("tracer: {msg} {bar:30} {pos}/{len}") {
        bar.set_style(style);
    }
    bar.with_message(what)
}

fn config(options: &Options, kernel: &Kernel, only: Option<u32>) -> Config {
    let preempt_count = kernel.preempt_count();
    Config {
        text_base: kernel.text_base.0,
        per_cpu_offsets: preempt_count.map_or(0, |(offsets, _)| offsets.0),
        preempt_count: preempt_count.map_or(0, |(_, count)| count.0),
        task_pid_offset: kernel.task_pid_offset,
        own_tgid: std::process::id(),
        only_tgid: only.unwrap_or(0),
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

fn start(command: &[String]) -> Result<Option<Child>> {
    let Some((program, arguments)) = command.split_first() else {
        return Ok(None);
    };
    Command::new(program)
        .args(arguments)
        .stdin(Stdio::inherit())
        .kill_on_drop(true)
        .spawn()
        .map(Some)
        .map_err(|error| anyhow!("`{program}` cannot be run: {error}"))
}

/// Ends a command that is still running, as perf does.
async fn end_command(child: &mut Option<Child>) {
    let Some(child) = child else { return };
    if let (Ok(None), Some(id)) = (child.try_wait(), child.id()) {
        let pid = nix::unistd::Pid::from_raw(i32::try_from(id).unwrap_or(0));
        if pid.as_raw() > 0 {
            let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM);
        }
        let _ = tokio::time::timeout(Duration::from_secs(2), child.wait()).await;
    }
}

/// Two programs and two links a function: the usual limit of 1,024 is soon reached. Without the capability to
/// raise it, attaching says so when it gets there.
fn raise_file_limit() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    const WANTED: u64 = 1 << 20;
    if setrlimit(Resource::RLIMIT_NOFILE, WANTED, WANTED).is_err()
        && let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE)
    {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    }
}

fn names(plan: &Plan) -> String {
    let names: Vec<&str> = plan.roots.iter().map(|root| root.name.as_str()).collect();
    names.join(", ")
}

fn tell_plan(plan: &Plan, learned: &Learned, verbose: bool) {
    match &learned.remark {
        Some(remark) => eprintln!(
            "tracer: {remark}: tracing what the text of {} calls, {} functions",
            names(plan),
            plan.callees.len()
        ),
        None => eprintln!(
            "tracer: learned {} functions from {} calls; {} cannot be attached{}",
            plan.callees.len() + plan.left_out.len(),
            learned.root_calls,
            plan.left_out.len(),
            if verbose { ":" } else { " (-v names them)" }
        ),
    }
    if verbose {
        for left in &plan.left_out {
            eprintln!("tracer: left out {}: {}", left.name, left.reason);
        }
    }
}

fn tell_totals(outcome: &Outcome, verbose: bool) {
    let Outcome { totals, counters } = outcome;
    let lost = totals.lost.max(counters.lost_events);
    eprintln!(
        "tracer: {} whole calls, {} partial, {} events, {lost} events lost, {} gaps",
        totals.whole_calls, totals.partial_calls, totals.events, totals.gaps
    );
    if verbose {
        eprintln!(
            "tracer: in the kernel {} batches, {} events lost, {} hits of the tracer's own making",
            counters.batches, counters.lost_events, counters.own_hits
        );
    }
    if counters.lost_roots > 0 {
        eprintln!(
            "tracer: {} root calls were not traced: too many tasks were inside a root",
            counters.lost_roots
        );
    }
}
