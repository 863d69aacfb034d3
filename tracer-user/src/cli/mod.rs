//! The command line: what was typed becomes options, options become a run, a failure becomes one
//! sentence and an exit code.

mod args;
mod check;
mod colour;
mod demo;
mod describe;
mod discovery;
mod exit;
mod explain;
mod first;
mod graph_options;
mod habits;
mod latency_args;
mod list;
mod output;
mod page;
mod perf_args;
mod preconditions;
mod recording_args;
mod replay;
mod report;
mod ring_args;
mod select_args;
mod stuck;
mod top;
mod trace_args;
mod values;
mod words;
mod workload;

use std::{
    collections::BTreeSet,
    env,
    io::{self, Write as _},
    os::fd::AsFd as _,
    process::ExitCode,
};

use anyhow::{Context as _, Result, bail};
use clap::Parser as _;

use args::{Action, Args, CaptureArgs, LatencyArgs, ProfileArgs, RecordArgs, TraceArgs};
use exit::{Exit, Usage};

use crate::{
    learn::sampling,
    output::{Format, ftrace::Callers},
    session::{Options, Outputs, Shown, Stop},
};

/// Parses the command line, runs it, says what went wrong.
pub fn main() -> ExitCode {
    let words = words::translated(env::args_os());
    let args = Args::try_parse_from(words).unwrap_or_else(|error| habits::explained(error).exit());
    if let Some(code) = first::stand_in() {
        return code;
    }
    match run(args) {
        Ok(exit) => exit.into(),
        Err(error) => {
            // A terminal that has gone takes nothing, and the exit code says it, too.
            let _ = writeln!(io::stderr(), "tracer: {}", exit::sentence(&error));
            Exit::of(&error).into()
        }
    }
}

fn run(args: Args) -> Result<Exit> {
    match args.action {
        None => trace(args.trace),
        Some(Action::Demo(demo)) => demo::run(&demo),
        Some(Action::Record(record)) => self::record(&record),
        Some(Action::Latency(latency)) => self::latency(&latency),
        Some(Action::Profile(profile)) => self::profile(&profile),
        Some(Action::Top(top)) => top::run(&top),
        Some(Action::Stuck(stuck)) => stuck::run(*stuck),
        Some(Action::Replay(replay)) => replay::run(&replay),
        Some(Action::Report(report)) => report::report(&report),
        Some(Action::Graph(graph)) => report::graph(&graph),
        Some(Action::Diff(diff)) => report::diff(&diff),
        Some(Action::Explain(explain)) => explain::run(&explain),
        Some(Action::List(list)) => list::run(&list),
        Some(Action::Check(check)) => check::run(&check),
        Some(Action::Workload(workload)) => workload::run(&workload),
        Some(Action::Completions(completions)) => describe::completions(&completions),
        Some(Action::Manual(manual)) => describe::manual(&manual),
        Some(Action::Sample) => sample(),
    }
}

/// Does what the tracer that started this asks for on stdin.
fn sample() -> Result<Exit> {
    let stream = std::io::stdin().as_fd().try_clone_to_owned()?;
    sampling::serve(stream.into())?;
    Ok(Exit::Success)
}

/// Traces as asked.
fn trace(mut args: TraceArgs) -> Result<Exit> {
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
    if is_listing {
        options.not_roots = args.perf.not_listed;
        options.functions = Some(BTreeSet::new());
        options.show.result = Shown::Each(Format::Function);
        options.show.text.callers = Callers::Shown;
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
    show.result = Shown::Latency(args.look.look()?);
    show.filter.depth = Some(1);
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
            return page::of_trace(args, &options.show);
        }
        to(args.output.as_deref(), options.show.result, &args.capture)
    })
}

/// What is printed goes to this file, or to stdout.
fn to(path: Option<&std::path::Path>, shown: Shown, capture: &CaptureArgs) -> Result<Outputs> {
    let watch = capture.watch.outlets()?;
    Ok(Outputs {
        graph: Some(output::open(path, shown)?),
        recording: None,
        watch,
        view: None,
    })
}

/// Traces into a file.
fn record(args: &RecordArgs) -> Result<Exit> {
    let options = args.capture.options(args.show.show(None)?)?;
    run_trace(&options, || {
        let shown = options.show.result;
        let watch = args.capture.watch.outlets()?;
        let graph = args.print.then(|| output::open(None, shown)).transpose()?;
        Ok(Outputs {
            graph,
            recording: Some(args.target()?),
            watch,
            view: None,
        })
    })
}

/// The outputs are opened when the trace may begin, so that nothing is overwritten for one that
/// cannot.
fn run_trace(options: &Options, open: impl FnOnce() -> Result<Outputs>) -> Result<Exit> {
    check(options)?;
    let outputs = open()?;
    until_stopped(async |stop| crate::session::run(options, outputs, stop).await)?;
    Ok(Exit::Success)
}

/// Whether a trace may begin.
fn check(options: &Options) -> Result<()> {
    if options.verbose {
        env_logger::Builder::new()
            .filter_level(log::LevelFilter::Debug)
            .filter_module("aya_obj", log::LevelFilter::Warn)
            .init();
    }
    preconditions::check(&options.callers.pids, &options.callers.tids)
}

/// Runs something that a signal ends.
fn until_stopped<T>(run: impl AsyncFnOnce(Stop) -> Result<T>) -> Result<T> {
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
