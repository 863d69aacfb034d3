//! The commands that ask the kernel: options become a trace, which a signal ends.

use std::{collections::BTreeSet, io::BufWriter, os::fd::AsFd as _, path::Path};

use anyhow::{Context as _, Result, bail};

use super::{
    check, demo,
    exit::{Exit, Usage},
    list,
    live_args::{CaptureArgs, Host, LatencyArgs, ProfileArgs, RecordArgs, TraceArgs, Tracing},
    output::{self, Medium},
    preconditions, stuck, top, words, workload,
};
use crate::{
    learn::sampling,
    model::ReturnAddresses,
    output::{Format, page},
    pipeline::{Show, Shown},
    session::{self, Options, Outputs},
    stop::Stop,
};

/// What traces, and is not a trace of one's own.
pub fn tracing(tracing: Tracing) -> Result<Exit> {
    match tracing {
        Tracing::Demo(demo) => demo::run(&demo),
        Tracing::Record(record) => self::record(&record),
        Tracing::Latency(latency) => self::latency(&latency),
        Tracing::Profile(profile) => self::profile(&profile),
        Tracing::Top(top) => top::run(&top),
        Tracing::Stuck(stuck) => stuck::run(*stuck),
    }
}

/// What the host is asked.
pub fn host(host: &Host) -> Result<Exit> {
    match host {
        Host::List(list) => list::run(list),
        Host::Check(check) => check::run(check),
        Host::Workload(workload) => workload::run(workload),
        Host::Sample => sample(),
    }
}

/// Does what the tracer that started this asks for on stdin.
fn sample() -> Result<Exit> {
    let stream = std::io::stdin().as_fd().try_clone_to_owned()?;
    sampling::serve(stream.into())?;
    Ok(Exit::Success)
}

/// Traces as asked.
pub fn trace(mut args: TraceArgs) -> Result<Exit> {
    if let Some(glob) = &args.perf.funcs {
        return list::names(glob);
    }
    let is_listing = args.perf.is_listing();
    if is_listing {
        let listed = std::mem::take(&mut args.perf.listed);
        args.capture.list(listed)?;
    }
    if args.capture.roots.is_empty() && !args.capture.all_cpus {
        words::check(&args.capture.command)?;
    }
    let mut options = args
        .capture
        .options(args.show.show(args.output.as_deref())?)?;
    options.delay = args.perf.delay;
    options.events.clone_from(&args.events.events);
    if is_listing {
        options.not_roots = args.perf.not_listed;
        options.functions = Some(BTreeSet::new());
        options.show.result = Shown::Each(Format::Function);
        options.show.capture.callers = ReturnAddresses::Recorded;
    }
    run_trace(&options, || {
        to(args.output.as_deref(), options.show.result, &args.capture)
    })
}

/// Traces the roots alone, and says how long they took.
fn latency(args: &LatencyArgs) -> Result<Exit> {
    let mut show = args.filter.show()?;
    if show.filter.needs_tree() {
        bail!(Usage(
            "--through needs what the roots call, and latency traces the roots alone; use \
             `tracer profile --through`"
                .to_owned()
        ));
    }
    show.result = Shown::Latency(args.layout.layout()?);
    show.limit_depth(Some(1));
    let options = args.capture.options(show)?;
    run_trace(&options, || {
        to(args.output.as_deref(), options.show.result, &args.capture)
    })
}

/// Traces, and sums up the functions.
fn profile(args: &ProfileArgs) -> Result<Exit> {
    let mut show = args.filter.show()?;
    show.result = Shown::Profile {
        sort: args.order.sort,
        group_by: args.order.group_by,
        interval: args.interval,
    };
    let options = args.capture.options(show)?;
    run_trace(&options, || {
        if args.html {
            return page_of(args, &options.show);
        }
        to(args.output.as_deref(), options.show.result, &args.capture)
    })
}

/// What is printed goes to this file, or to stdout.
fn to(path: Option<&Path>, shown: Shown, capture: &CaptureArgs) -> Result<Outputs> {
    let export = capture.export.outlets()?;
    Ok(Outputs {
        graph: Some(output::open(path, shown)?),
        recording: None,
        export,
        view: None,
    })
}

/// Traces into a file.
fn record(args: &RecordArgs) -> Result<Exit> {
    let mut options = args.capture.options(args.show.show(None)?)?;
    options.events.clone_from(&args.events.events);
    run_trace(&options, || {
        let shown = options.show.result;
        let export = args.capture.export.outlets()?;
        let graph = args.print.then(|| output::open(None, shown)).transpose()?;
        Ok(Outputs {
            graph,
            recording: Some(args.target()?),
            export,
            view: None,
        })
    })
}

/// The outputs are opened when the trace may begin, so that nothing is overwritten for one that
/// cannot.
pub fn run_trace(options: &Options, open: impl FnOnce() -> Result<Outputs>) -> Result<Exit> {
    check(options)?;
    let outputs = open()?;
    until_stopped(async |stop| session::run(options, outputs, stop).await)?;
    Ok(Exit::Success)
}

/// Whether a trace may begin.
pub fn check(options: &Options) -> Result<()> {
    if options.verbose {
        env_logger::Builder::new()
            .filter_level(log::LevelFilter::Debug)
            .filter_module("aya_obj", log::LevelFilter::Warn)
            .init();
    }
    preconditions::check(&options.callers.pids, &options.callers.tids)
}

/// Runs something that a signal ends.
pub fn until_stopped<T>(run: impl AsyncFnOnce(Stop) -> Result<T>) -> Result<T> {
    let runtime = runtime()?;
    let result = runtime.block_on(async {
        let stop = Stop::on_signals().context("cannot listen for signals")?;
        run(stop).await
    });
    // A signal listener never ends by itself.
    runtime.shutdown_background();
    result
}

/// One worker beside the main thread, so that signals are heard while the main thread attaches or
/// learns.
fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .context("the runtime cannot be started")
}

/// Makes the page of a trace when that has ended.
fn page_of(args: &ProfileArgs, show: &Show) -> Result<Outputs> {
    let export = args.capture.export.outlets()?;
    let out = output::open(args.output.as_deref(), Medium::File)?;
    let (text, capture, sort) = (show.text, show.capture, args.order.sort);
    Ok(Outputs {
        graph: None,
        recording: None,
        export,
        view: Some(Box::new(move |functions, head| {
            Box::new(page::live(
                BufWriter::new(out),
                functions,
                head,
                (text, capture),
                sort,
            ))
        })),
    })
}
