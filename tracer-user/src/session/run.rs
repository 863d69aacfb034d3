//! One trace of the command line.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

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
    probes::{self, Probes},
    processes,
    recorder::{self, Recorder},
    streaming::{self, Ends},
    tell,
};
use crate::{
    attach::{Attacher, Way, Ways},
    graph::{Joined, Rebuilder},
    kernel::{Address, Kernel, learning::Looker},
    plan::{self, FunctionTable, Plan, Rules, cache::Cache},
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
    let learns = options.use_cache && !options.is_roots_only();
    let cache = learns.then(|| learning::cache(tell)).flatten();
    let mut looker = options.learns().then(Looker::start).transpose()?;
    let before = match (&subject, &mut looker) {
        _ if options.is_roots_only() => Before::RootsOnly,
        (_, None) => Before::Off,
        (Some(Subject::Held(_)), _) => Before::Nobody,
        (_, Some(looker)) => Before::Watch(options.learn, looker),
    };
    let learned = match &options.functions {
        Some(names) => Learned::given(&kernel, names),
        None => learn(&kernel, &roots, cache.as_ref(), before, &stop, tell),
    };
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
        ways,
        way,
        seen,
        growth: pause_of(&learned.origin).zip(looker),
        cache,
        subject,
        save,
        stop,
    };
    trace(options, prepared, outputs).await
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

/// All that is there before anything is loaded.
struct Prepared {
    kernel: Arc<Kernel>,
    rules: Arc<Rules>,
    plan: Plan,
    /// All that the kernel has, and the one that is taken.
    ways: Ways,
    way: Way,
    /// What was seen to run under the roots, with its hits.
    seen: BTreeMap<Address, u64>,
    /// If there is to be growth: see [`pause_of`], and who looks.
    growth: Option<(Duration, Looker)>,
    cache: Option<Cache>,
    subject: Option<Subject>,
    /// How the recording is asked for, if it waits for that.
    save: Option<Signal>,
    stop: Stop,
}

async fn trace(options: &Options, mut prepared: Prepared, outputs: Outputs) -> Result<Outcome> {
    let Attached {
        attacher,
        mut controls,
        rings,
        tracepoint,
        probes,
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
    let mut pipeline = Pipeline::new(rebuilder, printer, recorder);
    let mut rings = Rings::new(rings).context("the rings cannot be watched")?;
    let mut child = None;
    let mut growth = None;
    let stop = prepared.stop.clone();
    if !stop.is_wanted() {
        controls.arm()?;
        tell::tracing(&prepared.plan, probes.callee_functions());
        growth = prepared.grow(options, attacher, joined)?;
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
        growth.iter().for_each(Growth::stop);
        controls.disarm()?;
        streaming::settle(&controls, &mut rings, &mut pipeline).await?;
    }
    let counters = controls.counters().sum();
    let finished = pipeline.finish(*counters.as_ref().unwrap_or(&CpuCounters::default()));
    watch.close();
    let outcome = Outcome {
        totals: finished.totals,
        filtered_out: show.filter.is_active().then_some(finished.filtered_out),
        counters: counters?,
        skipped: probes.skipped(),
    };
    tell::totals(&outcome, options.verbose);
    command::end(&mut child).await;
    // Its sockets are closed before a child process may take over what is to be let go.
    tell::delivered(watch.end().as_ref());
    prepared.leave(options, growth, probes);
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
        let looker = self.growth.as_ref().map_or(own, |(_, one)| one.process());
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

    /// Begins to grow, if that is wanted.
    fn grow(
        &mut self,
        options: &Options,
        attacher: Attacher,
        joined: Joined,
    ) -> Result<Option<Growth>> {
        let Some((pause, looker)) = self.growth.take() else {
            return Ok(None);
        };
        let processes = self.processes(options);
        let start = Start {
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
        };
        Growth::start(start, looker).map(Some)
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
        probes::detach(probes);
    }
}
