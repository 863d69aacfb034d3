//! One trace of the command line.

use std::{collections::BTreeMap, io::Write, sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use aya::maps::{MapData, RingBuf};
use tokio::signal::unix::{SignalKind, signal};
use tracer_common::{Config, CpuCounters, CpuMask, MAX_ARGUMENTS, NO_DEPTH_LIMIT};

use super::{
    Begin, Callers, Show, Stop,
    command::{self, Subject},
    growth::{self, Growth, Start},
    learn,
    learning::{self, Before, Origin},
    pipeline::Pipeline,
    printer::Printer,
    probes::{self, Probes},
    recorder::{self, Recorder},
    streaming::{self, Ends},
    target::Target,
    tell,
};
use crate::{
    attach::{
        Attacher, Controls, Object, Way, Ways,
        object::{Sizes, Tracepoints},
    },
    graph::{Joined, Rebuilder, Totals},
    kernel::{Address, Kernel},
    output::ftrace::Arguments,
    plan::{self, FunctionTable, Plan, Rules, Scope, cache::Cache},
    stream::Rings,
};

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
    /// What is shown, and how.
    pub show: Show,
    /// End after this time.
    pub duration: Option<Duration>,
    /// How long to learn at most before the trace; with 0 nothing is learned in it either.
    pub learn: Duration,
    /// Go by what was learned before, and keep what is learned.
    pub use_cache: bool,
    /// Which functions are worth their cost.
    pub scope: Scope,
    /// The way to attach; none leaves it to the tool.
    pub way: Option<Way>,
    /// Bytes of each CPU's ring.
    pub ring_bytes: u32,
    /// Tell more on stderr.
    pub verbose: bool,
    /// A command to run and trace.
    pub command: Vec<String>,
    /// When the command begins.
    pub begin: Begin,
}

impl Options {
    /// Whether nothing below the roots is wanted.
    fn is_roots_only(&self) -> bool {
        self.show.filter.depth == Some(1)
    }
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
    /// Hits that the kernel skipped in the middle of another probe.
    pub skipped: u64,
}

/// Where the trace goes. All else goes to stderr.
pub struct Outputs {
    /// The graph; none if it is not to be printed.
    pub graph: Option<Box<dyn Write>>,
    /// Where a recording goes, if there is to be one.
    pub recording: Option<Target>,
}

/// Runs one trace.
pub async fn run(options: &Options, outputs: Outputs) -> Result<Outcome> {
    let stop = Stop::on_signals().context("cannot listen for signals")?;
    probes::raise_file_limit();
    let kernel = Arc::new(Kernel::read()?);
    let ways = Ways::of(&kernel.types, &kernel.symbols);
    let way = choose(options.way, ways)?;
    let rules = Arc::new(Rules::new(&kernel, ways, options.scope));
    let roots = plan::resolve_roots(&kernel, &rules, &options.roots)?;
    let hidden = plan::resolve_roots(&kernel, &rules, &options.hidden)?;
    let roots = plan::without_hidden(roots, &hidden)?;
    options.show.filter.check(roots.iter().map(|root| {
        let prototype = kernel.types.prototype(&root.name);
        (
            root.name.as_str(),
            prototype.map(|prototype| prototype.returns),
        )
    }))?;
    let subject = Subject::start(&options.command, options.begin)?;
    let tell = |words: &str| tell::more(options.verbose, words);
    let learns = options.use_cache && !options.is_roots_only();
    let cache = learns.then(|| learning::cache(tell)).flatten();
    let before = match &subject {
        _ if options.is_roots_only() => Before::RootsOnly,
        Some(Subject::Held(_)) if !options.learn.is_zero() => Before::Nobody,
        _ => Before::Watch(options.learn),
    };
    let learned = learn(&kernel, &roots, cache.as_ref(), before, &stop, tell);
    if stop.is_wanted() {
        command::end(&mut subject.and_then(Subject::running)).await;
        return Ok(Outcome::default());
    }
    let seen = learned.seen().collect();
    let plan = Plan::new(&kernel, &rules, roots, learned.functions).hide(hidden);
    tell::plan(&plan, &learned.origin, options.verbose);
    let prepared = Prepared {
        kernel,
        rules,
        plan,
        way,
        seen,
        growth: growth_of(options, &learned.origin),
        cache,
        subject,
        stop,
    };
    trace(options, prepared, outputs).await
}

