//! One trace of the command line.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use anyhow::{Context as _, Result};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracer_common::CpuCounters;

use super::{
    Options, Outcome, Outputs, Stop,
    attached::{self, Attached},
    command::{self, Subject},
    growth::{self, Growth, Start},
    learn,
    learning::{self, Before, Learned, Origin},
    limits::FileLimit,
    pipeline::Pipeline,
    printer::Printer,
    probes::{self, FIRST_GENERATION, Probes},
    processes,
    recorder::{self, Recorder},
    streaming::{self, Ends},
    tell,
};
use crate::{
    attach::{Attacher, Way, Ways, session},
    graph::{Joined, Rebuilder},
    kernel::{Address, Kernel, learning::Looker},
    learn::{
        Narrowing, ProbeCost, Programs, Seen, Sets,
        narrowing::{self, Host},
        sets::lock,
    },
    plan::{self, FunctionTable, Plan, Planned, Rules, cache::Cache},
    stream::Rings,
    watch::{Source, Watch},
};

/// Runs one trace until it ends, or until it is to stop.
pub async fn run(options: &Options, outputs: Outputs, stop: Stop) -> Result<Outcome> {
    let limit = FileLimit::raise();
    // From the beginning on: by itself the signal would end the process, which has seconds of work before it traces.
    let recording = outputs.recording.as_ref();
    let save = recording
        .filter(|target| target.waits_to_be_asked())
        .map(|_| signal(SignalKind::user_defined1()));
    let save = save.transpose().context("cannot listen for signals")?;
    processes::end_with(&options.callers.pids, &stop)?;
    let kernel = Arc::new(Kernel::read()?);
    let ways = Ways::of(&kernel.types, &kernel.symbols);
    let way = ways.choose(options.way)?;
    let rules = Arc::new(Rules::new(&kernel, ways, options.scope));
    let roots = plan::resolve_roots(&kernel, &rules, &options.roots)?;
    let hidden = plan::resolve_roots(&kernel, &rules, &options.hidden)?;
    let roots = plan::without_hidden(roots, &hidden)?;
    options.show.filter.check(roots.iter().map(|root| {
        let function = kernel.symbols.function_at(root.address);
        let prototype = function.and_then(|function| kernel.prototype(&function));
        (
            root.name.as_str(),
            prototype.map(|prototype| prototype.returns),
        )
    }))?;
    let subject = Subject::start(&options.command, options.begin, options.streams, limit)?;
    let tell = |words: &str| tell::more(options.verbose, words);
    let keeps = options.use_cache && !options.is_roots_only();
    let cache = keeps.then(|| learning::cache(tell)).flatten();
    let (plan, found) = if options.wants_wide() && can_be_wide(&kernel, ways) {
        wide(options, &kernel, &rules, (roots, hidden), cache.as_ref())
    } else {
        let held = subject.as_ref().and_then(Subject::held);
        let learned = gentle(options, &kernel, &roots, cache.as_ref(), held, &stop)?;
        let plan = Plan::new(&kernel, &rules, roots, learned.functions).hide(hidden);
        tell::planned(&plan, &learned.origin, options.verbose);
        (plan, learned.found)
    };
    if stop.is_wanted() {
        command::end(&mut subject.and_then(Subject::running)).await;
        return Ok(Outcome::default());
    }
    let prepared = Prepared {
        kernel,
        rules,
        plan,
        ways,
        way,
        found,
        cache,
        subject,
        save,
        stop,
    };
    trace(options, prepared, outputs).await
}

/// Kernel memory that the probes of a wide trace may take, bytes.
const WIDE_MEMORY: u64 = 512 << 20;

/// Whether the kernel attaches all functions at once, and has the memory for it.
fn can_be_wide(kernel: &Kernel, ways: Ways) -> bool {
    let functions = kernel.traceable_functions().len();
    if ways.by_address().is_none() || functions == 0 {
        return false;
    }
    let memory = session::memory(kernel, functions);
    if memory > WIDE_MEMORY {
        eprintln!(
            "tracer: probes on all functions would take {} MiB of kernel memory with {} CPUs, so the trace is gentle",
            memory >> 20,
            kernel.possible_cpus
        );
    }
    memory <= WIDE_MEMORY
}

/// All functions that the rules allow.
fn wide(
    options: &Options,
    kernel: &Kernel,
    rules: &Rules,
    (roots, hidden): (Vec<Planned>, Vec<Planned>),
    cache: Option<&Cache>,
) -> (Plan, Found) {
    let tell = |words: &str| tell::more(options.verbose, words);
    let kept = cache.map(|cache| learning::kept(kernel, &roots, cache, tell));
    let known = learning::hits(kept.iter().flatten());
    let plan = Plan::wide(kernel, rules, roots, hidden);
    tell::excluded(&plan, options.verbose);
    (plan, Found::All(Arc::new(Seen::known(known))))
}

/// What is known from before, or is learned now.
struct Gently {
    functions: BTreeMap<Address, plan::Source>,
    origin: Origin,
    found: Found,
}

