//! One trace of the command line.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use anyhow::{Context as _, Result};
use tokio::{
    process::Child,
    signal::unix::{SignalKind, signal},
};

use super::{
    Options, Outputs,
    attached::{Attached, InKernel},
    budget::{Budget, depth::Means},
    command::{self, Subject},
    counting,
    found::Asked,
    head,
    limits::FileLimit,
    prepared::{Change, Prepared},
    probes::{self, FIRST_GENERATION, Probes},
    processes::Processes,
    profiling::{self, Profiled, Profiling},
    resolved::Resolved,
    silent,
    streaming::{self, Ended, Ends},
    tasks::Tasks,
    tell,
    user_frames::UserFrames,
};
use crate::{
    attach::{Attacher, Controls, Counters, Marks, Probe},
    export::{AskKernel, Export, KernelCounts, Source},
    graph::{AttachedLate, Rebuilder},
    kernel::{
        Kernel, Mechanisms,
        haste::Haste,
        switch::{self, SwitchedOff},
    },
    learn::{
        kept, sampling,
        wide::{ProbeCost, Programs, Sets, sets::lock},
    },
    model::{FunctionTable, Skipped, Stack, Untraced, WideCalls},
    pipeline::{self, Finished, Outcome, Pipeline, Printer, Show, Shown},
    plan::{Current, Plan, Rules, described::WithFields},
    recording::Recorder,
    stop::Stop,
    stream::Rings,
};

/// Why there is nothing to show of a trace that was stopped early.
const NOT_BEGUN: &str = "stopped before the trace began, so there is nothing to show";

/// Runs one trace until it ends, or until it is to stop.
pub async fn run(options: &Options, outputs: Outputs, stop: Stop) -> Result<Outcome> {
    let limit = FileLimit::raise();
    // From the beginning on: by itself the signal would end the process, which has seconds of work
    // before it traces.
    let recording = outputs.recording.as_ref();
    let save = recording
        .filter(|target| target.waits_to_be_asked())
        .map(|_| signal(SignalKind::user_defined1()));
    let save = save.transpose().context("cannot listen for signals")?;
    let processes = Processes::open(&options.callers.pids)?;
    if !options.callers.processes().is_empty() {
        processes.end(&stop);
    }
    let tasks = Tasks::open(&options.callers.tids);
    if !options.callers.tasks().is_empty() {
        tasks.end(&stop);
    }
    // Before the functions are asked which of them others have patched.
    sampling::remove_left();
    // Nothing is forked meanwhile.
    let haste = Haste::begin();
    let kernel = Arc::new(Kernel::read()?);
    let mechanisms = Mechanisms::of(&kernel.types);
    let mechanism = mechanisms.choose(options.mechanism)?;
    let rules = Arc::new(Rules::new(&kernel, mechanisms, options.scope));
    let Resolved {
        options,
        roots,
        excluded,
        fields,
        events,
    } = Resolved::find(options, &kernel, &rules)?;
    let options = &options;
    drop(haste);
    let subject = Subject::start(&options.command, options.begin, options.streams, limit)?;
    let tell = |words: &str| tell::more(options.verbose, words);
    let keeps = options.use_cache && !options.is_roots_only();
    let cache = keeps.then(|| kept::cache(tell)).flatten();
    let asked = Asked {
        options,
        kernel: &kernel,
        rules: &rules,
        cache: cache.as_ref(),
    };
    let (plan, found) = if options.wants_wide() && asked.can_be_wide(mechanisms) {
        asked.wide(roots, excluded)
    } else {
        let held = subject.as_ref().and_then(Subject::held);
        asked.gentle(roots, excluded, held, &stop)?
    };
    if stop.is_wanted() {
        command::end(&mut subject.and_then(Subject::running)).await;
        eprintln!("tracer: {NOT_BEGUN}");
        return Ok(Outcome::default());
    }
    let prepared = Prepared {
        current: Arc::new(Current::new(Arc::clone(&kernel))),
        kernel,
        rules,
        plan,
        fields,
        mechanisms,
        mechanism,
        found,
        cache,
        processes,
        tasks,
        subject,
        save,
        stop,
        events,
    };
    if let Shown::Latency(layout) = options.show.result {
        match counting::counting(options, layout, &outputs, &prepared) {
            Ok(counting) => return counting::run(options, counting, prepared, outputs).await,
            Err(reason) => tell::streamed(&reason, layout),
        }
    }
    let profile = match profiling::by(options, &outputs, prepared.kernel.possible_cpus) {
        None => None,
        Some(Ok(by)) => Some(by),
        Some(Err(reason)) => {
            tell::streamed_profile(&reason, options.show.result);
            None
        }
    };
    let roots = &prepared.plan.roots;
    let in_kernel = InKernel {
        profile,
        decide: counting::decide(options, &outputs, &prepared.kernel, roots),
    };
    trace(options, prepared, outputs, in_kernel).await
}

/// The functions of a trace, with the fields that are read of them.
fn functions(prepared: &Prepared) -> FunctionTable {
    FunctionTable::of(Arc::new(WithFields {
        kernel: Arc::clone(&prepared.current),
        fields: prepared.fields.clone(),
    }))
}

