//! A trace that streams root calls, from attaching to the last one.
//!
//! In this order: probes are attached, what takes the root calls is made, the trace is armed, the
//! command goes on, batches are taken until something ends it. Then probes that are still coming
//! are stopped, what is in the rings is taken, the sums are made, and the probes are let go.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use anyhow::{Context as _, Result};
use tokio::process::Child;

use super::{
    Options, Outputs,
    attached::{Attached, InKernel},
    budget::{Budget, depth::Means},
    command,
    ending::{counted, explain, finish, skipped, sums, tell_sums},
    head,
    prepared::{Change, Prepared},
    probes::{self, FIRST_GENERATION, Probes},
    profiling::Profiling,
    streaming::{self, Ends},
    tell,
    user_frames::UserFrames,
};
use crate::{
    attach::{Attacher, Controls, Counters, Probe},
    export::{AskKernel, Export, KernelCounts, Source},
    graph::{AttachedLate, Rebuilder},
    kernel::haste::Haste,
    learn::wide::{ProbeCost, Programs, Sets, sets::lock},
    model::{FunctionTable, Stack},
    pipeline::{self, Outcome, Pipeline, Printer},
    plan::described::WithFields,
    recording::Recorder,
    stream::Rings,
};

/// The functions of a trace, with the fields that are read of them.
fn functions(prepared: &Prepared) -> FunctionTable {
    FunctionTable::of(Arc::new(WithFields {
        kernel: Arc::clone(&prepared.current),
        fields: prepared.fields.clone(),
    }))
}

/// Traces what was prepared, until it ends or is to stop.
pub async fn trace(
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

/// Lets the command run before the trace is armed. A stop that comes meanwhile ends the delay.
async fn delayed(delay: Duration, prepared: &mut Prepared) -> Result<Option<Child>> {
    let child = release(prepared).await?;
    let _ = tokio::time::timeout(delay, prepared.stop.clone().wanted()).await;
    Ok(child)
}

/// The command begins, if there is one that has not.
async fn release(prepared: &mut Prepared) -> Result<Option<Child>> {
    match prepared.subject.take() {
        Some(subject) => Ok(Some(subject.release().await?)),
        None => Ok(None),
    }
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