fn gentle(
    options: &Options,
    kernel: &Kernel,
    roots: &[Planned],
    cache: Option<&Cache>,
    held: Option<u32>,
    stop: &Stop,
) -> Result<Gently> {
    let tell = |words: &str| tell::more(options.verbose, words);
    let time = options.learns();
    let mut looker = time.map(|_| Looker::start()).transpose()?;
    let before = match (held, time.zip(looker.as_mut())) {
        _ if options.is_roots_only() => Before::RootsOnly,
        (_, None) => Before::Off,
        (Some(_), _) => Before::Nobody,
        (None, Some((time, looker))) => Before::Watch(time, looker),
    };
    let learned = match &options.functions {
        Some(names) => Learned::given(kernel, names),
        None => learn(kernel, roots, cache, before, stop, tell),
    };
    Ok(Gently {
        found: Found::Some {
            seen: learned.seen().collect(),
            growth: pause_of(&learned.origin).zip(looker),
        },
        functions: learned.functions,
        origin: learned.origin,
    })
}

/// How long growth waits before its first look; none if there is to be no growth.
const fn pause_of(origin: &Origin) -> Option<Duration> {
    match origin {
        Origin::RootsOnly
        | Origin::Given
        | Origin::Text {
            may_grow: false, ..
        } => None,
        Origin::Text { .. } | Origin::Before => Some(Duration::ZERO),
        Origin::Watched(_) => Some(growth::AFTER_LEARNING),
    }
}

/// What the trace begins with, and how it goes on from there.
enum Found {
    /// All functions, which are narrowed by what root calls bring.
    All(Arc<Seen>),
    /// What was learned.
    Some {
        /// What was seen to run under the roots, with its hits.
        seen: BTreeMap<Address, u64>,
        /// If there is to be growth: see [`pause_of`], and who looks.
        growth: Option<(Duration, Looker)>,
    },
}

/// All that is there before anything is loaded.
struct Prepared {
    kernel: Arc<Kernel>,
    rules: Arc<Rules>,
    plan: Plan,
    /// All that the kernel has, and the one that is taken.
    ways: Ways,
    way: Way,
    found: Found,
    cache: Option<Cache>,
    subject: Option<Subject>,
    /// How the recording is asked for, if it waits for that.
    save: Option<Signal>,
    stop: Stop,
}

async fn trace(options: &Options, mut prepared: Prepared, outputs: Outputs) -> Result<Outcome> {
    let mut programs = Programs::default();
    let cost = prepared.is_wide().then(ProbeCost::before).flatten();
    let Attached {
        mut attacher,
        arming,
        controls,
        rings,
        tracepoint,
        mut probes,
        logger,
    } = prepared.attach(options)?;
    let kernel = Arc::clone(&prepared.kernel);
    let table = FunctionTable::of(Arc::clone(&kernel));
    let show = &options.show;
    let head = recorder::head(&kernel, &prepared.plan.roots, &options.command);
    let form = match outputs.view {
        Some(make) => make(&table, head.clone()),
        None => show.form(outputs.graph, &table, kernel.possible_cpus),
    };
    let counters = controls.counters();
    let ask = Box::new(move || counters.sum().ok());
    let (watch, feed) = Watch::start(outputs.watch, &head, show.text, Source::Live(ask))
        .context("nothing can be sent or served")?;
    let printer = Printer::new(form, &table, &show.filter, show.count).with_feed(feed);
    let joined = Joined::default();
    let rebuilder = Rebuilder::new(show.interrupts).with_joined(joined.clone());
    let begin = |target| Recorder::begin(target, head, &table, joined.clone());
    let recorder = outputs.recording.map(begin);
    let recorder = recorder
        .transpose()
        .context("the recording cannot be begun")?;
    let seen = prepared.seen();
    let mut pipeline = Pipeline::new(rebuilder, printer, recorder).with_seen(seen.clone());
    let mut rings = Rings::new(rings).context("the rings cannot be watched")?;
    let mut child = None;
    let mut change = Change::Never;
    let functions = probes.callee_functions();
    let mut callees = std::mem::take(&mut probes.callees);
    if prepared.is_wide() {
        let new = programs.new_ones();
        callees.extend(probes::attach_programs(
            &mut attacher,
            &new,
            &prepared.stop,
        )?);
    }
    let cost = cost.and_then(|mut cost| cost.now());
    let first = Sets::new(arming, FIRST_GENERATION, callees);
    let sets = Arc::new(Mutex::new(first));
    let stop = prepared.stop.clone();
    if !stop.is_wanted() {
        lock(&sets).arm()?;
        tell::tracing(&prepared.plan, functions, cost);
        change = prepared.change(options, attacher, joined, (&sets, programs))?;
        if let Some(subject) = prepared.subject.take() {
            child = Some(subject.release().await?);
        }
        let ends = Ends {
            duration: options.duration,
            child: &mut child,
            stop: &stop,
            save: prepared.save.take(),
        };
        streaming::stream(ends, &mut rings, &mut pipeline).await?;
        if let Change::Grows(growth) = &change {
            growth.stop();
        }
        lock(&sets).end()?;
        streaming::settle(&controls, &mut rings, &mut pipeline).await?;
    }
    let counters = controls.counters().sum();
    let finished = pipeline.finish(*counters.as_ref().unwrap_or(&CpuCounters::default()));
    watch.close();
    let (skipped_below, wide) = {
        let sets = lock(&sets);
        (sets.skipped(), seen.map(|seen| sets.calls(&seen)))
    };
    let outcome = Outcome {
        totals: finished.totals,
        filtered_out: show.filter.is_active().then_some(finished.filtered_out),
        counters: counters?,
        skipped: probes.skipped() + skipped_below,
        wide,
    };
    tell::totals(&outcome, options.verbose);
    command::end(&mut child).await;
    // Its sockets are closed before a child process may take over what is to be let go.
    tell::delivered(watch.end().as_ref());
    prepared.leave(options, change, probes, &sets);
    drop((tracepoint, logger));
    tell::written(finished.printed)?;
    let whole = "the recording cannot be written on; what was written before is whole";
    finished.recorded.context(whole)?;
    Ok(outcome)
}