async fn trace(
    options: &Options,
    mut prepared: Prepared,
    mut outputs: Outputs,
    in_kernel: InKernel,
) -> Result<Outcome> {
    let mut programs = Programs::default();
    let cost = prepared.found.is_wide().then(ProbeCost::before).flatten();
    let Attached {
        mut attacher,
        arming,
        controls,
        rings,
        sampling,
        cgroups: _,
        followed,
        marks,
        tracepoints: _tracepoints,
        mut probes,
        profile,
        logger: _logger,
    } = {
        let _haste = Haste::begin();
        prepared.attach(options, in_kernel)?
    };
    let kernel = Arc::clone(&prepared.kernel);
    let table = marks.named_in(functions(&prepared));
    let show = &options.show;
    let table_out = profile.as_ref().and_then(|_| outputs.graph.take());
    let head = head::head(&kernel, &prepared.plan.roots, &options.command);
    let form = match outputs.view {
        Some(make) => make(&table, head.clone()),
        None => show.form(outputs.graph, &table, kernel.possible_cpus),
    };
    let ask = ask_kernel(controls.counters());
    let (export, feed) = Export::start(outputs.export, &head, show.text, Source::Live(ask))
        .context("nothing can be sent or served")?;
    let printer = Printer::new(form, &table, &show.filter, show.count).with_feed(feed);
    let attached_late = AttachedLate::default();
    let rebuilder =
        Rebuilder::new(show.capture.interrupts).with_attached_late(attached_late.clone());
    let begin = |target| Recorder::begin(target, head, &table, attached_late.clone());
    let recorder = outputs.recording.map(begin).transpose();
    let recorder = recorder.context("the recording cannot be begun")?;
    let seen = prepared.found.seen();
    let is_wanted = show.capture.user_stack == Stack::Recorded;
    let mut pipeline = Pipeline::new(rebuilder, printer, recorder)
        .with_observer(prepared.found.observer())
        .with_observer(is_wanted.then(|| UserFrames::new(&table)));
    let mut rings = Rings::new(rings).context("the rings cannot be watched")?;
    let (mut child, mut change) = (None, Change::Never);
    let later = std::mem::take(&mut probes.later);
    let functions = (probes.callee_functions(), later.len());
    let callees = first_callees(&prepared, &mut attacher, &mut probes, &mut programs)?;
    let cost = cost.and_then(|mut cost| cost.now());
    let sets = Arc::new(Mutex::new(Sets::new(arming, FIRST_GENERATION, callees)));
    let begin = |profile| Profiling::new(profile, &table, show.result, table_out, (&seen, &sets));
    let mut profiling = profile.map(begin);
    let (stop, mut ended, mut budget) = (prepared.stop.clone(), None, None);
    if !stop.is_wanted() {
        let growing = (later, followed);
        change = prepared
            .change(options, attacher, attached_late, (&sets, programs), growing)
            .await?;
        if let Some(delay) = options.delay {
            child = delayed(delay, &mut prepared).await?;
        }
        lock(&sets).arm(prepared.found.width(options))?;
        tell::tracing(&prepared.plan, functions, cost);
        budget = begin_budget(options, sampling, &change, &sets)?;
        child = child.or(release(&mut prepared).await?);
        let ends = Ends {
            duration: options.duration,
            child: &mut child,
            stop: &stop,
            save: prepared.save.take(),
            counters: controls.counters(),
            profiling: profiling.as_mut(),
            budget: budget.as_mut(),
            skipped: &|| skipped((&probes, &marks), &sets, &change),
        };
        ended = Some(streaming::stream(ends, &mut rings, &mut pipeline).await?);
        change.stop();
        lock(&sets).end()?;
        streaming::settle(&controls, &mut rings, &mut pipeline).await?;
    }
    let untraced = change.untraced(&prepared.found, &stop, &mut pipeline);
    let skipped = skipped((&probes, &marks), &sets, &change);
    let (finished, profiled) = finish(pipeline, profiling, &controls, skipped)?;
    export.close();
    let sums = sums(show, &finished, seen.map(|seen| lock(&sets).calls(&seen)));
    // Nothing is known of single root calls that are counted.
    let outcome = counted(&controls, untraced.filter(|_| profiled.is_none()), sums)?;
    let also = (profiled.as_ref(), budget.as_ref());
    tell_sums(&outcome, also, options.verbose)?;
    tell::unmarked(&marks, controls.counters().marks()?);
    let is_written = finished.printed.is_ok();
    let switched_off = explain(ended, &outcome, is_written, (&kernel, &prepared.plan, show));
    command::end(&mut child).await;
    // Its sockets are closed before a child process may take over what is to be let go.
    pipeline::told::delivered(export.end().as_ref());
    prepared.leave(options, change, (probes, marks), &sets);
    pipeline::told::written(finished.printed)?;
    let whole = "the recording cannot be written on; what was written before is whole";
    finished.recorded.context(whole)?;
    switched_off.map_or(Ok(outcome), Err)
}