/// A way to attach that the user wants and the kernel has not.
#[derive(Debug, thiserror::Error)]
#[error("this kernel has no {} (--attach {}); leave --attach out", .0.meaning(), .0.name())]
pub struct NoSuchWay(pub Way);

/// The way to attach: the user's, or else the best of the kernel.
fn choose(wanted: Option<Way>, ways: Ways) -> Result<Way, NoSuchWay> {
    match wanted {
        None => Ok(ways.best()),
        Some(way) if ways.has(way) => Ok(way),
        Some(way) => Err(NoSuchWay(way)),
    }
}

/// How long growth waits before its first look; none if there is to be no growth.
fn growth_of(options: &Options, origin: &Origin) -> Option<Duration> {
    let waits = match origin {
        Origin::RootsOnly
        | Origin::Text {
            may_grow: false, ..
        } => return None,
        Origin::Text { .. } | Origin::Before => Duration::ZERO,
        Origin::Watched(_) => growth::AFTER_LEARNING,
    };
    (!options.learn.is_zero()).then_some(waits)
}

/// All that is there before anything is loaded.
struct Prepared {
    kernel: Arc<Kernel>,
    rules: Arc<Rules>,
    plan: Plan,
    way: Way,
    /// What was seen to run under the roots, with its hits.
    seen: BTreeMap<Address, u64>,
    /// See [`growth_of`].
    growth: Option<Duration>,
    cache: Option<Cache>,
    subject: Option<Subject>,
    stop: Stop,
}

async fn trace(options: &Options, mut prepared: Prepared, outputs: Outputs) -> Result<Outcome> {
    let Attached {
        attacher,
        mut controls,
        rings,
        tracepoints,
        probes,
        logger,
    } = attach(options, &prepared)?;
    let kernel = Arc::clone(&prepared.kernel);
    let table = FunctionTable::of(Arc::clone(&kernel));
    let show = &options.show;
    let form = show.form(outputs.graph, &table, kernel.possible_cpus);
    let printer = Printer::new(form, &table, &show.filter, show.count);
    let joined = Joined::default();
    let rebuilder = Rebuilder::new(show.interrupts).with_joined(joined.clone());
    let recorder = outputs.recording.map(|target| {
        let head = recorder::head(&kernel, &prepared.plan.roots, &options.command);
        Recorder::begin(target, head, &table, joined.clone())
    });
    let recorder = recorder
        .transpose()
        .context("the recording cannot be begun")?;
    let mut pipeline = Pipeline::new(rebuilder, printer, recorder);
    let save = pipeline
        .waits_to_be_asked()
        .then(|| signal(SignalKind::user_defined1()));
    let save = save.transpose().context("cannot listen for signals")?;
    let mut rings = Rings::new(rings).context("the rings cannot be watched")?;
    let mut child = None;
    let mut growth = None;
    let stop = prepared.stop.clone();
    if !stop.is_wanted() {
        controls.arm()?;
        eprintln!(
            "tracer: tracing {}, {} functions below",
            tell::names(&prepared.plan),
            probes.callee_functions()
        );
        growth = prepared.grow(options, attacher, joined)?;
        if let Some(subject) = prepared.subject.take() {
            child = Some(subject.release().await?);
        }
        let ends = Ends {
            duration: options.duration,
            child: &mut child,
            stop: &stop,
            save,
        };
        streaming::stream(ends, &mut rings, &mut pipeline).await?;
        growth.iter().for_each(Growth::stop);
        controls.disarm()?;
        streaming::settle(&controls, &mut rings, &mut pipeline).await?;
    }
    let counters = controls.counters();
    let finished = pipeline.finish(*counters.as_ref().unwrap_or(&CpuCounters::default()));
    let outcome = Outcome {
        totals: finished.totals,
        filtered_out: show.filter.is_active().then_some(finished.filtered_out),
        counters: counters?,
        skipped: probes.skipped(),
    };
    tell::totals(&outcome, options.verbose);
    command::end(&mut child).await;
    prepared.leave(options, growth, probes);
    drop((tracepoints, logger));
    tell::written(finished.printed)?;
    let whole = "the recording cannot be written on; what was written before is whole";
    finished.recorded.context(whole)?;
    Ok(outcome)
}