impl Prepared {
    fn attach(&self, options: &Options) -> Result<Attached> {
        let command = self.subject.as_ref().and_then(Subject::pid);
        let own = std::process::id();
        let looker = match &self.found {
            Found::Some {
                growth: Some((_, looker)),
                ..
            } => looker.process(),
            _ => own,
        };
        attached::attach(
            options,
            &self.kernel,
            &self.plan,
            self.ways,
            self.way,
            options.callers.config([own, looker], command),
            &self.stop,
        )
    }

    /// The processes that are traced, if not all.
    fn processes(&self, options: &Options) -> Vec<u32> {
        if !options.callers.pids.is_empty() {
            return options.callers.pids.clone();
        }
        let subject = self.subject.as_ref();
        subject.and_then(Subject::pid).into_iter().collect()
    }

    /// Whether all functions have probes at first.
    const fn is_wide(&self) -> bool {
        matches!(self.found, Found::All(_))
    }

    /// What root calls bring, if the trace is wide.
    fn seen(&self) -> Option<Arc<Seen>> {
        match &self.found {
            Found::All(seen) => Some(Arc::clone(seen)),
            Found::Some { .. } => None,
        }
    }

    /// Begins to narrow the trace, or to make it grow, if that is wanted.
    fn change(
        &mut self,
        options: &Options,
        attacher: Attacher,
        joined: Joined,
        (sets, programs): (&Arc<Mutex<Sets>>, Programs),
    ) -> Result<Change> {
        match &mut self.found {
            Found::All(seen) => {
                let start = narrowing::Start {
                    kernel: Arc::clone(&self.kernel),
                    rules: Arc::clone(&self.rules),
                    attacher,
                    plan: self.plan.clone(),
                    seen: Arc::clone(seen),
                    sets: Arc::clone(sets),
                    host: Host::of(self.subject.is_some()),
                    programs,
                    joined,
                    narrows: !options.is_complete(),
                    verbose: options.verbose,
                };
                Narrowing::start(start).map(Change::Narrows)
            }
            Found::Some { growth, .. } => {
                let Some((pause, looker)) = growth.take() else {
                    return Ok(Change::Never);
                };
                self.grow(options, attacher, joined, (pause, looker))
                    .map(Change::Grows)
            }
        }
    }

    fn grow(
        &self,
        options: &Options,
        attacher: Attacher,
        joined: Joined,
        (pause, looker): (Duration, Looker),
    ) -> Result<Growth> {
        let start = Start {
            kernel: Arc::clone(&self.kernel),
            rules: Arc::clone(&self.rules),
            attacher,
            plan: self.plan.clone(),
            seen: self.hits(),
            processes: self.processes(options),
            first: self.subject.as_ref().and_then(Subject::held),
            pause,
            joined,
            verbose: options.verbose,
        };
        Growth::start(start, looker)
    }

    /// What was seen to run under the roots, with its hits.
    fn hits(&self) -> BTreeMap<Address, u64> {
        match &self.found {
            Found::All(seen) => seen.functions(),
            Found::Some { seen, .. } => seen.clone(),
        }
    }

    /// Keeps what was learned, and takes the probes away.
    fn leave(self, options: &Options, change: Change, mut probes: Probes, sets: &Mutex<Sets>) {
        let mut seen = self.hits();
        match change {
            Change::Never => {}
            Change::Narrows(narrowing) => narrowing.end(PATIENCE),
            Change::Grows(growth) => {
                let grown = growth.end();
                probes.callees.extend(grown.probes);
                seen = grown.seen;
            }
        }
        probes.callees.extend(lock(sets).take_all());
        if let Some(cache) = &self.cache {
            let tell = |words: &str| tell::more(options.verbose, words);
            learning::keep(&self.kernel, &self.plan.roots, cache, &seen, tell);
        }
        probes::detach(probes);
    }
}

/// What changes the set of probes while the trace goes on.
enum Change {
    Never,
    Narrows(Narrowing),
    Grows(Growth),
}

/// The end of the trace waits no longer for a thread that is in the kernel.
const PATIENCE: Duration = Duration::from_millis(100);