/// The sums with what the kernel side has counted.
fn counted(controls: &Controls, untraced: Option<Untraced>, sums: Outcome) -> Result<Outcome> {
    Ok(Outcome {
        counters: controls.counters().sum()?,
        turned_away: controls.counters().turned_away()?,
        untraced,
        ..sums
    })
}

/// Lets the command run before the trace is armed. A stop that comes meanwhile ends the delay.
async fn delayed(delay: Duration, prepared: &mut Prepared) -> Result<Option<Child>> {
    let child = release(prepared).await?;
    let _ = tokio::time::timeout(delay, prepared.stop.clone().wanted()).await;
    Ok(child)
}

/// How many root calls there were, or functions that were counted, and what is missing.
fn tell_sums(
    outcome: &Outcome,
    (profiled, budget): (Option<&Profiled>, Option<&Budget>),
    verbose: bool,
) -> Result<()> {
    match profiled {
        Some(profiled) => profiled.tell(outcome),
        None => pipeline::told::calls(outcome),
    }
    pipeline::told::losses(outcome, verbose);
    budget.map_or(Ok(()), Budget::tell)
}

/// What a scraper is told of the kernel side.
fn ask_kernel(counters: Arc<Counters>) -> AskKernel {
    Box::new(move || {
        Some(KernelCounts {
            counters: counters.sum().ok()?,
            sampled_out: counters.sampled_out().ok()?,
        })
    })
}

/// What the trace costs is measured from now on, if it has a budget.
fn begin_budget(
    options: &Options,
    sampling: Option<Controls>,
    change: &Change,
    sets: &Arc<Mutex<Sets>>,
) -> Result<Option<Budget>> {
    let joining = change.joining().filter(|_| !options.is_roots_only());
    let means = joining.map(|(joining, stop)| Means {
        sets: Arc::clone(sets),
        joining,
        stop,
    });
    let begin = |(share, controls)| Budget::begin(share, controls, means);
    options.budget.zip(sampling).map(begin).transpose()
}

/// What came of it, with what the kernel has dropped or counted for itself.
fn finish(
    pipeline: Pipeline<'_>,
    profiling: Option<Profiling<'_>>,
    controls: &Controls,
    skipped: [Skipped; 2],
) -> Result<(Finished, Option<Profiled>)> {
    let counters = controls.counters();
    let mut finished = pipeline.finish(counters.sum().unwrap_or_default(), skipped);
    finished.filtered_out += counters.dropped()?;
    let profiled = profiling.map(|profiling| profiling.finish(&mut finished));
    Ok((finished, profiled))
}

/// The command begins, if there is one that has not.
async fn release(prepared: &mut Prepared) -> Result<Option<Child>> {
    match prepared.subject.take() {
        Some(subject) => Ok(Some(subject.release().await?)),
        None => Ok(None),
    }
}

/// Hits that the kernel has skipped: of the roots, and of all others.
fn skipped(
    (probes, marks): (&Probes, &Marks),
    sets: &Mutex<Sets>,
    change: &Change,
) -> [Skipped; 2] {
    let [roots, below] = probes.skipped();
    let below = below + lock(sets).skipped() + change.skipped();
    [roots, below + marks.skipped()]
}

/// How it went, by the root calls that were seen and by what the kernel has skipped.
fn sums(show: &Show, finished: &Finished, wide: Option<WideCalls>) -> Outcome {
    let missed = finished.missed;
    Outcome {
        totals: finished.totals,
        filtered_out: show.filter.is_active().then_some(finished.filtered_out),
        unseen: missed.lost_whole,
        skipped_roots: missed.roots.into(),
        skipped_below: missed.below.into(),
        wide,
        ..Outcome::default()
    }
}

/// Says why nothing is shown, if nothing is; what could not be written says so itself. The error is
/// for a trace that ends because probes were switched off.
fn explain(
    ended: Option<Ended>,
    outcome: &Outcome,
    is_written: bool,
    (kernel, plan, show): (&Kernel, &Plan, &Show),
) -> Option<anyhow::Error> {
    let Some(ended) = ended else {
        eprintln!("tracer: {NOT_BEGUN}");
        return None;
    };
    if ended == Ended::SwitchedOff || outcome.shows_nothing() && switch::check().is_err() {
        let early = "the trace has ended early, and what came before is written";
        return Some(anyhow::Error::new(SwitchedOff).context(early));
    }
    if is_written {
        silent::explain(kernel, plan, &show.filter, outcome);
    }
    None
}

/// What has probes below the roots at first: the plan, and in a wide trace BPF programs, too.
fn first_callees(
    prepared: &Prepared,
    attacher: &mut Attacher,
    probes: &mut Probes,
    programs: &mut Programs,
) -> Result<Vec<Probe>> {
    let mut callees = std::mem::take(&mut probes.callees);
    if prepared.found.is_wide() {
        let new = programs.new_ones(&prepared.rules);
        callees.extend(probes::attach_programs(attacher, &new, &prepared.stop)?);
    }
    Ok(callees)
}