/// What is in the kernel when the trace begins.
struct Attached {
    attacher: Attacher,
    controls: Controls,
    rings: Vec<RingBuf<MapData>>,
    tracepoints: Tracepoints,
    probes: Probes,
    logger: Option<tokio::task::JoinHandle<()>>,
}

fn attach(options: &Options, prepared: &Prepared) -> Result<Attached> {
    let Prepared {
        kernel, plan, stop, ..
    } = prepared;
    let btf = aya::Btf::from_sys_fs().context("the kernel's BTF cannot be read")?;
    let command = prepared.subject.as_ref().and_then(Subject::pid);
    let config = config(options, kernel, command);
    let sizes = Sizes {
        possible_cpus: kernel.possible_cpus,
        ring_bytes: options.ring_bytes,
        tasks: config.task_mask + 1,
    };
    let (mut object, rings) = Object::load(&config, sizes, &btf, options.verbose)?;
    let logger = diagnostics(&mut object, options.verbose);
    let tracepoints = object.attach_tracepoints(&btf)?;
    let controls = object.controls()?;
    let mut attacher = Attacher::new(object, btf, Arc::clone(kernel), prepared.way);
    let probes = probes::attach_all(&mut attacher, plan, stop)?;
    Ok(Attached {
        attacher,
        controls,
        rings,
        tracepoints,
        probes,
        logger,
    })
}

impl Prepared {
    /// The processes that are traced, if not all.
    fn processes(&self, options: &Options) -> Vec<u32> {
        if !options.callers.pids.is_empty() {
            return options.callers.pids.clone();
        }
        let subject = self.subject.as_ref();
        subject.and_then(Subject::pid).into_iter().collect()
    }

    /// Begins to grow, if that is wanted.
    fn grow(
        &mut self,
        options: &Options,
        attacher: Attacher,
        joined: Joined,
    ) -> Result<Option<Growth>> {
        let Some(pause) = self.growth else {
            return Ok(None);
        };
        let processes = self.processes(options);
        let growth = Growth::start(Start {
            kernel: Arc::clone(&self.kernel),
            rules: Arc::clone(&self.rules),
            attacher,
            plan: self.plan.clone(),
            seen: self.seen.clone(),
            processes,
            first: self.subject.as_ref().and_then(Subject::held),
            pause,
            joined,
            verbose: options.verbose,
        })?;
        Ok(Some(growth))
    }

    /// Keeps what was learned, and takes the probes away.
    fn leave(self, options: &Options, growth: Option<Growth>, mut probes: Probes) {
        let mut seen = self.seen;
        if let Some(growth) = growth {
            let grown = growth.end();
            probes.callees.extend(grown.probes);
            seen = grown.seen;
        }
        if let Some(cache) = &self.cache {
            let tell = |words: &str| tell::more(options.verbose, words);
            learning::keep(&self.kernel, &self.plan.roots, cache, &seen, tell);
        }
        probes::detach(probes.roots, "roots");
        probes.callees.extend(probes.hidden);
        probes::detach(probes.callees, "functions");
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
        max_depth: options.show.filter.depth.unwrap_or(NO_DEPTH_LIMIT),
        task_mask: 1023,
        arguments: match options.show.text.arguments {
            Arguments::Hidden => 0,
            Arguments::Shown => MAX_ARGUMENTS,
        },
        reserved: 0,
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
