//! What a trace is to be, before anything is attached.
//!
//! The kernel is read, its mechanism chosen, roots and fields resolved, the command started and
//! held, and what is below the roots planned. Then it is decided who does the work: a trace that
//! streams root calls ([`trace`]), or the kernel alone, which counts them ([`counting`]).

use std::sync::Arc;

use anyhow::{Context as _, Result};
use tokio::signal::unix::{SignalKind, signal};

use super::{
    Options, Outputs,
    attached::InKernel,
    command::{self, Subject},
    counting::{self, NotCounted},
    ending::NOT_BEGUN,
    found::Asked,
    limits::FileLimit,
    prepared::Prepared,
    processes::Processes,
    profiling,
    resolved::Resolved,
    tasks::Tasks,
    tell, trace,
};
use crate::{
    kernel::{Kernel, Mechanisms, haste::Haste},
    learn::{kept, sampling},
    pipeline::{Outcome, Shown},
    plan::{Current, Rules},
    stop::Stop,
};

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
        by,
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
        by,
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
            Err(reason) if options.by.is_some() => return Err(NotCounted(reason).into()),
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
    trace::trace(options, prepared, outputs, in_kernel).await
}
